// The hour of a pickup, as people write it: an hour of the day in the zone of the ride, on whichever day is nearest.
import { read, write } from '../words/zoned';

const DAY_MS = 24 * 3600_000;

/** The hour and minute of an instant in a zone, as a field of type `time` takes it. */
export function timeOf(instant: string, zone: string): string {
  return write(instant, zone).time;
}

/** The instant nearest to `base` at which clocks in `zone` show `time`; undefined where that is no time. */
export function nearest(time: string, base: string, zone: string): string | undefined {
  const around = new Date(base).getTime();
  const days = [around - DAY_MS, around, around + DAY_MS].map((day) => write(day, zone).date);
  const instants = days.flatMap((date) => read({ date, time }, zone) ?? []);
  const [found] = instants.sort((a, b) => Math.abs(a.getTime() - around) - Math.abs(b.getTime() - around));
  return found?.toISOString();
}
