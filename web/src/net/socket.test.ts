import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WebSocket as Client, WebSocketServer } from 'ws';
import type { WebSocket as End } from 'ws';

import type { ClientFrame } from '../wire/http';
import { Broken, ChatSocket, PATIENCE_MS, PROBE_MS, SUBPROTOCOL, pauseBefore } from './socket';
import type { Knowledge, Listener } from './socket';

const WELCOME = { type: 'welcome', log_id: 'log', account: 'anna', position: 0, now: '2027-01-04T18:25:00.000Z' };
const NOTHING_MISSED = { log_id: 'log', position: 0, fresh: false, events: [], changed: [], too_far: [], online: [] };

/** Things that come one after the other, and whoever waits for them. */
class Line<T> {
  readonly all: T[] = [];
  #taken = 0;
  #wake: (() => void) | undefined;

  put(thing: T): void {
    this.all.push(thing);
    this.#wake?.();
  }

  /** The next one that was not passed over yet, and that fits. */
  async next(fits: (thing: T) => boolean = () => true): Promise<T> {
    for (;;) {
      while (this.#taken < this.all.length) {
        const thing = this.all[this.#taken] as T;
        this.#taken += 1;
        if (fits(thing)) return thing;
      }
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }
}

/** The other end of a connection. */
class Peer {
  #frames = new Line<ClientFrame>();

  constructor(readonly socket: End) {
    socket.on('message', (text: Buffer) => this.#frames.put(JSON.parse(text.toString()) as ClientFrame));
  }

  get heard(): readonly ClientFrame[] {
    return this.#frames.all;
  }

  says(frame: unknown): void {
    this.socket.send(JSON.stringify(frame));
  }

  async hears<T extends ClientFrame['type']>(type: T): Promise<Extract<ClientFrame, { type: T }>> {
    return (await this.#frames.next((frame) => frame.type === type)) as Extract<ClientFrame, { type: T }>;
  }

  /** Welcomes, and lets resume. */
  async greets(): Promise<Extract<ClientFrame, { type: 'hello' }>> {
    this.says(WELCOME);
    const hello = await this.hears('hello');
    this.says({ re: hello.id, ok: NOTHING_MISSED });
    return hello;
  }
}

/** A server that does what a test says. */
class Other {
  #server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  #peers = new Line<Peer>();

  constructor() {
    this.#server.on('connection', (socket) => this.#peers.put(new Peer(socket)));
  }

  async url(): Promise<string> {
    if (!this.#server.address()) await once(this.#server, 'listening');
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  next(): Promise<Peer> {
    return this.#peers.next();
  }

  async end(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** As in a browser, an error that nobody listens for is none. */
class Quiet extends Client {
  constructor(address: string, protocol: string) {
    super(address, protocol);
    this.on('error', () => undefined);
  }
}

let other: Other;
let url: string;
let network: EventTarget;
let page: EventTarget & { visibilityState: string };
let known: Knowledge | undefined;
let running: ChatSocket | undefined;

beforeEach(async () => {
  other = new Other();
  url = await other.url();
  network = new EventTarget();
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  vi.stubGlobal('WebSocket', Quiet);
  vi.stubGlobal('addEventListener', network.addEventListener.bind(network));
  vi.stubGlobal('removeEventListener', network.removeEventListener.bind(network));
  vi.stubGlobal('document', page);
  // Whoever comes back comes back at once.
  vi.spyOn(Math, 'random').mockReturnValue(0);
});

afterEach(async () => {
  vi.useRealTimers();
  running?.stop();
  await other.end();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** A socket that was started, and what it tells. */
function begun(knowledge: Knowledge = { log_id: 'log' }) {
  known = knowledge;
  const line = new Line<string>();
  const told = { all: line.all, next: (what: string) => line.next((said) => said === what) };
  const listener: Listener = {
    knows: () => known,
    connecting: () => line.put('connecting'),
    resumed: () => line.put('resumed'),
    down: (stop) => line.put(stop === undefined ? 'down' : `down ${stop}`),
    event: () => undefined,
    ephemeral: () => undefined,
    followed: () => [],
    online: () => undefined,
  };
  running = new ChatSocket(url, listener);
  running.start();
  return { socket: running, told };
}

test('the pause before coming back is what the server advises', () => {
  expect(pauseBefore(0, 'shutdown retry_after_ms=740', 0.5)).toBe(740);
  expect(pauseBefore(9, 'overloaded retry_after_ms=999999', 0.5)).toBe(30_000);
});

test('else random, at most a second at first, twice that after each failure, up to half a minute', () => {
  expect([0, 1, 2, 3].map((failures) => pauseBefore(failures, 'slow', 1))).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(pauseBefore(20, '', 1)).toBe(30_000);
  expect(pauseBefore(3, '', 0)).toBe(0);
});

describe('a connection', () => {
  test('that breaks comes back by itself, and resumes from what is known by then', async () => {
    const { socket, told } = begun({ log_id: 'log', position: 4 });
    const first = await other.next();
    expect((await first.greets()).position).toBe(4);
    expect(first.socket.protocol).toBe(SUBPROTOCOL);
    await told.next('resumed');
    const asked = socket.ask({ type: 'mark_read', key: 'key', conversation: 'c', up_to: 3 });
    await first.hears('mark_read');
    first.socket.terminate();
    await expect(asked).rejects.toBeInstanceOf(Broken);

    known = { log_id: 'log', position: 9 };
    const second = await other.next();
    expect(socket.up).toBe(false);
    await expect(socket.ask({ type: 'follow', conversations: [] })).rejects.toBeInstanceOf(Broken);
    expect((await second.greets()).position).toBe(9);
    await told.next('resumed');
    expect([socket.up, told.all]).toEqual([true, ['connecting', 'resumed', 'down', 'connecting', 'resumed']]);
  });

  test('answers what was asked, in whatever order', async () => {
    const { socket, told } = begun();
    const peer = await other.next();
    await peer.greets();
    await told.next('resumed');
    const first = socket.ask({ type: 'mark_read', key: 'key-1', conversation: 'c', up_to: 1 });
    const second = socket.ask({ type: 'mark_read', key: 'key-2', conversation: 'c', up_to: 2 });
    const [one, two] = [await peer.hears('mark_read'), await peer.hears('mark_read')];
    peer.says({ re: two.id, error: { code: 'busy', message: 'busy', temporary: true } });
    await expect(second).rejects.toMatchObject({ name: 'Refused', error: { code: 'busy' } });
    peer.says({ re: one.id, ok: { position: 7 } });
    await expect(first).resolves.toEqual({ position: 7 });
  });

  test('whose hello is refused for the moment is made anew', async () => {
    const { told } = begun();
    const first = await other.next();
    first.says(WELCOME);
    const { id } = await first.hears('hello');
    first.says({ re: id, error: { code: 'unavailable', message: 'unavailable', temporary: true } });
    await (await other.next()).greets();
    await told.next('resumed');
    expect(told.all).toEqual(['connecting', 'down', 'connecting', 'resumed']);
  });

  test('of somebody else says nothing, and is made anew', async () => {
    const { told } = begun();
    known = undefined;
    const first = await other.next();
    first.says(WELCOME);
    await told.next('down');
    known = { log_id: 'log' };
    await (await other.next()).greets();
    await told.next('resumed');
    expect(first.heard).toEqual([]);
  });

  test('is not made again when the server says to stop', async () => {
    const { told } = begun();
    const peer = await other.next();
    await peer.greets();
    await told.next('resumed');
    peer.socket.close(4501, 'revoked');
    await told.next('down 4501');
    network.dispatchEvent(new Event('online'));
    expect(told.all.filter((what) => what === 'connecting')).toHaveLength(1);
  });

  test('waits as long as is advised, or until the network is back', async () => {
    const { told } = begun();
    const peer = await other.next();
    await peer.greets();
    await told.next('resumed');
    peer.socket.close(4000, 'shutdown retry_after_ms=30000');
    await told.next('down');
    expect(told.all.at(-1)).toBe('down');
    network.dispatchEvent(new Event('online'));
    await (await other.next()).greets();
    await told.next('resumed');
  });

  test('that has fallen silent while nobody looked is given up soon after somebody looks again', async () => {
    const { told } = begun();
    const peer = await other.next();
    await peer.greets();
    await told.next('resumed');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    page.dispatchEvent(new Event('visibilitychange'));
    await peer.hears('follow');
    await vi.advanceTimersByTimeAsync(PROBE_MS - 1);
    expect(told.all.at(-1)).toBe('resumed');
    await vi.advanceTimersByTimeAsync(1);
    expect(told.all.at(-1)).toBe('down');
    await vi.advanceTimersByTimeAsync(1);
    await other.next();
  });

  test('that owes an answer for too long is given up', async () => {
    const { socket, told } = begun();
    const peer = await other.next();
    await peer.greets();
    await told.next('resumed');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const asked = socket.ask({ type: 'mark_read', key: 'key', conversation: 'c', up_to: 3 });
    const broken = expect(asked).rejects.toBeInstanceOf(Broken);
    await vi.advanceTimersByTimeAsync(PATIENCE_MS);
    await broken;
    await vi.advanceTimersByTimeAsync(1);
    await other.next();
  });

  test('that is ended on purpose says goodbye and does not come back', async () => {
    const { socket, told } = begun();
    const peer = await other.next();
    await peer.greets();
    await told.next('resumed');
    const left = once(peer.socket, 'close');
    socket.stop();
    expect((await left)[0]).toBe(1000);
    network.dispatchEvent(new Event('online'));
    expect(told.all).toEqual(['connecting', 'resumed', 'down']);
  });
});
