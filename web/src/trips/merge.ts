// Reservations and rides of one's own in one list, by time. Pure.
import type { OwnRide, ReservationDetails } from '../wire/http';

/** One of either. */
export type Trip =
  | { kind: 'ride'; id: string; at: number; ride: OwnRide }
  | { kind: 'booked'; id: string; at: number; booked: ReservationDetails };

/** Both in one list: the next first or, where it is about the past, the latest. */
export function merge(booked: readonly ReservationDetails[], rides: readonly OwnRide[], latestFirst: boolean): Trip[] {
  const trips: Trip[] = [
    ...booked.map((one): Trip => ({
      kind: 'booked',
      id: one.reservation,
      at: new Date(one.pickup_at).getTime(),
      booked: one,
    })),
    ...rides.map((ride): Trip => ({ kind: 'ride', id: ride.ride, at: new Date(ride.departs_at).getTime(), ride })),
  ];
  return trips.sort((a, b) => (latestFirst ? b.at - a.at : a.at - b.at));
}
