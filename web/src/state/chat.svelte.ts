// All conversations of whoever is signed in: the state that `reduce` folds, and around it what must be fetched, sent, marked
// and remembered. Components read it and call its methods; they know neither the socket nor the API.
import { validate as isId } from 'uuid';

import { forgetPositions, newKey, sawPosition } from '../net/http';
import type { Problem } from '../net/http';
import { Outbox, forgetOutbox } from '../net/outbox';
import type { Command, Sending } from '../net/outbox';
import { ChatSocket } from '../net/socket';
import type { Knowledge, Listener } from '../net/socket';
import type { ConversationShown, Ephemeral, Resumed, SeenEvent, Welcome } from '../wire/http';
import { sayCode } from '../words/problems';
import { clock } from './clock.svelte';
import { connection } from './connection.svelte';
import type { Stop } from './connection.svelte';
import { notices } from './notices.svelte';
import { Reader } from './reader.svelte';
import { begin, inboxOrder, reduce } from './reduce';
import type { ChatState, Input } from './reduce';
import { session } from './session.svelte';
import type { Talk } from './talk';
import { unread } from './unread.svelte';

/** How many conversations are kept at hand; the one that was left first is forgotten first. The server follows 50. */
const TALKS_MAX = 20;
/** Marks that follow each other within this go as one, in milliseconds. */
const MARK_MS = 700;
/** While somebody types, that is said this often, in milliseconds. */
const TYPING_EVERY_MS = 3_000;

const STOPS: Record<number, Stop> = { 4500: 'not_signed_in', 4501: 'revoked', 4502: 'version', 4503: 'misbehaving' };

class Chat implements Listener {
  #state = $state.raw<ChatState>(begin(''));
  /** Commands on their way, and those that were refused. */
  sendings = $state.raw<readonly Sending[]>([]);

