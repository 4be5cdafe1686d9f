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
