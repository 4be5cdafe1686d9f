import { afterEach, expect, test, vi } from 'vitest';

import { get, writeOnce } from './http';

afterEach(() => vi.unstubAllGlobals());

/** What `fetch` gives: one after the other, the last one for ever. */
function answers(...bodies: BodyInit[]): ReturnType<typeof vi.fn> {
  const fetched = vi.fn(() => Promise.resolve(new Response(bodies.length > 1 ? bodies.shift() : bodies[0])));
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

const cut = (): ReadableStream =>
  new ReadableStream({
    start(body) {
      body.enqueue(new TextEncoder().encode('{"a":'));
      body.error(new TypeError('network error'));
    },
  });

test('a body that is cut short is a failure like any other, and a read is made again', async () => {
  vi.stubGlobal('navigator', { onLine: true });
  const fetched = answers(cut(), '{"a":1}');
  await expect(get('/rides')).resolves.toEqual({ a: 1 });
  expect(fetched).toHaveBeenCalledTimes(2);
});

test('what may not be repeated says so', async () => {
  answers(cut());
  await expect(writeOnce('POST', '/sessions')).rejects.toMatchObject({ name: 'Problem', code: 'offline' });
});
