import { expect, test } from 'vitest';

import { nearest, timeOf } from './pickup';

test('an hour is read in the zone of the ride, on the same day', () => {
  expect(nearest('08:37', '2027-01-06T06:30:00.000Z', 'Europe/Paris')).toBe('2027-01-06T07:37:00.000Z');
});

test('shortly after midnight belongs to a ride that leaves before it', () => {
  expect(nearest('00:20', '2027-01-06T22:30:00.000Z', 'Europe/Paris')).toBe('2027-01-06T23:20:00.000Z');
  expect(nearest('23:50', '2027-01-06T23:10:00.000Z', 'Europe/Paris')).toBe('2027-01-06T22:50:00.000Z');
});

test('what is no time is none', () => {
  expect(nearest('', '2027-01-06T06:30:00.000Z', 'Europe/Paris')).toBeUndefined();
});

test('an instant is shown in the zone of the ride', () => {
  expect(timeOf('2027-01-06T07:37:00.000Z', 'Europe/Paris')).toBe('08:37');
});
