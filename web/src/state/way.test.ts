import { expect, it } from 'vitest';

import { passes } from './way';

it('a ride passes its stops in proportion to what it has driven', () => {
  const ride = { departs_at: '2027-01-04T10:00:00Z', arrives_at: '2027-01-04T12:00:00Z', legs_m: [25_000, 75_000] };
  expect(passes(ride).map((at) => at.toISOString().slice(11, 16))).toEqual(['10:00', '10:30', '12:00']);
});

it('a ride of no length is there at once', () => {
  const ride = { departs_at: '2027-01-04T10:00:00Z', arrives_at: '2027-01-04T10:00:00Z', legs_m: [0] };
  expect(passes(ride)[1]?.toISOString()).toBe('2027-01-04T10:00:00.000Z');
});
