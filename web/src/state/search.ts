// A search as the address of the page holds it, so that it can be shared; and as the API takes it.
import type { Query } from '../net/http';
import { readPoint, written } from '../net/places';
import type { Place } from '../parts/PlaceField.svelte';
import type { LooserWishes } from '../wire/http';

/** What somebody looks for. */
export interface Wishes {
  from: Place;
  to: Place;
  /** The wished instant at the pickup. */
  at: Date;
  toleranceMin: number;
  radiusKm: number;
  seats: number;
}

/** What is taken where nothing is said, as the API does. */
export const USUAL = { toleranceMin: 60, radiusKm: 5, seats: 1 } as const;

/** The address of a view for these wishes: of the search, or of another that begins with them. */
export function addressOf(wishes: Wishes, view = '/search'): string {
  const said = new URLSearchParams({
    from: written(wishes.from),
    from_name: wishes.from.label,
    to: written(wishes.to),
    to_name: wishes.to.label,
    at: wishes.at.toISOString().replace('.000Z', 'Z'),
  });
  if (wishes.toleranceMin !== USUAL.toleranceMin) said.set('tolerance_min', String(wishes.toleranceMin));
  if (wishes.radiusKm !== USUAL.radiusKm) said.set('radius_km', String(wishes.radiusKm));
  if (wishes.seats !== USUAL.seats) said.set('seats', String(wishes.seats));
  return `${view}?${said}`;
}

/** The wishes in an address; only those that are readable. */
export function wishesIn(query: Readonly<URLSearchParams>): Partial<Wishes> {
  const at = new Date(query.get('at') ?? '');
  return {
    from: placeIn(query, 'from'),
    to: placeIn(query, 'to'),
    at: Number.isNaN(at.getTime()) ? undefined : at,
    toleranceMin: numberIn(query, 'tolerance_min', 0, 2880),
    radiusKm: numberIn(query, 'radius_km', 0, 100),
    seats: numberIn(query, 'seats', 1, 8),
  };
}

/** The wishes in an address that says enough to search. */
export function wholeWishesIn(query: Readonly<URLSearchParams>): Wishes | undefined {
  const { from, to, at, toleranceMin, radiusKm, seats } = wishesIn(query);
  if (!from || !to || !at) return undefined;
  return {
    from,
    to,
    at,
    toleranceMin: toleranceMin ?? USUAL.toleranceMin,
    radiusKm: radiusKm ?? USUAL.radiusKm,
    seats: seats ?? USUAL.seats,
  };
}

/** As `GET /searches` takes them. */
export function asQuery(wishes: Wishes): Query {
  return {
    from: written(wishes.from),
    to: written(wishes.to),
    at: wishes.at.toISOString(),
    tolerance_min: wishes.toleranceMin,
    radius_km: wishes.radiusKm,
    seats: wishes.seats,
  };
}

/** The same wishes, but for those on which somebody gives way. */
export function loosened(wishes: Wishes, change: LooserWishes): Wishes {
  return {
    ...wishes,
    toleranceMin: change.tolerance_min ?? wishes.toleranceMin,
    radiusKm: change.radius_km ?? wishes.radiusKm,
    seats: change.seats ?? wishes.seats,
  };
}

function placeIn(query: Readonly<URLSearchParams>, name: 'from' | 'to'): Place | undefined {
  const point = readPoint(query.get(name) ?? '');
  return point && { ...point, label: query.get(`${name}_name`)?.slice(0, 120) || written(point) };
}

function numberIn(query: Readonly<URLSearchParams>, name: string, min: number, max: number): number | undefined {
  const said = query.get(name);
  const value = Number(said);
  return said && value >= min && value <= max ? value : undefined;
}
