import { describe, expect, it } from 'vitest';

import { addressOf, loosened, wholeWishesIn, wishesIn } from './search';
import type { Wishes } from './search';

const wishes: Wishes = {
  from: { lat: 45.18756, lon: 5.7358, label: 'Saint-Martin-d’Hères & Cie' },
  to: { lat: 45.764, lon: 4.8357, label: 'Lyon' },
  at: new Date('2027-01-04T18:25:00Z'),
  toleranceMin: 60,
  radiusKm: 5,
  seats: 1,
};

function queryOf(address: string): URLSearchParams {
  return new URL(address, 'http://palabre.test').searchParams;
}

describe('a search', () => {
  it('is read from its address as it was written there', () => {
    const other = { ...wishes, toleranceMin: 120, radiusKm: 7.5, seats: 3 };
    expect(wholeWishesIn(queryOf(addressOf(wishes)))).toEqual(wishes);
    expect(wholeWishesIn(queryOf(addressOf(other)))).toEqual(other);
  });

  it('says only what is unusual', () => {
    const names = [...queryOf(addressOf(wishes)).keys()];
    expect(names).toEqual(['from', 'from_name', 'to', 'to_name', 'at']);
  });

  it('is not whole without both places and the hour', () => {
    for (const missing of ['from', 'to', 'at']) {
      const query = queryOf(addressOf(wishes));
      query.delete(missing);
      expect(wholeWishesIn(query)).toBeUndefined();
    }
  });

  it('passes over what cannot be read', () => {
    const query = new URLSearchParams('from=95,200&to=here&at=soon&seats=9&radius_km=-1&tolerance_min=x');
    expect(Object.values(wishesIn(query)).filter((value) => value !== undefined)).toEqual([]);
  });

  it('gives way where it must, and nowhere else', () => {
    expect(loosened(wishes, { tolerance_min: 180 })).toEqual({ ...wishes, toleranceMin: 180 });
    expect(loosened(wishes, { radius_km: 20 })).toEqual({ ...wishes, radiusKm: 20 });
    expect(loosened({ ...wishes, seats: 4 }, { seats: 2 })).toEqual({ ...wishes, seats: 2 });
    const both = { tolerance_min: 120, radius_km: 10 };
    expect(loosened(wishes, both)).toEqual({ ...wishes, toleranceMin: 120, radiusKm: 10 });
  });
});
