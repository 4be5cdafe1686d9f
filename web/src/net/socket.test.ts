import { expect, test } from 'vitest';

import { pauseBefore } from './socket';

test('the pause before coming back is what the server advises', () => {
  expect(pauseBefore(0, 'shutdown retry_after_ms=740', 0.5)).toBe(740);
  expect(pauseBefore(9, 'overloaded retry_after_ms=999999', 0.5)).toBe(30_000);
});

test('else random, at most a second at first, twice that after each failure, up to half a minute', () => {
  expect([0, 1, 2, 3].map((failures) => pauseBefore(failures, 'slow', 1))).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(pauseBefore(20, '', 1)).toBe(30_000);
  expect(pauseBefore(3, '', 0)).toBe(0);
});
