import { describe, expect, test } from 'vitest';

import type { Resumed } from '../wire/http';
import { begin, inboxOrder, reduce, TYPING_MS } from './reduce';
import type { ChatState, Input } from './reduce';
import { ANNA, DORA, TALK, hidden, messages, proposed, said, summary, told } from './samples';

const after = (...inputs: Input[]): ChatState => inputs.reduce(reduce, begin(ANNA));
const resumed = (more: Partial<Resumed> = {}): Resumed => ({
  log_id: 'log',
  position: 1000,
  fresh: false,
  changed: [],
  more_changed: false,
  events: [],
  too_far: [],
  not_yours: [],
  online: [],
  ...more,
});
const opened: Input[] = [
  { input: 'resumed', resumed: resumed(), named: [] },
  { input: 'summaries', items: [summary(2)], all: true },
  { input: 'opened', conversation: TALK },
  { input: 'next_page', conversation: TALK, page: { events: messages(1, 2), head: 2 }, lapses: 0 },
];

describe('the inbox', () => {
  test('must be read after the first hello, and is then kept up to date', () => {
    expect(after({ input: 'resumed', resumed: resumed(), named: [] }).inboxBehind).toBe(true);
    const state = after(...opened, { input: 'event', event: said(3, DORA, 'hello') });
    expect(state.inboxBehind).toBe(false);
    expect(state.inbox[TALK]).toMatchObject({ seq: 3, position: 1003, unread: 1, last_message: { seq: 3 } });
  });

  test('a new message is not taken for the corrected one before it', () => {
    const retracted = told(3, `person-${DORA}`, { type: 'message_retracted', data: { message: 2 } });
    const corrected = summary(3, { last_message: said(2, DORA, 'oops'), last_correction: retracted });
    const state = after({ input: 'summaries', items: [corrected] }, { input: 'event', event: said(4, DORA, 'hello') });
    expect(state.inbox[TALK]).toMatchObject({ last_message: { seq: 4 }, last_correction: undefined });
  });

  test("one's own messages are not unread", () => {
    expect(after(...opened, { input: 'event', event: said(3, ANNA, 'hello') }).inbox[TALK]?.unread).toBe(0);
  });

  test('an event that came twice counts once', () => {
    const event: Input = { input: 'event', event: said(3, DORA, 'hello') };
    expect(after(...opened, event, event).inbox[TALK]?.unread).toBe(1);
  });

  test('all but talk has its summary read again', () => {
    expect([...after(...opened, { input: 'event', event: proposed(3, DORA, 'p') }).stale]).toEqual([TALK]);
    expect([...after({ input: 'event', event: said(1, DORA, 'hello') }).stale]).toEqual([TALK]);
  });

  test('a summary that is older than what was told does not undo it', () => {
    const state = after(
      ...opened,
      { input: 'event', event: said(3, DORA, 'x') },
      { input: 'summaries', items: [summary(2)] },
    );
    expect(state.inbox[TALK]?.seq).toBe(3);
  });

  test('is in order of the latest event', () => {
    const other = summary(1, { conversation: 'other', position: 2000 });
    expect(inboxOrder(after({ input: 'summaries', items: [summary(2), other] })).map((item) => item.position)).toEqual([
      2000, 1002,
    ]);
  });
});

describe('marks', () => {
  test('what was read to the end is not unread, here or from another device', () => {
    const unread: Input[] = [...opened, { input: 'event', event: said(3, DORA, 'hello') }];
    const here = after(...unread, { input: 'marked_read', conversation: TALK, upTo: 3 });
    const frame = { type: 'read', conversation: TALK, account: ANNA, up_to: 3 } as const;
    const there = after(...unread, { input: 'ephemeral', frame, now: 0 });
    for (const state of [here, there]) expect(state.inbox[TALK]).toMatchObject({ read_seq: 3, unread: 0 });
  });

  test('a mark in the middle has the server say how much is left', () => {
    const state = after(...opened, ...messages(3, 5).map((event): Input => ({ input: 'event', event })), {
      input: 'marked_read',
      conversation: TALK,
      upTo: 4,
    });
    expect(state.inbox[TALK]).toMatchObject({ read_seq: 4, unread: 3 });
    expect(state.stale.has(TALK)).toBe(true);
  });

  test('the server says how far others had read before', () => {
    const marks = [{ account: DORA, up_to: 2 }];
    expect(after({ input: 'summaries', items: [summary(2, { marks })] }).reads[TALK]).toEqual({ [DORA]: 2 });
  });

  test("others' marks only move forward", () => {
    const read = (up_to: number): Input => ({
      input: 'ephemeral',
      frame: { type: 'read', conversation: TALK, account: DORA, up_to },
      now: 0,
    });
    expect(after(read(5), read(3)).reads[TALK]).toEqual({ [DORA]: 5 });
  });
});

