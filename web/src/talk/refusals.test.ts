import { expect, test } from 'vitest';

import type { Command, Sending } from '../net/outbox';
import { DORA, messages, proposed } from '../state/samples';
import { NOTHING, continueWith } from '../state/talk';
import { hasPlace } from './refusals';

const talk = continueWith(NOTHING, [...messages(5, 6), proposed(7, DORA, 'p')], 7);
const placed = (command: Command) => hasPlace({ command } as Sending, talk, 'r');
const about = { conversation: 'c' };

test('a refusal is told beside what it is about, where that is held', () => {
  expect(placed({ type: 'retract_message', ...about, message: 6 })).toBe(true);
  expect(placed({ type: 'retract_message', ...about, message: 4 })).toBe(false);
  expect(placed({ type: 'withdraw_proposal', ...about, proposal: 'p' })).toBe(true);
  expect(placed({ type: 'withdraw_proposal', ...about, proposal: 'q' })).toBe(false);
  expect(placed({ type: 'cancel_booking', ...about, reservation: 'r' })).toBe(true);
  expect(placed({ type: 'cancel_booking', ...about, reservation: 's' })).toBe(false);
  expect(placed({ type: 'post_message', ...about, text: 'hello' })).toBe(false);
});
