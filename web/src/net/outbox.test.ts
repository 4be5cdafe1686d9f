import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { Made } from '../wire/http';
import { AGE_MS_MAX, DONE_MS, KEPT_MAX, Outbox, forgetOutbox } from './outbox';
import type { Command, Sending } from './outbox';
import { Broken, Refused } from './socket';
import type { Asked } from './socket';

/** What `localStorage` is to the page. */
class Shelf {
  kept = new Map<string, string>();
  get length(): number {
    return this.kept.size;
  }
  key = (at: number) => [...this.kept.keys()][at] ?? null;
  getItem = (name: string) => this.kept.get(name) ?? null;
  setItem = (name: string, value: string) => void this.kept.set(name, value);
  removeItem = (name: string) => void this.kept.delete(name);
}

interface Heard {
  asked: Asked & { key: string };
  ok: (made?: Made) => Promise<void>;
  no: (code: string, temporary?: boolean, retry_after_ms?: number) => Promise<void>;
  breaks: () => Promise<void>;
}

let shelf: Shelf;
let now: number;
let heard: Heard[];
let shown: readonly Sending[];

beforeEach(() => {
  [shelf, now, heard, shown] = [new Shelf(), 1_000_000, [], []];
});

afterEach(() => void vi.useRealTimers());

const settled = () => new Promise((go) => setTimeout(go));

function outbox(): Outbox {
  return new Outbox('anna', {
    shelf,
    now: () => now,
    changed: (sendings) => (shown = sendings),
    ask: (asked) =>
      new Promise((resolve, reject) => {
        const after = (act: () => void) => {
          act();
          return settled().then(() => undefined);
        };
        heard.push({
          asked: asked as Heard['asked'],
          ok: (made = { seq: 1, position: 1 }) => after(() => resolve(made)),
          no: (code, temporary = false, retry_after_ms) =>
            after(() => reject(new Refused({ code, message: code, temporary, retry_after_ms }))),
          breaks: () => after(() => reject(new Broken())),
        });
      }),
  });
}

/** Sends what is taken. */
function send(box: Outbox, command: Command): string {
  const key = box.send(command);
  if (key === undefined) throw new Error('it was not taken');
  return key;
}

const say = (text: string, conversation = 'c'): Command => ({ type: 'post_message', conversation, text });
const texts = () => heard.map(({ asked }) => ('text' in asked ? asked.text : asked.type));
const at = (index: number): Heard => heard[index] as Heard;

describe('order', () => {
  test('what was written offline goes out in order, each once, when the connection is back', async () => {
    const box = outbox();
    for (const text of ['one', 'two', 'three']) box.send(say(text));
    expect(heard).toEqual([]);
    box.resume();
    for (const index of [0, 1, 2]) {
      expect(heard).toHaveLength(index + 1);
      await at(index).ok();
    }
    expect(texts()).toEqual(['one', 'two', 'three']);
  });

  test('conversations do not wait for each other', () => {
    const box = outbox();
    box.resume();
    box.send(say('one', 'c'));
    box.send(say('two', 'd'));
    expect(texts()).toEqual(['one', 'two']);
  });
});

describe('a broken connection', () => {
  test('repeats what was not answered under the same key', async () => {
    const box = outbox();
    box.resume();
    const key = send(box, say('one'));
    box.pause();
    await at(0).breaks();
    box.resume();
    expect(heard.map(({ asked }) => asked.key)).toEqual([key, key]);
  });

  test('what its event has shown to be done is not sent again', async () => {
    const box = outbox();
    box.resume();
    const key = send(box, say('one'));
    box.pause();
    await at(0).breaks();
    box.told('c', new Set([key]), 7);
    box.resume();
    expect([heard.length, box.sendings, shelf.length]).toEqual([1, [], 0]);
  });
});

describe('a page that was closed', () => {
  test('leaves what waits to the next one, in order', () => {
    const first = outbox();
    first.send(say('one'));
    first.send(say('two'));
    const second = outbox();
    expect(second.sendings.map(({ command }) => (command as { text: string }).text)).toEqual(['one', 'two']);
    second.resume();
    expect(texts()).toEqual(['one']);
  });

  test('what waited for more than a day is not sent, but asked about', async () => {
    outbox().send(say('stale'));
    now += AGE_MS_MAX + 1;
    const box = outbox();
    box.resume();
    await settled();
    expect([heard.length, box.sendings[0]?.state, box.sendings[0]?.code]).toEqual([0, 'refused', 'too_old']);
  });

  test('what somebody else wrote here is not ours', () => {
    shelf.setItem('palabre.outbox.dora.1', JSON.stringify({ key: '1', command: say('hers'), state: 'waiting' }));
    expect(outbox().sendings).toEqual([]);
  });

  test('what cannot be read is passed over', () => {
    shelf.setItem('palabre.outbox.anna.1', '{');
    expect(outbox().sendings).toEqual([]);
  });
});

