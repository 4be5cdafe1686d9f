import { expect, test } from 'vitest';

import { find } from './routes';
import type { Route } from './routes';

const route = (path: string): Route => ({
  path,
  view: () => Promise.reject(new Error('not loaded here')),
  whom: 'anyone',
});
const among = [route('/'), route('/rides/:ride'), route('/rides/:ride/history')];

test('an address finds its route, and what varies in it', () => {
  expect(find('/', among)?.route.path).toBe('/');
  expect(find('/rides/7', among)).toMatchObject({ route: { path: '/rides/:ride' }, params: { ride: '7' } });
  expect(find('/rides/7/history/', among)?.route.path).toBe('/rides/:ride/history');
  expect(find('/rides/L%27Isle', among)?.params).toEqual({ ride: "L'Isle" });
});

test('what is no address of the page finds nothing', () => {
  expect(find('/rides', among)).toBeUndefined();
  expect(find('/rides//history', among)).toBeUndefined();
  expect(find('/nowhere', among)).toBeUndefined();
});

test('a broken escape is taken as it is', () => {
  expect(find('/rides/%E0%A4', among)?.params).toEqual({ ride: '%E0%A4' });
});
