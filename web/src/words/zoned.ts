// Days and hours as people write them, and the instants that they stand for, in any time zone.

/** A day as `YYYY-MM-DD` and an hour as `HH:MM`. */
export interface Written {
  date: string;
  time: string;
}

/** The zone that this browser is in. */
export const HERE = new Intl.DateTimeFormat().resolvedOptions().timeZone || 'Europe/Paris';

/** How an instant is written in a zone. */
export function write(instant: string | number | Date, timeZone = HERE): Written {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  }).formatToParts(new Date(instant));
  const part = (type: string) => parts.find((part) => part.type === type)?.value ?? '';
  return { date: `${part('year')}-${part('month')}-${part('day')}`, time: `${part('hour')}:${part('minute')}` };
}

/** The instant that is written so in a zone; undefined where it is not written whole. An hour that the change to summer
    time leaves out is taken as if clocks had not changed yet. */
export function read({ date, time }: Written, timeZone = HERE): Date | undefined {
  const wall = Date.parse(`${date}T${time}:00Z`);
  if (Number.isNaN(wall)) return undefined;
  const before = wall - offset(wall, timeZone);
  const after = wall - offset(before, timeZone);
  return new Date(after === before || offset(after, timeZone) === wall - after ? after : before);
}

/** The next whole hour that is at least so many minutes away. */
export function soon(now: number, minutes = 60): Written {
  const hour = 3_600_000;
  return write(Math.ceil((now + minutes * 60_000) / hour) * hour);
}

/** How far a zone is ahead of UTC at an instant, in milliseconds. */
function offset(instant: number, timeZone: string): number {
  const { date, time } = write(instant, timeZone);
  return Date.parse(`${date}T${time}:00Z`) - Math.floor(instant / 60_000) * 60_000;
}
