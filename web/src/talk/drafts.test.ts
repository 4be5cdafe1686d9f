import { expect, test } from 'vitest';

import { before } from './drafts.svelte';

test('a text taken back goes before what was begun since, and writes over nothing', () => {
  expect(before('Refused', undefined)).toBe('Refused');
  expect(before('Refused', '  ')).toBe('Refused');
  expect(before('Refused', 'Begun')).toBe('Refused\nBegun');
});
