import { describe, expect, test } from 'vitest';

import type { SeenEvent } from '../wire/http';
import { ANNA, DORA, accepted, confirmed, hidden, messages, proposed, said, told } from './samples';
import { AHEAD_MAX, NOTHING, continueWith, fallBehind, hear, precede } from './talk';
import type { Message, Proposal, Talk } from './talk';

const after = (...events: SeenEvent[]): Talk => continueWith(NOTHING, events, events.at(-1)?.seq ?? 0);
const messageOf = (talk: Talk, seq: number) => talk.entries.find((entry) => entry.seq === seq) as Message;
const seqs = (talk: Talk) => talk.entries.map(({ seq }) => seq);

describe('what is held is gapless', () => {
  test('an event that is held already changes nothing', () => {
    const talk = after(...messages(1, 3));
    expect(hear(talk, said(2, DORA, 'again'))).toBe(talk);
  });

  test('what comes too early waits until the hole is filled, in whatever order', () => {
    const early = [5, 4, 6].reduce((talk, seq) => hear(talk, said(seq, DORA, '…')), after(...messages(1, 2)));
    expect([early.head, early.behind, early.ahead.map(({ seq }) => seq)]).toEqual([2, true, [4, 5, 6]]);
    const filled = hear(early, said(3, DORA, '!'));
    expect([filled.head, filled.ahead]).toEqual([6, []]);
    expect(seqs(filled)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('a page fills the hole, and says whether more is missing', () => {
    const early = hear(after(...messages(1, 2)), said(9, DORA, '…'));
    const partly = continueWith(early, messages(3, 5), 9);
    expect([partly.head, partly.behind]).toEqual([5, true]);
    const whole = continueWith(partly, messages(6, 8), 9);
    expect([whole.head, whole.behind, whole.ahead]).toEqual([9, false, []]);
  });

  test('a page that does not follow is left, so that it is read again', () => {
    const talk = continueWith(after(...messages(1, 2)), messages(5, 6), 6);
    expect([talk.head, talk.behind]).toEqual([2, true]);
  });

  test('what is told while the first page is read is not lost', () => {
    const early = hear(hear(NOTHING, said(4, DORA, 'd')), said(3, DORA, 'c'));
    const talk = continueWith(early, messages(1, 2), 2);
    expect([talk.head, talk.behind]).toEqual([4, false]);
  });

  test('what waits is bounded', () => {
    let talk = after(...messages(1, 1));
    for (let seq = 3; seq < 3 + AHEAD_MAX + 10; seq += 1) talk = hear(talk, said(seq, DORA, '…'));
    expect([talk.ahead.length, talk.ahead[0]?.seq, talk.behind]).toEqual([AHEAD_MAX, 3, true]);
  });

  test('hidden events keep the sequence whole and show nothing', () => {
    const talk = after(hidden(1), hidden(2), said(3, DORA, 'hello'));
    expect([talk.head, seqs(talk)]).toEqual([3, [3]]);
  });

  test('too far behind is said until a page has come', () => {
    const talk = fallBehind(after(...messages(1, 2)));
    expect(talk.behind).toBe(true);
    expect(continueWith(talk, [], 2).behind).toBe(false);
  });

  test('a page that was asked for before it fell behind does not count as that one', () => {
    const asked = after(...messages(1, 2));
    const talk = continueWith(fallBehind(asked), messages(3, 3), 3, asked.lapses);
    expect([talk.head, talk.behind]).toEqual([3, true]);
    const first = continueWith(fallBehind(NOTHING), messages(1, 2), 2, NOTHING.lapses);
    expect([first.head, first.loaded, first.behind]).toEqual([2, true, true]);
  });

  test('nor does one that was asked for before more came than may wait', () => {
    const asked = after(...messages(1, 1));
    let talk = asked;
    for (let seq = 3; seq < 3 + AHEAD_MAX + 1; seq += 1) talk = hear(talk, said(seq, DORA, '…'));
    talk = continueWith(talk, messages(2, 2), 2, asked.lapses);
    expect([talk.head, talk.behind]).toEqual([2 + AHEAD_MAX, true]);
  });
});

describe('earlier pages', () => {
  test('go before what is held, until there is nothing before', () => {
    const end = continueWith(NOTHING, messages(7, 9), 9);
    expect([end.first, end.complete]).toEqual([7, false]);
    const more = precede(end, messages(4, 6));
    expect([more.first, more.head, more.complete, seqs(more)]).toEqual([4, 9, false, [4, 5, 6, 7, 8, 9]]);
    expect(precede(more, messages(1, 3)).complete).toBe(true);
  });

  test('leave what they do not concern as it is, so that it is not drawn anew', () => {
    const end = continueWith(NOTHING, [said(3, DORA, 'c'), proposed(4, ANNA, 'p')], 4);
    const whole = precede(end, messages(1, 2));
    expect(whole.entries[2]).toBe(end.entries[0]);
    expect(whole.entries[3]).toBe(end.entries[1]);
  });

  test('a booking learns the terms of its proposal when that comes', () => {
    const end = continueWith(NOTHING, [accepted(2, DORA, 'p'), confirmed(3, 'p')], 3);
    expect(end.bookings.p?.terms).toBeUndefined();
    expect(precede(end, [proposed(1, ANNA, 'p')]).bookings.p?.terms).toMatchObject({ seats: 2 });
  });

  test('a correction that came first meets its message', () => {
    const edit = told(3, `person-${DORA}`, { type: 'message_edited', data: { message: 1, text: 'right' } });
    const end = continueWith(NOTHING, [said(2, ANNA, 'oh'), edit], 3);
    const whole = precede(end, [said(1, DORA, 'wrong')]);
    expect(messageOf(whole, 1)).toMatchObject({ text: 'right', edited: true });
  });
});

describe('talk', () => {
  test('a correction replaces the text, a retraction takes it away', () => {
    const edit = told(2, `person-${DORA}`, { type: 'message_edited', data: { message: 1, text: 'two' } });
    const retract = told(3, `person-${DORA}`, { type: 'message_retracted', data: { message: 1 } });
    const edited = after(said(1, DORA, 'one'), edit);
    expect(messageOf(edited, 1)).toMatchObject({ text: 'two', edited: true, retracted: false });
    expect(messageOf(hear(edited, retract), 1)).toMatchObject({ text: undefined, retracted: true });
  });

  test("one's own keys are remembered", () => {
    expect(after(said(1, ANNA, 'hello', 'key-1')).keys.has('key-1')).toBe(true);
  });
});

describe('proposals', () => {
  const state = (talk: Talk, proposal: string): Partial<Proposal> => {
    const { status, outcome } = talk.proposals[proposal] ?? {};
    return { status, outcome };
  };

  test('a counter-proposal takes the place of the one that it answers', () => {
    const talk = after(proposed(1, ANNA, 'p'), proposed(2, DORA, 'q', { in_reply_to: 'p' }));
    expect(state(talk, 'p').status).toBe('countered');
    expect(state(talk, 'q').status).toBe('open');
  });

  test('an acceptance waits for the ride, which confirms', () => {
    const agreed = after(proposed(1, ANNA, 'p'), accepted(2, DORA, 'p'));
    expect(state(agreed, 'p')).toEqual({ status: 'accepted', outcome: 'pending' });
    const booked = hear(agreed, confirmed(3, 'p'));
    expect(state(booked, 'p')).toEqual({ status: 'accepted', outcome: 'reserved' });
    expect(booked.bookings.p).toMatchObject({ state: 'confirmed', seats: 2, terms: { stretch: { to_m: 92_000 } } });
    // The card in the talk is the same as the proposal by its id.
    expect(booked.entries[0]).toBe(booked.proposals.p);
  });

  test('… or refuses, and says why', () => {
    const refusal = told(3, 'system', { type: 'booking_refused', data: { proposal: 'p', reason: 'no_seats_left' } });
    expect(state(after(proposed(1, ANNA, 'p'), accepted(2, DORA, 'p'), refusal), 'p').outcome).toBe('no_seats_left');
  });

  test('every other end is told', () => {
    const ends: [SeenEvent, Partial<Proposal>][] = [
      [
        told(2, `person-${DORA}`, { type: 'proposal_declined', data: { proposal: 'p', by: DORA, reason: 'too late' } }),
        { status: 'declined', reason: 'too late' },
      ],
      [told(2, `person-${ANNA}`, { type: 'proposal_withdrawn', data: { proposal: 'p' } }), { status: 'withdrawn' }],
      [told(2, 'system', { type: 'proposal_expired', data: { proposal: 'p' } }), { status: 'expired' }],
      [
        told(2, 'system', { type: 'proposal_voided', data: { proposal: 'p', reason: 'ride_changed' } }),
        { status: 'voided', voided: 'ride_changed' },
      ],
    ];
    for (const [end, expected] of ends) expect(after(proposed(1, ANNA, 'p'), end).proposals.p).toMatchObject(expected);
  });

  test('an acceptance of a proposal before what is held meets it when its page comes', () => {
    const end = continueWith(NOTHING, [accepted(2, DORA, 'p'), confirmed(3, 'p')], 3);
    expect(end.proposals.p).toBeUndefined();
    expect(precede(end, [proposed(1, ANNA, 'p')]).proposals.p).toMatchObject({
      status: 'accepted',
      outcome: 'reserved',
    });
  });
});

describe('bookings', () => {
  const booked = after(proposed(1, ANNA, 'p'), accepted(2, DORA, 'p'), confirmed(3, 'p'));

  test('a change keeps the reservation and takes the new terms', () => {
    const data = {
      proposal: 'q',
      reservation: 'p',
      seats: 1,
      price_per_seat: { cents: 500, currency: 'EUR' },
      pickup_at: '2027-01-06T09:00:00.000Z',
    };
    const change = told(6, 'system', { type: 'booking_changed', data });
    const talk = [proposed(4, ANNA, 'q', { replaces: 'p' }), accepted(5, DORA, 'q'), change].reduce(hear, booked);
    expect(talk.bookings.p).toMatchObject({ seats: 1, price: { cents: 500 }, state: 'confirmed' });
    expect(talk.proposals.q?.outcome).toBe('reserved');
  });

  test('a cancellation and a no-show are remembered', () => {
    const cancel = told(4, 'system', {
      type: 'booking_cancelled',
      data: { reservation: 'p', by: 'driver', blameless: false },
    });
    expect(hear(booked, cancel).bookings.p?.state).toBe('cancelled');
    const absent = told(4, 'system', {
      type: 'ride_noticed',
      data: { ride: 'r', notice: { what: 'no_show', reservation: 'p' } },
    });
    expect(hear(booked, absent).bookings.p?.noShow).toBe(true);
  });
});
