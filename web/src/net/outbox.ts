// Commands on their way: kept in this browser under their keys until they are answered, so that what was written offline, or
// while the page was reloaded, still goes out once, in the order in which it was written.
//
// Commands of one conversation go one after the other, those of different conversations beside each other.
import { v7 as newKey } from 'uuid';

import { Broken, Refused } from './socket';
import type { Asked } from './socket';
import type { Made } from '../wire/http';

/** The most commands that are kept, be they waiting or refused; more are not taken. */
export const KEPT_MAX = 100;
/** How old a command may be when it is sent, in milliseconds: a day. Older ones are for their author to decide on. */
export const AGE_MS_MAX = 24 * 3600 * 1000;
/** How long to wait after a temporary refusal that does not say, in milliseconds. */
const PAUSE_MS = 1_000;
/** For how long what is done counts as under way when no event of its conversation will show it, in milliseconds. */
export const DONE_MS = 3_000;
/** The longest frame that the server takes, in bytes. */
const FRAME_BYTES_MAX = 65_536;

type Keyed = Extract<Asked, { key: string; conversation: string }>;
type WithoutKey<T> = T extends unknown ? Omit<T, 'key'> : never;
/** A command about a conversation, as it is written. */
export type Command = WithoutKey<Exclude<Keyed, { type: 'mark_read' }>>;

/** A command on its way. */
export interface Sending {
  key: string;
  command: Command;
  /** When it was written, in milliseconds. */
  madeAt: number;
  /** `done`: answered, and kept until the conversation has told it. */
  state: 'waiting' | 'done' | 'refused';
  /** Why it was refused. */
  code: string | undefined;
  /** The `seq` that it made, once it is done and made one. */
  seq: number | undefined;
}

/** Where commands are kept: `localStorage`, or what a test puts in its place. */
export type Shelf = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

/** What an outbox works with. */
export interface Means {
  shelf: Shelf;
  now: () => number;
  ask: (asked: Asked) => Promise<Made>;
  /** Told whenever what is in it has changed. */
  changed: (sendings: readonly Sending[]) => void;
}

/** The outbox of one account. */
export class Outbox {
  #prefix: string;
  #means: Means;
  #sendings: Sending[];
  #lanes = new Set<string>();
  #open = false;
  #stopped = false;

  constructor(account: string, means: Means) {
    this.#prefix = prefixOf(account);
    this.#means = means;
    this.#sendings = this.#kept();
  }

  /** Everything that is not over, the oldest first. */
  get sendings(): readonly Sending[] {
    return this.#sendings;
  }

