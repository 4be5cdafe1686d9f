// How a talk is divided: by days, by who speaks, and into parts that are drawn together.
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

/** How many `seq` a part spans. */
const PART_SEQS = 25;

/** Neighbouring rows. */
export interface Part {
  /** The same for the same `seq`, whatever else is held. */
  key: number;
  rows: readonly Row[];
}

/** The key of the part that a `seq` is in. */
export function partOf(seq: number): number {
  return Math.floor(seq / PART_SEQS);
}

/** Divides rows into parts; a part whose rows are the same as before stays the same object. */
export function partMaker(): (rows: readonly Row[]) => Part[] {
  let made = new Map<number, Part>();
  return (rows) => {
    const parts = new Map<number, Row[]>();
    for (const row of rows) {
      const key = partOf(row.entry.seq);
      const part = parts.get(key);
      if (part) part.push(row);
      else parts.set(key, [row]);
    }
    made = new Map([...parts].map(([key, now]) => [key, sameRows(made.get(key), now) ?? { key, rows: now }]));
    return [...made.values()];
  };
}

function sameRows(part: Part | undefined, rows: readonly Row[]): Part | undefined {
  const same = part?.rows.length === rows.length && part.rows.every((row, at) => row === rows[at]);
  return same ? part : undefined;
}
