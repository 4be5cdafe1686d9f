import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { PAUSE_MS, Reader } from './reader.svelte';
import { begin, reduce } from './reduce';
import type { ChatState, Input } from './reduce';
import { ANNA, TALK, messages, summary } from './samples';

const SUMMARY = `/api/v1/conversations/${TALK}`;

let state: ChatState;
let reader: Reader;
/** What the server has by path; what it has not, it is not able to tell at present. */
let shelf: Record<string, unknown>;
let asked: string[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('navigator', { onLine: false });
  [state, shelf, asked] = [begin(ANNA), {}, []];
  vi.stubGlobal('fetch', (url: string, { signal }: RequestInit) => {
    const [path = ''] = url.split('?');
    asked.push(path);
    signal?.throwIfAborted();
    return path in shelf ? Promise.resolve(Response.json(shelf[path])) : Promise.reject(new TypeError('no network'));
  });
  reader = new Reader({ known: () => state, take, connected: () => true, mentioned: () => [] });
});

afterEach(() => {
  reader.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function take(input: Input): void {
  state = reduce(state, input);
  void reader.readMissing();
}

const settled = () => vi.advanceTimersByTimeAsync(0);

/** The inbox is there, empty. */
async function withInbox(): Promise<void> {
  shelf['/api/v1/conversations'] = { items: [] };
  await reader.readMissing();
  expect([state.inboxBehind, reader.inboxLoaded]).toEqual([false, true]);
}

test('what is open without a summary gets one, however often that fails for the moment', async () => {
  await withInbox();
  shelf[`${SUMMARY}/events`] = { events: messages(1, 2), head: 2 };
  take({ input: 'opened', conversation: TALK });
  await settled();
  expect(state.talks[TALK]).toMatchObject({ loaded: true, head: 2 });
  expect(reader.failureOf(TALK)?.code).toBe('offline');
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  expect(state.inbox[TALK]).toBeUndefined();
  shelf[SUMMARY] = summary(2);
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  expect([state.inbox[TALK]?.seq, reader.failureOf(TALK)]).toEqual([2, undefined]);
});

test('somebody who does not want to wait has all of it read again', async () => {
  await withInbox();
  take({ input: 'opened', conversation: TALK });
  await settled();
  Object.assign(shelf, { [SUMMARY]: summary(2), [`${SUMMARY}/events`]: { events: messages(1, 2), head: 2 } });
  await reader.retry(TALK);
  expect([state.inbox[TALK]?.seq, state.talks[TALK]?.head, reader.failureOf(TALK)]).toEqual([2, 2, undefined]);
});

test('a summary that was out of date when it came is read again, after a pause', async () => {
  await withInbox();
  state = { ...state, inbox: { [TALK]: summary(5) }, stale: new Set([TALK]) };
  shelf[SUMMARY] = summary(4);
  await Promise.race([reader.readMissing(), settled()]);
  const before = asked.length;
  shelf[SUMMARY] = summary(5);
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  expect([asked.length - before, state.stale.size]).toEqual([1, 0]);
});

test('what comes after the end is not taken', async () => {
  let answer: ((response: Response) => void) | undefined;
  vi.stubGlobal('fetch', () => new Promise<Response>((resolve) => (answer = resolve)));
  const reading = reader.readMissing();
  reader.stop();
  answer?.(Response.json({ items: [summary(2)] }));
  await reading;
  expect([state.inbox, state.inboxBehind, reader.inboxFailure]).toEqual([{}, true, undefined]);
});

test('what was read of another log is not taken, and read anew', async () => {
  const answers: ((response: Response) => void)[] = [];
  vi.stubGlobal('fetch', () => new Promise<Response>((resolve) => answers.push(resolve)));
  const reading = reader.readMissing();
  reader.restart();
  void reader.readMissing();
  expect(answers).toHaveLength(2);
  answers[0]?.(Response.json({ items: [summary(2)] }));
  await reading;
  expect(state.inboxBehind).toBe(true);
  answers[1]?.(Response.json({ items: [summary(3)] }));
  await vi.waitFor(() => expect(state.inbox[TALK]?.seq).toBe(3));
});

test('nothing is asked twice at a time', async () => {
  shelf['/api/v1/conversations'] = { items: [] };
  await Promise.all([reader.readMissing(), reader.readMissing()]);
  expect(asked).toEqual(['/api/v1/conversations']);
});

test('the next page of the inbox that fails says so, and is there to be asked for again', async () => {
  shelf['/api/v1/conversations'] = { items: [], next: 7 };
  await reader.readMissing();
  delete shelf['/api/v1/conversations'];
  await reader.more();
  expect([reader.moreFailure?.code, reader.inboxFailure, reader.inboxNext]).toEqual(['offline', undefined, 7]);
  shelf['/api/v1/conversations'] = { items: [summary(2)] };
  await reader.more();
  expect([reader.moreFailure, reader.inboxNext, state.inbox[TALK]?.seq]).toEqual([undefined, undefined, 2]);
});
