import { beforeEach, describe, expect, test } from 'vitest';

import { Problem } from '../net/http';
import { Pages, Resource } from './resource.svelte';

/** What was asked for, to be answered by the test in whatever order. */
let asked: {
  from: number | undefined;
  signal: AbortSignal;
  answer: (value: number[], next?: number) => void;
  fail: () => void;
}[];

beforeEach(() => void (asked = []));

const pages = () =>
  new Pages<number, number>(
    (from, signal) =>
      new Promise((resolve, reject) =>
        asked.push({
          from,
          signal,
          answer: (items, next) => resolve({ items, next }),
          fail: () => reject(new Problem('offline', 0)),
        }),
      ),
  );

describe('pages', () => {
  test('follow each other', async () => {
    const list = pages();
    const first = list.load();
    asked[0]?.answer([1, 2], 7);
    await first;
    const second = list.more();
    expect(asked[1]?.from).toBe(7);
    asked[1]?.answer([3]);
    await second;
    expect([list.items, list.next, list.loading]).toEqual([[1, 2, 3], undefined, false]);
    await list.more();
    expect(asked).toHaveLength(2);
  });

  test('a reload is not dropped while something is read, and what comes late does not undo it', async () => {
    const list = pages();
    const first = list.load();
    const again = list.load();
    expect([asked.length, asked[0]?.signal.aborted]).toEqual([2, true]);
    asked[1]?.answer([2]);
    asked[0]?.answer([1]);
    await Promise.all([first, again]);
    expect([list.items, list.loading]).toEqual([[2], false]);
  });

  test('one that fails leaves what is there, says so, and is read again as it was asked for', async () => {
    const list = pages();
    const first = list.load();
    asked[0]?.answer([1], 7);
    await first;
    const second = list.more();
    asked[1]?.fail();
    await second;
    expect([list.items, list.next, list.failure?.code]).toEqual([[1], 7, 'offline']);
    const retried = list.retry();
    expect(asked[2]?.from).toBe(7);
    asked[2]?.answer([2]);
    await retried;
    expect([list.items, list.failure]).toEqual([[1, 2], undefined]);
  });
});

test('of a resource, only what was asked for last counts', async () => {
  const answers: ((value: string) => void)[] = [];
  const resource = new Resource(() => new Promise<string>((resolve) => answers.push(resolve)));
  const [first, second] = [resource.load(), resource.load()];
  answers[1]?.('second');
  await second;
  answers[0]?.('first');
  await first;
  expect([resource.value, resource.loading]).toEqual(['second', false]);
});