describe('refusals', () => {
  test('stay in place with their reason, and do not hold up what follows', async () => {
    const box = outbox();
    box.resume();
    box.send(say('one'));
    box.send(say('two'));
    await at(0).no('ride_departed');
    expect(shown[0]).toMatchObject({ state: 'refused', code: 'ride_departed' });
    expect(texts()).toEqual(['one', 'two']);
  });

  test('sent again, it is a new command', async () => {
    const box = outbox();
    box.resume();
    const key = send(box, say('one'));
    await at(0).no('not_a_participant');
    box.retry(key);
    expect(texts()).toEqual(['one', 'one']);
    expect(at(1).asked.key).not.toBe(key);
    expect(box.sendings).toHaveLength(1);
  });

  test('can be discarded; what is under way cannot', async () => {
    const box = outbox();
    box.resume();
    const key = send(box, say('one'));
    box.discard(key);
    expect(box.sendings).toHaveLength(1);
    await at(0).no('too_long');
    box.discard(key);
    expect([box.sendings.length, shelf.length]).toEqual([0, 0]);
  });

  test('for the moment: the same command again, before what follows', async () => {
    const box = outbox();
    box.resume();
    const key = send(box, say('one'));
    box.send(say('two'));
    await at(0).no('busy', true, 0);
    await settled();
    expect(texts()).toEqual(['one', 'one']);
    expect(at(1).asked.key).toBe(key);
  });
});

describe('limits', () => {
  test('one more than may wait is not taken', () => {
    const box = outbox();
    for (let count = 0; count < KEPT_MAX; count += 1) send(box, say('x'));
    expect([box.send(say('x')), box.sendings.length, shelf.length]).toEqual([undefined, KEPT_MAX, KEPT_MAX]);
  });

  test('what was refused counts until it is discarded or sent again', () => {
    const box = outbox();
    const tooLong = say('é'.repeat(40_000));
    const [first = ''] = Array.from({ length: KEPT_MAX }, () => send(box, tooLong));
    expect(box.send(say('x'))).toBeUndefined();
    box.retry(first);
    expect(box.sendings).toHaveLength(KEPT_MAX);
    box.discard(box.sendings[0]?.key ?? '');
    expect(box.send(say('x'))).toBeDefined();
  });

  test('a frame that the server would not take is not sent', () => {
    const box = outbox();
    box.resume();
    box.send(say('é'.repeat(40_000)));
    expect([heard.length, box.sendings[0]?.code]).toEqual([0, 'too_long']);
  });
});

describe('another page of the browser', () => {
  test('that discards what was refused has it gone here too', async () => {
    const here = outbox();
    here.resume();
    const key = send(here, say('one'));
    await at(0).no('ride_departed');
    const there = outbox();
    const [name = ''] = [...shelf.kept.keys()];
    there.discard(key);
    here.takenOff(name);
    expect([shown, shelf.length]).toEqual([[], 0]);
  });

  test('that sends what waits here has it done, once', async () => {
    const [here, there] = [outbox(), outbox()];
    send(here, say('one'));
    const [name = ''] = [...shelf.kept.keys()];
    here.resume();
    const later = outbox();
    await at(0).ok();
    expect(shelf.length).toBe(0);
    later.takenOff(name);
    for (const box of [later, there]) box.resume();
    expect([heard.length, here.sendings[0]?.state]).toEqual([1, 'done']);
  });
});

test('what is done and shows nowhere counts as under way for a moment', async () => {
  vi.useFakeTimers();
  const box = outbox();
  box.resume();
  box.send({ type: 'cancel_booking', conversation: 'c', reservation: 'r' });
  const answered = at(0).ok({ position: 80 });
  await vi.advanceTimersByTimeAsync(0);
  await answered;
  box.told('c', new Set(), 7);
  expect(box.sendings[0]?.state).toBe('done');
  await vi.advanceTimersByTimeAsync(DONE_MS);
  expect(box.sendings).toEqual([]);
});

describe('the end of a session', () => {
  test('takes nothing from what is kept for the next one', async () => {
    const box = outbox();
    box.resume();
    box.send(say('one'));
    box.stop();
    shown = [];
    await at(0).breaks();
    expect([shown, outbox().sendings.length]).toEqual([[], 1]);
  });

  test('on purpose forgets what any page keeps for the account, and for nobody else', () => {
    const [here, there] = [outbox(), outbox()];
    here.send(say('one'));
    there.send(say('two'));
    shelf.setItem('palabre.outbox.dora.1', 'hers');
    forgetOutbox(shelf, 'anna');
    expect([...shelf.kept.keys()]).toEqual(['palabre.outbox.dora.1']);
  });
});

test('what is done is kept until the conversation has told it', async () => {
  const box = outbox();
  box.resume();
  box.send(say('one'));
  await at(0).ok({ seq: 8, position: 80 });
  expect(box.sendings[0]?.state).toBe('done');
  box.told('c', new Set(), 7);
  expect(box.sendings).toHaveLength(1);
  box.told('c', new Set(), 8);
  expect(box.sendings).toEqual([]);
});
