// Days and ids as the page shows and reads them.
const DAY = 86_400_000;

/** The day so many days before today, in UTC: reports count days of UTC. */
export const daysAgo = (days: number): string => new Date(Date.now() - days * DAY).toISOString().slice(0, 10);

/** The moment so many days of 24 hours from now. */
export const inDays = (days: number): number => Date.now() + days * DAY;

/** Every day from the first to the last, both included; at most a year of them. */
export function everyDay(first: string, last: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(first); at <= Date.parse(last) && days.length < 366; at += DAY) {
    days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}

/** The instant of an input of the type `datetime-local`, which is in local time, as the server reads it: in UTC. */
export const instant = (local: string): string => new Date(local).toISOString();

const RESOURCE =
  /^\/subscriptions\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\/resourceGroups\/[\w.()-]+\/providers\/Microsoft\.CognitiveServices\/accounts\/[a-z0-9][a-z0-9-]*\/?$/i;
export const isResourceId = (text: string): boolean => RESOURCE.test(text);

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => UUID.test(text);

/** Whether this is an IP address or a range of them, as far as a page can tell; the server has the last word. */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  if (rest.length > 0) return false;
  const parts = address.split('.');
  const isFour = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
  const isSix = address.includes(':') && /^[0-9a-f:.]+$/i.test(address);
  const most = isFour ? 32 : 128;
  return (isFour || isSix) && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= most));
}

/** The name at the end of a resource id. */
export const nameIn = (resourceId: string): string => resourceId.split('/').at(-1) ?? resourceId;