  #reader = $state.raw<Reader>();
  #socket: ChatSocket | undefined;
  #outbox: Outbox | undefined;
  #opened: string[] = [];
  #marking: ReturnType<typeof setTimeout> | undefined;
  #marks = new Map<string, number>();
  #typedAt = new Map<string, number>();
  #sweep: ReturnType<typeof setInterval> | undefined;
  #takenOff = ({ key, newValue }: StorageEvent) => {
    if (key !== null && newValue === null) this.#outbox?.takenOff(key);
  };

  /** Follows the session from here on. */
  start(): void {
    session.onBegin(({ account }) => this.#begin(account));
    session.onEnd(() => this.#end());
    session.onLeft((account) => {
      forgetOutbox(localStorage, account);
      connection.state = 'idle';
    });
  }

  /** What is known. */
  get state(): ChatState {
    return this.#state;
  }

  /** The inbox, the conversation with the latest event first. */
  get inbox(): ConversationShown[] {
    return inboxOrder(this.#state);
  }

  /** Whether the inbox was read at all. */
  get inboxLoaded(): boolean {
    return this.#reader?.inboxLoaded ?? false;
  }

  /** Why it could not be read. */
  get inboxFailure(): Problem | undefined {
    return this.#reader?.inboxFailure;
  }

  /** Whether there is another page of it. */
  get inboxMore(): boolean {
    return this.#reader?.inboxNext !== undefined;
  }

  /** Why the next page of it could not be read. */
  get moreFailure(): Problem | undefined {
    return this.#reader?.moreFailure;
  }

  /** Why a conversation could not be read. */
  failureOf(conversation: string): Problem | undefined {
    return this.#reader?.failureOf(conversation);
  }

  /** A conversation that is open. */
  talk(conversation: string): Talk | undefined {
    return this.#state.talks[conversation];
  }

  /** Opens a conversation: reads its end, and keeps it up to date from here on. */
  open(conversation: string): void {
    this.#opened = [...this.#opened.filter((id) => id !== conversation), conversation];
    for (const left of this.#opened.splice(0, Math.max(0, this.#opened.length - TALKS_MAX))) {
      this.#take({ input: 'closed', conversation: left });
      this.#tellOutbox(left);
    }
    this.#reader?.forgive(conversation);
    this.#take({ input: 'opened', conversation });
    void this.#reader?.readMissing();
    this.#socket?.follow();
  }

  /** Reads the page before what is held. */
  async earlier(conversation: string): Promise<void> {
    await this.#reader?.earlier(conversation);
  }

  /** Reads the next page of the inbox. */
  async moreInbox(): Promise<void> {
    await this.#reader?.more();
  }

  /** Reads again what failed of a conversation, or of the inbox. */
  async retry(conversation?: string): Promise<void> {
    await this.#reader?.retry(conversation);
  }

  /** Sends a command, which is among the sendings until it is over. Whether it was taken; if not, the reason is told. */
  send(command: Command): boolean {
    if (!this.#outbox) throw new Error('only members see what sends');
    this.#typedAt.delete(command.conversation);
    const taken = this.#outbox.send(command) !== undefined;
    if (!taken) notices.failed(sayCode('outbox_full'));
    return taken;
  }

  /** Sends again what was refused. */
  resend(key: string): void {
    this.#outbox?.retry(key);
  }

  /** Forgets what was refused. */
  discard(key: string): void {
    this.#outbox?.discard(key);
  }

  /** What of a conversation is on its way. */
  sendingsOf(conversation: string): Sending[] {
    return this.sendings.filter(({ command }) => command.conversation === conversation);
  }

  /** Everything up to `upTo` was seen. */
  markRead(conversation: string, upTo: number): void {
    const known = Math.max(this.#state.inbox[conversation]?.read_seq ?? 0, this.#marks.get(conversation) ?? 0);
    if (upTo <= known) return;
    this.#take({ input: 'marked_read', conversation, upTo });
    this.#marks.set(conversation, upTo);
    this.#marking ??= setTimeout(() => this.#sendMarks(), MARK_MS);
  }

  /** Somebody types, or stops. */
  typing(conversation: string, on: boolean): void {
    const last = this.#typedAt.get(conversation);
    if (on ? last !== undefined && Date.now() - last < TYPING_EVERY_MS : last === undefined) return;
    if (on) this.#typedAt.set(conversation, Date.now());
    else this.#typedAt.delete(conversation);
    this.#socket?.say({ type: 'typing', conversation, on });
  }

  // What the socket tells.

  connecting(): void {
    connection.state = 'connecting';
  }

  knows({ account, log_id, now }: Welcome): Knowledge | undefined {
    if (account !== this.#state.account) {
      void session.find();
      return undefined;
    }
    if (now) clock.set(now);
    const { logId, position, talks } = this.#state;
    if (logId === undefined || position === undefined) return { log_id };
    const held = Object.entries(talks).filter(([, talk]) => talk.loaded && !talk.behind);
    return { log_id: logId, position, conversations: Object.fromEntries(held.map(([id, talk]) => [id, talk.head])) };
  }

  resumed(resumed: Resumed, said: Knowledge): void {
    connection.state = 'open';
    if (resumed.fresh) {
      forgetPositions();
      this.#reader?.restart();
    }
    this.#reader?.forgiveAll();
    this.#take({ input: 'resumed', resumed, named: Object.keys(said.conversations ?? {}) });
    this.#socket?.follow();
    this.#outbox?.resume();
    if (this.#marks.size > 0) this.#sendMarks();
  }

  event(event: SeenEvent): void {
    if ('position' in event) sawPosition(event.position);
    this.#reader?.forgive(event.conversation);
    this.#take({ input: 'event', event });
  }

  ephemeral(frame: Ephemeral): void {
    this.#take({ input: 'ephemeral', frame, now: Date.now() });
  }

  online(accounts: readonly string[]): void {
    this.#take({ input: 'online', accounts });
  }

  followed(): string[] {
    // An address may name anything; what is no id would have the whole of it refused.
    return this.#opened.filter((id) => isId(id));
  }

  down(stop: number | undefined): void {
    connection.stop = stop === undefined ? undefined : STOPS[stop];
    const over = connection.stop === 'not_signed_in' || connection.stop === 'revoked';
    connection.state = stop === undefined ? 'waiting' : over && session.leaving ? 'idle' : 'stopped';
    this.#outbox?.pause();
    this.#take({ input: 'disconnected' });
    if (over) session.wasEnded();
  }

  // Its own business.

  #begin(account: string): void {
    this.#end();
    this.#state = begin(account);
    this.#outbox = new Outbox(account, {
      shelf: localStorage,
      now: () => Date.now(),
      ask: (asked) => this.#ask(asked),
      changed: (sendings) => this.#sendingsChanged(sendings),
    });
    this.#sendingsChanged(this.#outbox.sendings);
    this.#reader = new Reader({
      known: () => this.#state,
      take: (input) => this.#take(input),
      connected: () => this.#socket?.up === true,
      mentioned: () => this.#refusing(),
    });
    addEventListener('storage', this.#takenOff);
    this.#sweep = setInterval(() => this.#take({ input: 'later', now: Date.now() }), 1_000);
    this.#socket = new ChatSocket(`${location.origin.replace(/^http/, 'ws')}/ws`, this);
    this.#socket.start();
  }

  #ask(asked: Parameters<ChatSocket['ask']>[0]): ReturnType<ChatSocket['ask']> {
    if (!this.#socket) throw new Error('the outbox lives as long as the socket');
    return this.#socket.ask(asked);
  }

  #end(): void {
    this.#socket?.stop();
    this.#outbox?.stop();
    this.#reader?.stop();
    removeEventListener('storage', this.#takenOff);
    clearInterval(this.#sweep);
    clearTimeout(this.#marking);
    this.#socket = this.#outbox = this.#reader = this.#marking = undefined;
    this.#marks.clear();
    this.#typedAt.clear();
    this.#opened = [];
    this.#state = begin('');
    this.sendings = [];
    unread.count = unread.refused = 0;
    if (connection.state !== 'stopped') connection.state = 'idle';
  }

  #take(input: Input): void {
    const before = this.#state;
    const state = reduce(before, input);
    if (state === before) return;
    this.#state = state;
    unread.count = Object.values(state.inbox).reduce((sum, summary) => sum + summary.unread, 0);
    for (const [id, talk] of Object.entries(state.talks)) {
      if (talk === before.talks[id]) continue;
      this.#tellOutbox(id);
    }
    void this.#reader?.readMissing();
  }

  #sendingsChanged(sendings: readonly Sending[]): void {
    this.sendings = sendings;
    connection.waiting = sendings.filter(({ state }) => state === 'waiting').length;
    unread.refused = sendings.filter(({ state }) => state === 'refused').length;
    for (const { command, state } of sendings) if (state === 'done') this.#tellOutbox(command.conversation);
    // A refusal is seen in the inbox, so its conversation must be there.
    void this.#reader?.readMissing();
  }

  /** Conversations in which something was refused. */
  #refusing(): string[] {
    const refused = this.sendings.filter(({ state }) => state === 'refused');
    return refused.map(({ command }) => command.conversation);
  }

  /** What is done is kept until its conversation shows it; one that is not open has nothing to show. */
  #tellOutbox(conversation: string): void {
    const open = this.talk(conversation);
    this.#outbox?.told(conversation, open?.keys ?? new Set(), open?.head ?? Infinity);
  }

  #sendMarks(): void {
    clearTimeout(this.#marking);
    this.#marking = undefined;
    for (const [conversation, up_to] of this.#marks) {
      const asked = this.#socket?.ask({ type: 'mark_read', key: newKey(), conversation, up_to });
      // A mark that was not taken is said again when the connection is back.
      asked?.then(
        () => this.#marks.get(conversation) === up_to && this.#marks.delete(conversation),
        () => undefined,
      );
    }
  }
}

/** All conversations of whoever is signed in. */
export const chat = new Chat();
