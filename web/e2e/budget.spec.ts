// What a first visit costs: everything that the browser asks for until the first view is there, as it comes over the wire.
import { expect, test } from './support/test';

/** The most of it, in bytes. */
const BYTES_MAX = 150_000;

test('the first visit is light', async ({ guest }) => {
  const person = await guest('Anyone');
  const sizes: Promise<{ path: string; bytes: number }>[] = [];
  person.page.on('requestfinished', (request) => {
    const { pathname } = new URL(request.url());
    sizes.push(request.sizes().then(({ responseBodySize: bytes }) => ({ path: pathname, bytes })));
  });
  await person.goto('/');
  await person.page.waitForLoadState('networkidle');
  const loaded = await Promise.all(sizes);
  const bytes = loaded.reduce((sum, one) => sum + one.bytes, 0);
  for (const one of loaded) console.log(`${(one.bytes / 1000).toFixed(1).padStart(8)} kB  ${one.path}`);
  console.log(`${(bytes / 1000).toFixed(1).padStart(8)} kB  in ${loaded.length} requests`);
  expect(loaded.map(({ path }) => path)).toContain('/');
  expect(bytes).toBeLessThanOrEqual(BYTES_MAX);
});
