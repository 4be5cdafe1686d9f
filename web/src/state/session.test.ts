import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Me } from '../wire/http';

const ANNA = { account: 'anna', name: 'Anna', language: 'fr' } as Me;
const BEN = { account: 'ben', name: 'Ben', language: 'fr' } as Me;

/** Whose cookie the browser has; how the server answers who that is. */
let cookie: Me | undefined;
let who: () => Promise<Response>;
let network: EventTarget;
let closing: (() => void)[];
const reload = vi.fn();

beforeEach(() => {
  [cookie, network, closing] = [undefined, new EventTarget(), []];
  who = () => Promise.resolve(Response.json({ me: cookie }));
  vi.stubGlobal('fetch', (_: string, { method }: RequestInit) => {
    if (method !== 'DELETE') return who();
    cookie = undefined;
    return Promise.resolve(new Response(null, { status: 204 }));
  });
  vi.stubGlobal('navigator', { onLine: false, languages: ['fr'] });
  vi.stubGlobal('localStorage', { getItem: () => 'fr' });
  vi.stubGlobal('location', { reload });
  vi.stubGlobal('addEventListener', network.addEventListener.bind(network));
  vi.stubGlobal('removeEventListener', network.removeEventListener.bind(network));
  const Channel = BroadcastChannel;
  vi.stubGlobal(
    'BroadcastChannel',
    class extends Channel {
      constructor(name: string) {
        super(name);
        closing.push(() => this.close());
      }
    },
  );
});

afterEach(() => {
  for (const close of closing) close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
  reload.mockReset();
});

/** A page of the browser, and what it tells of its session. */
async function page() {
  vi.resetModules();
  const { session } = await import('./session.svelte');
  const told: string[] = [];
  session.onBegin(({ account }) => told.push(`begin ${account}`));
  session.onEnd(() => told.push('end'));
  session.onLeft((account) => told.push(`left ${account}`));
  await session.start();
  return { session, told };
}

const offline = () => Promise.reject(new TypeError('no network'));

test('a page that could not ask who this is asks again by itself', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  [cookie, who] = [ANNA, offline];
  const { session, told } = await page();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(session.me).toBeUndefined();
  who = () => Promise.resolve(Response.json({ me: cookie }));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toEqual(['begin anna']);
});

test('… and at once when the network is back', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  [cookie, who] = [ANNA, offline];
  const { told } = await page();
  who = () => Promise.resolve(Response.json({ me: cookie }));
  network.dispatchEvent(new Event('online'));
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual(['begin anna']);
});

test('words that cannot be loaded do not keep a session from beginning', async () => {
  vi.stubGlobal('localStorage', { getItem: () => null });
  vi.doMock('../words/fr', () => Promise.reject(new TypeError('no network')));
  cookie = ANNA;
  const { told } = await page();
  vi.doUnmock('../words/fr');
  expect(told).toEqual(['begin anna']);
});

test('an answer that was overtaken by a later one counts for nothing', async () => {
  const { session, told } = await page();
  let late: ((response: Response) => void) | undefined;
  who = () => new Promise((resolve) => (late = resolve));
  const first = session.refresh();
  [cookie, who] = [ANNA, () => Promise.resolve(Response.json({ me: ANNA }))];
  await session.refresh();
  late?.(Response.json({}));
  await first;
  expect(told).toEqual(['begin anna']);
});

test('whoever signs in in one page is signed in in the others', async () => {
  const [here, there] = [await page(), await page()];
  cookie = ANNA;
  await here.session.refresh();
  await vi.waitFor(() => expect(there.told).toEqual(['begin anna']));
  expect(reload).not.toHaveBeenCalled();
});

test('a page of somebody else begins anew', async () => {
  cookie = ANNA;
  const { session, told } = await page();
  cookie = BEN;
  await page();
  await vi.waitFor(() => expect(reload).toHaveBeenCalledOnce());
  await session.refresh();
  expect(reload).toHaveBeenCalledTimes(2);
  expect(told).toEqual(['begin anna']);
});

test('a sign-out ends all pages, which forget what they keep', async () => {
  cookie = ANNA;
  const [here, there] = [await page(), await page()];
  await here.session.signOut();
  expect(here.told).toEqual(['begin anna', 'end', 'left anna']);
  await vi.waitFor(() => expect(there.told).toEqual(['begin anna', 'end', 'left anna']));
});

test('a sign-out that fails leaves all as it is, and says so', async () => {
  cookie = ANNA;
  const { session, told } = await page();
  vi.stubGlobal('fetch', offline);
  await expect(session.signOut()).rejects.toMatchObject({ code: 'offline' });
  expect([told, session.me?.account, session.leaving]).toEqual([['begin anna'], 'anna', false]);
});

test('one whose answer was lost is done when the end of the session is known otherwise', async () => {
  cookie = ANNA;
  const { session, told } = await page();
  vi.stubGlobal('fetch', () => {
    session.wasEnded();
    return offline();
  });
  await session.signOut();
  expect(told).toEqual(['begin anna', 'end', 'left anna']);
});
