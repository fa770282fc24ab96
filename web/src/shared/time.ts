// Moments as pages show them: in the reader's own time, with its offset from UTC. APIs and exports stay in UTC.

const moments = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'longOffset',
});

const said = ({ type, value }: Intl.DateTimeFormatPart): string =>
  type === 'timeZoneName' ? value.replace('GMT', 'UTC') : value;

/** A moment in the reader's own time, such as `Aug 2, 2026, 02:03:05 PM UTC+02:00`. */
export function localTime(at: string | number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : moments.formatToParts(date).map(said).join('');
}

/** The reader's time zone and its offset now, such as `Europe/Berlin, UTC+02:00`. */
export function localZone(): string {
  const offset = moments.formatToParts(new Date()).find(({ type }) => type === 'timeZoneName');
  return [moments.resolvedOptions().timeZone, ...(offset ? [said(offset)] : [])].join(', ');
}
