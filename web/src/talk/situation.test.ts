import { expect, test } from 'vitest';

import { ANNA, DORA, summary } from '../state/samples';
import type { BookingShown, ConversationShown, Stage } from '../wire/http';
import { canPropose, isToHandle, situationOf } from './situation';

const NOW = Date.UTC(2027, 0, 4, 19);
const booking = (more: Partial<BookingShown>): BookingShown => ({
  state: 'confirmed',
  reservation: 'p',
  seats: 2,
  price_per_seat: { cents: 700, currency: 'EUR' },
  pickup_at: '2027-01-06T08:00:00.000Z',
  to_reconfirm: false,
  no_show: false,
  ...more,
});
const open = (by: string, expires_at = '2027-01-05T18:00:00.000Z') => ({ proposal: `of ${by}`, by, expires_at });
const seen = (more: Partial<ConversationShown>, by = ANNA) => situationOf(summary(3, more), by, NOW);
const at = (stage: Stage) => ({ ...summary(1).ride, stage });

test('nothing was agreed yet', () => {
  expect(seen({})).toEqual({ state: 'nothing' });
});

test('a proposal waits for the other side', () => {
  const open_proposals = [open(ANNA)];
  expect(seen({ open_proposals }, DORA)).toMatchObject({ state: 'to_answer', proposal: { by: ANNA } });
  expect(seen({ open_proposals }, ANNA).state).toBe('awaiting');
});

test('one that has run out waits for nobody, even before the server says so', () => {
  expect(seen({ open_proposals: [open(DORA, '2027-01-04T18:59:59.000Z')] }).state).toBe('nothing');
});

test('what is to be answered comes before what stands', () => {
  expect(seen({ booking: booking({}), open_proposals: [open(DORA)] }).state).toBe('to_answer');
  expect(seen({ booking: booking({}) }).state).toBe('confirmed');
});

test('after a change of the ride, the passenger is asked, and the driver waits', () => {
  const changed = { booking: booking({ to_reconfirm: true }) };
  expect(seen(changed, ANNA)).toEqual({ state: 'to_reconfirm', mine: true });
  expect(seen(changed, DORA)).toEqual({ state: 'to_reconfirm', mine: false });
  expect([isToHandle(summary(3, changed), ANNA, NOW), isToHandle(summary(3, changed), DORA, NOW)]).toEqual([
    true,
    false,
  ]);
});

test('who cancelled is told from either side', () => {
  const cancelled = { booking: booking({ state: 'cancelled', cancelled_by: 'driver' }) };
  expect(seen(cancelled, DORA)).toEqual({ state: 'cancelled', mine: true });
  expect(seen(cancelled, ANNA)).toEqual({ state: 'cancelled', mine: false });
});

test('the end of a ride overrules what was open', () => {
  const open_proposals = [open(DORA)];
  expect(seen({ ride: at('cancelled'), open_proposals }).state).toBe('ride_cancelled');
  expect(seen({ ride: at('departed'), open_proposals }).state).toBe('departed');
  expect(seen({ ride: at('departed'), booking: booking({}) }).state).toBe('departed_booked');
  expect(seen({ ride: at('departed'), booking: booking({ no_show: true }) }).state).toBe('no_show');
});

test('nothing is proposed in groups, after the departure, or while something is being settled', () => {
  expect(canPropose(summary(1))).toBe(true);
  expect(canPropose(summary(1, { kind: 'group' }))).toBe(false);
  expect(canPropose(summary(1, { ride: at('departed') }))).toBe(false);
  expect(canPropose(summary(1, { booking: booking({ state: 'under_way' }) }))).toBe(false);
});
