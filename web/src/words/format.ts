// Numbers, money, lengths and times as people read them, in the language that is spoken. Times of a ride are read in the
// zone of the ride, everything else in the zone of the browser.
import type { WirePlace, WirePrice } from '../wire/http';
import { language, w } from './language.svelte';

/** Currencies that people pay in; prices are whole cents of one. */
export function money(price: WirePrice | { cents: number; currency: string }): string {
  const style = { style: 'currency', currency: price.currency, trailingZeroDisplay: 'stripIfInteger' } as const;
  return new Intl.NumberFormat(language.locale, style).format(price.cents / 100);
}

/** The sum of some seats. */
export function sum(price: { cents: number; currency: string }, seats: number): string {
  return money({ cents: price.cents * seats, currency: price.currency });
}

/** The symbol of a currency, for a field. */
export function currencySymbol(currency: string): string {
  const parts = new Intl.NumberFormat(language.locale, { style: 'currency', currency }).formatToParts(0);
  return parts.find((part) => part.type === 'currency')?.value ?? currency;
}

/** A whole or decimal number. */
export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(language.locale, { maximumFractionDigits: digits }).format(value);
}

/** A share of one, in per cent. */
export function percent(share: number): string {
  return new Intl.NumberFormat(language.current, { style: 'percent' }).format(share);
}

/** A length: metres below one kilometre, else kilometres. */
export function length(metres: number): string {
  const [value, unit, digits] =
    metres < 1000 ? [metres, 'meter', 0] : [metres / 1000, 'kilometer', metres < 10_000 ? 1 : 0];
  const style = { style: 'unit', unit: unit as string, maximumFractionDigits: digits as number } as const;
  return new Intl.NumberFormat(language.locale, style).format(value as number);
}

/** A duration in minutes and hours. */
export function duration(seconds: number): string {
  const minutes = Math.round(Math.abs(seconds) / 60);
  // English is shortest with `4h`; French sets the unit apart from its number.
  const hourDisplay = language.current === 'en' ? 'narrow' : 'short';
  const unit = (value: number, unit: 'hour' | 'minute') =>
    new Intl.NumberFormat(language.locale, {
      style: 'unit',
      unit,
      unitDisplay: unit === 'hour' ? hourDisplay : 'short',
    }).format(value);
  if (minutes < 60) return unit(minutes, 'minute');
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return rest === 0 ? unit(hours, 'hour') : `${unit(hours, 'hour')} ${String(rest).padStart(2, '0')}`;
}

/** The hour and minute. */
export function hour(time: string | number | Date, timeZone?: string): string {
  return format(time, { hour: '2-digit', minute: '2-digit', timeZone });
}

/** The weekday, day and month; the year where it is not this one. */
export function day(time: string | number | Date, timeZone?: string): string {
  const sameYear = new Date(time).getFullYear() === new Date().getFullYear();
  return format(time, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: sameYear ? undefined : 'numeric',
    timeZone,
  });
}

/** The same, shortly. */
export function shortDay(time: string | number | Date, timeZone?: string): string {
  return format(time, { weekday: 'short', day: 'numeric', month: 'short', timeZone });
}

/** Day and hour. */
export function moment(time: string | number | Date, timeZone?: string): string {
  return format(time, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    timeZone,
  });
}

/** How long ago, or how soon, in the largest unit that fits. */
export function relative(time: string | number | Date, now = Date.now()): string {
  const seconds = (new Date(time).getTime() - now) / 1000;
  const steps = [
    ['second', 60],
    ['minute', 60],
    ['hour', 24],
    ['day', 7],
    ['week', 4.345],
    ['month', 12],
    ['year', Number.POSITIVE_INFINITY],
  ] as const;
  if (Math.abs(seconds) < 60)
    return new Intl.RelativeTimeFormat(language.locale, { numeric: 'auto' }).format(0, 'second');
  let value = seconds;
  for (const [unit, next] of steps) {
    if (Math.abs(value) < next) {
      const style = { numeric: 'auto', style: 'short' } as const;
      return new Intl.RelativeTimeFormat(language.locale, style).format(Math.round(value), unit);
    }
    value /= next;
  }
  throw new Error('the last step has no end');
}

/** How soon something ends: in minutes, in hours up to two days, then in days. */
export function within(time: string | number | Date, now: number): string {
  const minutes = Math.max(0, (new Date(time).getTime() - now) / 60_000);
  const [value, unit] =
    minutes < 60 ? [minutes, 'minute'] : minutes < 48 * 60 ? [minutes / 60, 'hour'] : [minutes / 1440, 'day'];
  return new Intl.RelativeTimeFormat(language.locale).format(Math.floor(value as number), unit as 'minute');
}

/** What people call a place: its label, else its town, else where it lies; undefined where it was erased. */
export function placeName(place: WirePlace): string | undefined {
  return place.label ?? place.town ?? pointName(place);
}

/** The town of a place, else its label. */
export function townName(place: WirePlace): string | undefined {
  return place.town ?? place.label ?? pointName(place);
}

function pointName({ lat, lon }: WirePlace): string | undefined {
  return lat == null || lon == null ? undefined : w.places.point(number(lat, 2), number(lon, 2));
}

/** The name of a country, by its code of two letters. */
export function countryName(code: string): string {
  return new Intl.DisplayNames(language.current, { type: 'region', fallback: 'code' }).of(code) ?? code;
}

/** Names joined as the language joins them: a, b and c. */
export function list(names: string[]): string {
  return new Intl.ListFormat(language.locale, { type: 'conjunction' }).format(names);
}

function format(time: string | number | Date, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(language.locale, options).format(new Date(time));
}
