// What is there before a test begins that is not about how it came to be: rides, talk, proposals, bookings.
import type { OfferRide, ProposalAnswer } from '../../src/wire/http';
import { momentIn } from './days';
import type { Person } from './person';

export const GRENOBLE = { lat: 45.1885, lon: 5.7245, label: 'Grenoble' };
export const BOURGOIN = { lat: 45.5861, lon: 5.2736, label: 'Bourgoin-Jallieu' };
export const LYON = { lat: 45.764, lon: 4.8357, label: 'Lyon' };

/** A ride from Grenoble to Lyon in four days, with 3 seats at 9 €. */
export function toLyon(change: Partial<OfferRide> = {}): OfferRide {
  return {
    stops: [GRENOBLE, BOURGOIN, LYON],
    departs_at: momentIn(4, '07:30'),
    time_zone: 'Europe/Paris',
    seats: 3,
    price_per_seat: { cents: 900, currency: 'EUR' },
    booking_mode: 'approval',
    vehicle: 'Clio bleue',
    ...change,
  };
}

/** Somebody proposes seats on the way from Bourgoin-Jallieu to Lyon. */
export function proposeSeats(by: Person, conversation: string, seats: number, cents: number): Promise<ProposalAnswer> {
  const price = { cents, currency: 'EUR' };
  return by.api.propose(conversation, { seats, price_per_seat: price, pickup: BOURGOIN, drop_off: LYON });
}
