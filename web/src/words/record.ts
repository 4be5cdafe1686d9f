// One event of a ride's record in words of the page: who did what, and what was said or agreed.
import type { Entry, WirePlace, WirePrice } from '../wire/http';
import { moment, money, placeName } from './format';
import { language, w } from './language.svelte';

type Teller = (who: string) => string;

/** When something was recorded, to the second: much happens within a minute. */
export function sayInstant(time: string): string {
  const style = { dateStyle: 'medium', timeStyle: 'medium' } as const;
  return new Intl.DateTimeFormat(language.locale, style).format(new Date(time));
}

/** Who did what. */
export function sayEntry(entry: Entry): string {
  const tell = (w.history.what as Record<string, Teller>)[entry.type];
  return tell ? tell(whoDid(entry)) : w.history.unknown(entry.type);
}

/** What was agreed, or what changed: short phrases. */
export function detailsOf(entry: Entry, timeZone: string): string[] {
  const data: Record<string, unknown> = entry.data;
  const terms = isObject(data.terms) ? data.terms : data;
  const route = isObject(data.route) && Array.isArray(data.route.stops) ? (data.route.stops as WirePlace[]) : [];
  const ends = isObject(terms.pickup) && isObject(terms.drop_off) ? [terms.pickup, terms.drop_off] : route;
  return [
    way(ends as WirePlace[]),
    typeof data.departs_at === 'string' ? w.history.leaves(moment(data.departs_at, timeZone)) : undefined,
    typeof terms.seats === 'number' ? w.history.seats(terms.seats) : undefined,
    isPrice(terms.price_per_seat) ? money(terms.price_per_seat) : undefined,
  ].filter((phrase) => phrase !== undefined);
}

/** What somebody wrote with it. */
export function quoteOf(entry: Entry): string | undefined {
  const data: Record<string, unknown> = entry.data;
  const text = data.text ?? data.reason ?? data.comment;
  return typeof text === 'string' ? w.history.quote(text) : undefined;
}

function whoDid({ by }: Entry): string {
  if (!by) return w.history.someone;
  if (by.kind === 'system') return w.history.system;
  return by.kind === 'operator' ? w.history.operator : (by.name ?? w.shell.someone);
}

function way(places: WirePlace[]): string | undefined {
  const names = places.map((place) => placeName(place) ?? w.shell.somewhere);
  return names.length < 2 ? undefined : names.join(' → ');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isPrice(value: unknown): value is WirePrice {
  return isObject(value) && typeof value.cents === 'number' && typeof value.currency === 'string';
}
