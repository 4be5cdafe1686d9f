// How a talk is divided: by days, and by who speaks.
import type { Entry } from '../state/talk';
import { day } from '../words/format';
import { w } from '../words/language.svelte';

/** Messages of one person that follow each other within this belong together, in milliseconds. */
const TOGETHER_MS = 5 * 60_000;

/** Whether an entry is the first of its day, in the zone of the browser. */
export function startsDay(entry: Entry, previous: Entry | undefined): boolean {
  return previous === undefined || new Date(entry.at).toDateString() !== new Date(previous.at).toDateString();
}

/** Whether a message goes on where the same person stopped a moment ago. */
export function follows(entry: Entry, previous: Entry | undefined): boolean {
  if (entry.kind !== 'message' || previous?.kind !== 'message' || startsDay(entry, previous)) return false;
  const pause = new Date(entry.at).getTime() - new Date(previous.at).getTime();
  return entry.author === previous.author && pause < TOGETHER_MS;
}

/** Today, yesterday, or the date. */
export function dayName(at: string, now: number): string {
  const that = new Date(at).toDateString();
  if (that === new Date(now).toDateString()) return w.talk.today;
  return that === new Date(now - 24 * 3600_000).toDateString() ? w.talk.yesterday : day(at);
}

/** An entry with how it is set apart from the one before. */
export interface Row {
  entry: Entry;
  startsDay: boolean;
  follows: boolean;
}

/** Makes rows of entries; a row whose entry and predecessor are the same as before stays the same object. */
export function rowMaker(): (entries: readonly Entry[]) => Row[] {
  const made = new WeakMap<Entry, { previous: Entry | undefined; row: Row }>();
  const rowOf = (entry: Entry, previous: Entry | undefined): Row => {
    const known = made.get(entry);
    if (known && known.previous === previous) return known.row;
    const row = { entry, startsDay: startsDay(entry, previous), follows: follows(entry, previous) };
    made.set(entry, { previous, row });
    return row;
  };
  return (entries) => entries.map((entry, at) => rowOf(entry, entries[at - 1]));
}