  /** Sends a command as soon as it can be; the answer is its key, or nothing where too many are kept already. */
  send(command: Command): string | undefined {
    if (this.#sendings.filter(({ state }) => state !== 'done').length >= KEPT_MAX) return undefined;
    return this.#add(command);
  }

  /** Sends one that was refused again, as a new command. */
  retry(key: string): void {
    const refused = this.#sendings.find((sending) => sending.key === key && sending.state === 'refused');
    if (!refused) return;
    this.discard(key);
    this.#add(refused.command);
  }

  /** Forgets one that was refused. One that waits may be under way, and cannot be called back. */
  discard(key: string): void {
    const sending = this.#sendings.find((known) => known.key === key);
    if (sending?.state === 'refused') this.#remove(key);
  }

  /** The connection is up: sends what waits. */
  resume(): void {
    this.#open = true;
    for (const conversation of new Set(this.#sendings.map(({ command }) => command.conversation)))
      this.#run(conversation);
  }

  /** The connection is down: everything waits. */
  pause(): void {
    this.#open = false;
  }

  /** The session is over: nothing more is sent or told. */
  stop(): void {
    this.#open = false;
    this.#stopped = true;
  }

  /** A conversation has told what it holds: what came of a command is there to see. */
  told(conversation: string, keys: ReadonlySet<string>, head: number): void {
    const seen = ({ key, command, state, seq }: Sending) =>
      command.conversation === conversation &&
      (keys.has(key) || (state === 'done' && seq !== undefined && seq <= head));
    for (const { key } of this.#sendings.filter(seen)) this.#remove(key);
  }

  /** Another page has taken an entry off the shelf, by its name there: it is done, or was discarded. */
  takenOff(name: string): void {
    const taken = this.#sendings.find(({ key, state }) => this.#prefix + key === name && state !== 'done');
    if (taken) this.#remove(taken.key);
  }

  /** Works through the commands of one conversation, until none waits or the connection breaks. */
  async #run(conversation: string): Promise<void> {
    if (!this.#open || this.#lanes.has(conversation)) return;
    this.#lanes.add(conversation);
    try {
      for (let next = this.#next(conversation); next && this.#open; next = this.#next(conversation)) {
        if (this.#means.now() - next.madeAt > AGE_MS_MAX) this.#change(next.key, { state: 'refused', code: 'too_old' });
        else if (!(await this.#try(next))) return;
      }
    } finally {
      this.#lanes.delete(conversation);
    }
  }

  #next(conversation: string): Sending | undefined {
    return this.#sendings.find(({ command, state }) => command.conversation === conversation && state === 'waiting');
  }

  /** Sends one command; false when the connection broke. */
  async #try({ key, command }: Sending): Promise<boolean> {
    try {
      const made = await this.#means.ask({ ...command, key } as Asked);
      const seq = 'seq' in made ? (made.seq ?? undefined) : undefined;
      this.#change(key, { state: 'done', seq });
      if (seq === undefined) setTimeout(() => this.#remove(key), DONE_MS);
    } catch (failure) {
      if (failure instanceof Broken) return false;
      if (!(failure instanceof Refused)) throw failure;
      const { code, temporary, retry_after_ms: pause } = failure.error;
      if (temporary) await new Promise((go) => setTimeout(go, pause ?? PAUSE_MS));
      else this.#change(key, { state: 'refused', code });
    }
    return true;
  }

  #add(command: Command): string {
    const key = newKey();
    const code = tooLong(command) ? 'too_long' : undefined;
    const state = code === undefined ? 'waiting' : 'refused';
    this.#put({ key, command, madeAt: this.#means.now(), state, code, seq: undefined });
    this.#run(command.conversation);
    return key;
  }

  #put(sending: Sending): void {
    this.#sendings = [...this.#sendings, sending];
    this.#keep(sending);
    this.#tell();
  }

  #change(key: string, change: Partial<Sending>): void {
    const known = this.#sendings.find((sending) => sending.key === key);
    // Its event came before its answer.
    if (!known) return;
    const changed = { ...known, ...change };
    this.#sendings = this.#sendings.map((sending) => (sending.key === key ? changed : sending));
    if (changed.state === 'done') this.#means.shelf.removeItem(this.#prefix + key);
    else this.#keep(changed);
    this.#tell();
  }

  #remove(key: string): void {
    this.#means.shelf.removeItem(this.#prefix + key);
    this.#sendings = this.#sendings.filter((sending) => sending.key !== key);
    this.#tell();
  }

  #tell(): void {
    if (!this.#stopped) this.#means.changed(this.#sendings);
  }

  #keep(sending: Sending): void {
    try {
      this.#means.shelf.setItem(this.#prefix + sending.key, JSON.stringify(sending));
    } catch {
      // The browser keeps nothing (full, or private): then it lives as long as the page does.
    }
  }

  /** What an earlier page left, in the order in which it was written: keys are UUIDv7. */
  #kept(): Sending[] {
    return namesFrom(this.#means.shelf, this.#prefix).flatMap((name) => read(this.#means.shelf.getItem(name)));
  }
}

/** Forgets everything that any page of this browser keeps for an account: its owner has signed out. */
export function forgetOutbox(shelf: Shelf, account: string): void {
  for (const name of namesFrom(shelf, prefixOf(account))) shelf.removeItem(name);
}

function prefixOf(account: string): string {
  return `palabre.outbox.${account}.`;
}

function namesFrom(shelf: Shelf, prefix: string): string[] {
  const names = Array.from({ length: shelf.length }, (_, at) => shelf.key(at));
  return names
    .filter((name) => name !== null)
    .filter((name) => name.startsWith(prefix))
    .sort();
}

function read(text: string | null): Sending[] {
  try {
    const sending = JSON.parse(text ?? '') as Sending;
    return typeof sending.key === 'string' && typeof sending.command.conversation === 'string' ? [sending] : [];
  } catch {
    return [];
  }
}

function tooLong(command: Command): boolean {
  // The key and the number come on top.
  return new TextEncoder().encode(JSON.stringify(command)).length > FRAME_BYTES_MAX - 128;
}
