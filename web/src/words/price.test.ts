import { expect, test } from 'vitest';

import { readPrice } from './price';

test.each([
  ['7', 700],
  ['7,5', 750],
  [' 7.50 € ', 750],
  ['7,', 700],
  ['0', 0],
])('%j is a price', (text, cents) => {
  expect(readPrice(text)).toBe(cents);
});

test.each(['', 'sept', '-3', '7,505', '1 000', '7.5.0', '123456'])('%j is none', (text) => {
  expect(readPrice(text)).toBeUndefined();
});
