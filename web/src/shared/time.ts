// Moments as pages show them: in the reader's own time, with its offset from UTC. APIs and exports stay in UTC.
import { sharedTexts } from './texts';

const days = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
// The same clock of 24 hours everywhere, as logs have it.
const times = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
  timeZoneName: 'longOffset',
});

const said = ({ type, value }: Intl.DateTimeFormatPart): string =>
  type === 'timeZoneName' ? value.replace('GMT', 'UTC') : value;

/** The day and the time of a moment for the reader, such as `Aug 2, 2026` and `14:03:05 UTC+02:00`. */
export function localParts(at: string | number): string[] {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return [String(at)];
  return [days.format(date), times.formatToParts(date).map(said).join('')];
}

/** A moment in the reader's own time, in one line. */
export const localTime = (at: string | number): string => localParts(at).join(', ');

/** The reader's time zone and its offset now, such as `Europe/Berlin, now UTC+02:00`. */
export function localZone(): string {
  const { timeZone } = times.resolvedOptions();
  const offset = times.formatToParts(new Date()).find(({ type }) => type === 'timeZoneName');
  return offset && timeZone !== 'UTC' ? sharedTexts.zone(timeZone, said(offset)) : timeZone;
}
