import { expect, test } from 'vitest';

import { typedPoint } from './typedPoint';

test.each(['45.188, 5.724', '45.188 5.724', ' 45.188;5.724 '])('%j is a point', (text) => {
  expect(typedPoint(text)).toEqual({ lat: 45.188, lon: 5.724 });
});

test.each(['38 000', '38,000', '45.188', '45.188, 5', '12 rue 4.5', '145.188, 5.724', 'Lyon'])('%j is none', (text) => {
  expect(typedPoint(text)).toBeUndefined();
});
