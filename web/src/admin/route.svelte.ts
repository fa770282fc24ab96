// What is open, kept in the address so that a reload and the way back find it again.

export const SECTIONS = [
  'overview', 'keys', 'approvals', 'network', 'roles', 'retention', 'encryption', 'clients', 'notices', 'usage', 'audit', 'persons',
] as const;
export type Section = (typeof SECTIONS)[number];

export type Route =
  | { view: 'accounts' }
  | { view: 'new' }
  | { view: 'installation' }
  | { view: 'account'; id: string; section: Section };

export function addressOf(route: Route): string {
  return route.view === 'account' ? `#account/${route.id}/${route.section}` : `#${route.view}`;
}

export function routeInAddress(): Route {
  const [view, id, name] = location.hash.slice(1).split('/');
  if (view === 'new' || view === 'installation') return { view };
  if (view === 'account' && id) {
    return { view, id, section: SECTIONS.find((section) => section === name) ?? 'overview' };
  }
  return { view: 'accounts' };
}
