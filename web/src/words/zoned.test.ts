import { describe, expect, it } from 'vitest';

import { read, soon, write } from './zoned';

const PARIS = 'Europe/Paris';

describe('days and hours', () => {
  it('are read in the zone in which they were written', () => {
    expect(read({ date: '2027-01-04', time: '19:25' }, PARIS)?.toISOString()).toBe('2027-01-04T18:25:00.000Z');
    expect(read({ date: '2027-07-04', time: '19:25' }, PARIS)?.toISOString()).toBe('2027-07-04T17:25:00.000Z');
    expect(read({ date: '2027-01-04', time: '08:00' }, 'Asia/Kolkata')?.toISOString()).toBe('2027-01-04T02:30:00.000Z');
  });

  it('come back as they were written, all around the changes of clocks', () => {
    for (const [date, times] of [
      ['2027-03-28', ['00:30', '01:30', '03:00', '03:30', '12:00']],
      ['2027-10-31', ['00:30', '01:30', '03:00', '12:00']],
    ] as const) {
      for (const time of times) {
        const instant = read({ date, time }, PARIS);
        expect(instant && write(instant, PARIS)).toEqual({ date, time });
      }
    }
  });

  it('are nothing when half of them is missing', () => {
    expect(read({ date: '', time: '10:00' })).toBeUndefined();
    expect(read({ date: '2027-01-04', time: '' })).toBeUndefined();
  });

  it('that come soon are whole hours', () => {
    const written = soon(Date.parse('2027-01-04T18:25:00Z'));
    expect(read(written)?.toISOString()).toBe('2027-01-04T20:00:00.000Z');
  });
});