test('a page of a conversation that was closed meanwhile does not open it again', () => {
  const closed = after(...opened, { input: 'closed', conversation: TALK });
  const page = { events: messages(1, 2), head: 2 };
  expect(reduce(closed, { input: 'next_page', conversation: TALK, page, lapses: 0 })).toBe(closed);
  expect(reduce(closed, { input: 'earlier_page', conversation: TALK, page })).toBe(closed);
});

describe('resuming', () => {
  test('tells what was missed', () => {
    const state = after(
      ...opened,
      { input: 'disconnected' },
      {
        input: 'resumed',
        resumed: resumed({ position: 1004, events: messages(3, 4), online: [DORA] }),
        named: [TALK],
      },
    );
    expect(state.talks[TALK]).toMatchObject({ head: 4, behind: false });
    expect([state.position, state.online.has(DORA)]).toEqual([1004, true]);
  });

  test('what is too far is to be paged, while live events wait', () => {
    const state = after(
      ...opened,
      { input: 'resumed', resumed: resumed({ position: 2000, too_far: [TALK] }), named: [TALK] },
      { input: 'event', event: said(900, DORA, 'live') },
    );
    expect(state.talks[TALK]).toMatchObject({ head: 2, behind: true });
    expect(state.talks[TALK]?.ahead).toHaveLength(1);
  });

  test('a conversation that the hello did not name is read again', () => {
    expect(after(...opened, { input: 'resumed', resumed: resumed(), named: [] }).talks[TALK]?.behind).toBe(true);
  });

  test('changed heads have their summaries read, too many of them the whole inbox', () => {
    const changed = [{ conversation: 'c', seq: 4, from_seq: 1, unread: 2 }];
    expect([...after(...opened, { input: 'resumed', resumed: resumed({ changed }), named: [TALK] }).stale]).toEqual([
      'c',
    ]);
    const many = after(...opened, { input: 'resumed', resumed: resumed({ more_changed: true }), named: [TALK] });
    expect(many.inboxBehind).toBe(true);
  });

  test('a summary from before the break is not taken for the changed one', () => {
    const changed = [{ conversation: TALK, seq: 4, from_seq: 1, unread: 2 }];
    const state = after(
      ...opened,
      { input: 'resumed', resumed: resumed({ changed }), named: [TALK] },
      { input: 'summaries', items: [summary(2)] },
    );
    expect(state.stale.has(TALK)).toBe(true);
    expect(reduce(state, { input: 'summaries', items: [summary(4)] }).stale.size).toBe(0);
  });

  test('another log begins everything anew, and what is open is read from its end', () => {
    const state = after(...opened, {
      input: 'resumed',
      resumed: resumed({ log_id: 'new', fresh: true }),
      named: [TALK],
    });
    expect(state).toMatchObject({ logId: 'new', position: undefined, inbox: {}, inboxBehind: true });
    expect(state.talks[TALK]).toMatchObject({ loaded: false, head: 0 });
  });
});

describe('a group', () => {
  test('begins anew for whoever comes back to it: what they missed is hidden', () => {
    const state = after(
      ...opened,
      { input: 'event', event: said(6, DORA, 'welcome back') },
      {
        input: 'next_page',
        conversation: TALK,
        page: { events: [hidden(3), hidden(4), hidden(5)], head: 6 },
        lapses: 0,
      },
    );
    expect(state.talks[TALK]).toMatchObject({ head: 6, behind: false });
    expect(state.talks[TALK]?.entries.map(({ seq }) => seq)).toEqual([1, 2, 6]);
  });
});

describe('typing', () => {
  const types = (on: boolean): Input => ({
    input: 'ephemeral',
    frame: { type: 'typing', conversation: TALK, account: DORA, on },
    now: 1000,
  });

  test('ends when they stop, when they have said it, when nothing is heard, and when the connection is lost', () => {
    expect(Object.keys(after(types(true)).typing[TALK] ?? {})).toEqual([DORA]);
    expect(after(types(true), types(false)).typing[TALK]).toEqual({});
    expect(after(...opened, types(true), { input: 'event', event: said(3, DORA, 'so') }).typing[TALK]).toEqual({});
    expect(after(types(true), { input: 'later', now: 999 + TYPING_MS }).typing[TALK]).toEqual({
      [DORA]: 1000 + TYPING_MS,
    });
    expect(after(types(true), { input: 'later', now: 1000 + TYPING_MS }).typing).toEqual({});
    expect(after(types(true), { input: 'disconnected' }).typing).toEqual({});
  });
});
