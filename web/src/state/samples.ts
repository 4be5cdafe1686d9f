// Frames for tests, as the server writes them.
import type { ConversationShown, Fact, Hidden, SeenEvent, Told, WireTerms } from '../wire/http';

/** A conversation between Anna, a passenger, and Dora, a driver. */
export const TALK = '0190a4b2-5a6e-5c31-8d1f-444444444444';
export const ANNA = '0190a4b2-5a6e-7c31-8d1f-222222222222';
export const DORA = '0190a4b2-5a6e-7c31-8d1f-555555555555';
export const RIDE = '0190a4b2-5a6e-5c31-8d1f-666666666666';

/** An event of the conversation. Its position is 1000 more than its `seq`. */
export function told(seq: number, by: string, fact: Fact, key?: string): Told {
  const at = new Date(Date.UTC(2027, 0, 4, 18, 0, seq)).toISOString();
  return { ...fact, conversation: TALK, seq, position: 1000 + seq, at, by, v: 1, key } as Told;
}

/** Somebody says something. */
export function said(seq: number, author: string, text: string, key?: string): Told {
  return told(seq, `person-${author}`, { type: 'message_posted', data: { author, text } }, key);
}

/** What may not be seen. */
export function hidden(seq: number): Hidden {
  return { conversation: TALK, seq, type: 'hidden' };
}

/** Terms of two seats at `cents` each. */
export function terms(cents: number): WireTerms {
  return {
    seats: 2,
    price_per_seat: { cents, currency: 'EUR' },
    pickup: { lat: 45.19, lon: 5.71, label: 'Gare de Grenoble' },
    drop_off: { lat: 45.76, lon: 4.86, label: 'Part-Dieu' },
    pickup_at: '2027-01-06T08:00:00.000Z',
    stretch: { from_m: 0, to_m: 92_000 },
    ride_terms_version: 1,
  };
}

/** Somebody proposes. */
export function proposed(
  seq: number,
  by: string,
  proposal: string,
  more: { in_reply_to?: string; replaces?: string } = {},
): Told {
  const data = {
    proposal,
    by,
    terms: terms(700),
    terms_hash: proposal,
    expires_at: '2027-01-05T18:00:00.000Z',
    ...more,
  };
  return told(seq, `person-${by}`, { type: 'proposal_made', data });
}

/** Somebody agrees. */
export function accepted(seq: number, by: string, proposal: string): Told {
  const data = { proposal, acceptance: { person: by }, terms_hash: proposal, terms: terms(700) };
  return told(seq, `person-${by}`, { type: 'proposal_accepted', data });
}

/** The seats are reserved. */
export function confirmed(seq: number, proposal: string): Told {
  const { seats, price_per_seat, pickup_at } = terms(700);
  const data = { proposal, reservation: proposal, ride: RIDE, passenger: ANNA, seats, price_per_seat, pickup_at };
  return told(seq, 'system', { type: 'booking_confirmed', data });
}

/** The conversation as the inbox has it, up to `seq`. */
export function summary(seq: number, more: Partial<ConversationShown> = {}): ConversationShown {
  return {
    conversation: TALK,
    kind: 'ride',
    ride: {
      ride: RIDE,
      stage: 'offered',
      stops: [],
      departs_at: '2027-01-06T08:00:00.000Z',
      time_zone: 'Europe/Paris',
    },
    driver: { account: DORA, name: 'Dora' },
    passenger: { account: ANNA, name: 'Anna' },
    opened_at: '2027-01-04T18:00:00.000Z',
    from_seq: 1,
    seq,
    position: 1000 + seq,
    at: '2027-01-04T18:00:00.000Z',
    read_seq: 0,
    unread: 0,
    participants: [],
    open_proposals: [],
    marks: [],
    ...more,
  };
}

/** Messages from `from` to `to`, by Dora. */
export function messages(from: number, to: number): SeenEvent[] {
  return Array.from({ length: to - from + 1 }, (_, at) => said(from + at, DORA, `n° ${from + at}`));
}
