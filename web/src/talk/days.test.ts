import { expect, test } from 'vitest';

import type { Entry } from '../state/talk';
import { partMaker, partOf, rowMaker } from './days';

function said(seq: number): Entry {
  return {
    kind: 'message',
    seq,
    at: '2027-01-04T08:00:00Z',
    author: 'anna',
    text: `${seq}`,
    inReplyTo: undefined,
    edited: false,
    retracted: false,
  };
}

const ALL = Array.from({ length: 120 }, (_, at) => said(at + 1));

test('parts hold every row once, in order, each under the key of its seq', () => {
  const parts = partMaker()(rowMaker()(ALL));
  expect(parts.flatMap(({ rows }) => rows.map(({ entry }) => entry.seq))).toEqual(ALL.map(({ seq }) => seq));
  for (const { key, rows } of parts) for (const { entry } of rows) expect(partOf(entry.seq)).toBe(key);
});

test('an earlier page changes no part but the one that it completes', () => {
  const [rowsOf, partsOf] = [rowMaker(), partMaker()];
  const held = partsOf(rowsOf(ALL.slice(60)));
  const more = partsOf(rowsOf(ALL.slice(20)));
  expect(more.slice(-held.length + 1)).toEqual(held.slice(1));
  for (const part of held.slice(1)) expect(more).toContain(part);
  expect(more.find(({ key }) => key === held[0]?.key)?.rows.length).toBeGreaterThan(held[0]?.rows.length ?? NaN);
});

test('a new message changes the last part alone', () => {
  const [rowsOf, partsOf] = [rowMaker(), partMaker()];
  const before = partsOf(rowsOf(ALL));
  const after = partsOf(rowsOf([...ALL, said(121)]));
  expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
  for (const part of before.slice(0, -1)) expect(after).toContain(part);
  expect(after.at(-1)?.rows.length).toBe((before.at(-1)?.rows.length ?? NaN) + 1);
});
