// What is open, kept in the address so that a reload and the way back find it again.

export const SECTIONS = [
  'overview', 'keys', 'approvals', 'network', 'roles', 'retention', 'encryption', 'clients', 'notices', 'liveness',
  'usage', 'audit', 'persons',
] as const;
export type Section = (typeof SECTIONS)[number];

/** What the section of liveness is parted into. */
export const LIVENESS_PARTS = ['sessions', 'ids', 'settings', 'page', 'devices', 'keys', 'sign'] as const;
export type LivenessPart = (typeof LIVENESS_PARTS)[number];

export type Route =
  | { view: 'accounts' }
  | { view: 'new' }
  | { view: 'installation' }
  | { view: 'account'; id: string; section: Section; part?: LivenessPart | undefined };

export function addressOf(route: Route): string {
  if (route.view !== 'account') return `#${route.view}`;
  return `#account/${route.id}/${route.section}${route.part ? `/${route.part}` : ''}`;
}

export function routeInAddress(): Route {
  const [view, id, name, part] = location.hash.slice(1).split('/');
  if (view === 'new' || view === 'installation') return { view };
  if (view === 'account' && id) {
    const section = SECTIONS.find((known) => known === name) ?? 'overview';
    return { view, id, section, part: LIVENESS_PARTS.find((known) => known === part) };
  }
  return { view: 'accounts' };
}
