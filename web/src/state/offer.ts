// What a driver writes into the form of a ride, and how it goes to the server and comes from there.
import type { Place } from '../parts/PlaceField.svelte';
import type { BookingMode, Luggage, Preferences, RideState, WirePlace } from '../wire/http';
import { placeName } from '../words/format';

/** Yes, no, or nothing said. */
export type Said = 'yes' | 'no' | '';

/** What is offered, as it stands in the form. */
export interface Terms {
  seats: number;
  cents: number | undefined;
  currency: string;
  mode: BookingMode;
  vehicle: string;
  comment: string;
  /** Minutes; -1 where nothing is said. */
  detourMin: number;
  smoking: Said;
  animals: Said;
  music: Said;
  talk: Said;
  luggage: Luggage | '';
}

/** What a new ride begins with. */
export const NEW_TERMS: Terms = {
  seats: 3,
  cents: undefined,
  currency: 'EUR',
  mode: 'approval',
  vehicle: '',
  comment: '',
  detourMin: -1,
  smoking: '',
  animals: '',
  music: '',
  talk: '',
  luggage: '',
};

/** The terms of a ride that is offered. */
export function termsOf(ride: RideState): Terms {
  const { preferences } = ride;
  return {
    seats: ride.seats,
    cents: ride.price_per_seat.cents,
    currency: ride.price_per_seat.currency,
    mode: ride.booking_mode,
    vehicle: ride.vehicle ?? '',
    comment: ride.comment ?? '',
    detourMin: preferences.detour_min_max ?? -1,
    smoking: said(preferences.smoking),
    animals: said(preferences.animals),
    music: said(preferences.music),
    talk: said(preferences.talk),
    luggage: preferences.luggage ?? '',
  };
}

/** What a driver likes and allows, without what is not said. */
export function preferencesOf(terms: Terms): Preferences {
  const all: Preferences = {
    detour_min_max: terms.detourMin < 0 ? undefined : terms.detourMin,
    smoking: meant(terms.smoking),
    animals: meant(terms.animals),
    music: meant(terms.music),
    talk: meant(terms.talk),
    luggage: terms.luggage || undefined,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** The stops of a ride, as the form has them; those that were erased are to be chosen anew. */
export function stopsOf(ride: { stops: readonly WirePlace[] }): (Place | undefined)[] {
  return ride.stops.map((stop) =>
    stop.lat == null || stop.lon == null ? undefined : { lat: stop.lat, lon: stop.lon, label: placeName(stop) ?? '' },
  );
}

function said(value: boolean | null | undefined): Said {
  return value == null ? '' : value ? 'yes' : 'no';
}

function meant(value: Said): boolean | undefined {
  return value === '' ? undefined : value === 'yes';
}
