// What must be read of conversations by HTTP: the inbox, summaries, pages of events. It reads whatever the state lacks, each
// thing once at a time, tries again what failed for the moment, and ends with the session that it reads for.
import { Problem, get } from '../net/http';
import type { Query } from '../net/http';
import type { ConversationShown, EventsPage, Listed_ConversationShown as InboxPage } from '../wire/http';
import { Once } from './once';
import { without } from './reduce';
import type { ChatState, Input } from './reduce';

/** Events of the page that a conversation opens with. */
const PAGE_EVENTS = 100;
/** Events of every other page: as many as the server gives. */
const PAGE_EVENTS_MAX = 200;
/** Conversations of a page of the inbox. */
const PAGE_CONVERSATIONS = 50;
/** How long to wait before reading again what could not be read, in milliseconds. */
export const PAUSE_MS = 3_000;
/** How long to wait before reading a summary again that was out of date when it came, in milliseconds. */
const OUTDATED_MS = 300;

const INBOX = 'inbox';
const MORE = 'more of the inbox';
const summaryOf = (conversation: string) => `summary ${conversation}`;
const eventsOf = (conversation: string) => `events ${conversation}`;

/** What a reader works with. */
export interface Means {
  /** What is known now. */
  known: () => ChatState;
  /** Takes in what was read. */
  take: (input: Input) => void;
  /** Whether a hello was answered: the inbox is read after it, so that nothing falls between. */
  connected: () => boolean;
  /** Conversations that need a summary, whether they are open or not. */
  mentioned: () => readonly string[];
}

/** Reads for one session. */
export class Reader {
  /** Whether the inbox was read at all. */
  inboxLoaded = $state(false);
  /** Where the next page of the inbox begins. */
  inboxNext = $state<number>();

  #failures = $state.raw<Readonly<Record<string, Problem>>>({});
  #means: Means;
  #aborting = new AbortController();
  #once = new Once();

  constructor(means: Means) {
    this.#means = means;
  }

  /** Why the inbox could not be read. */
  get inboxFailure(): Problem | undefined {
    return this.#failures[INBOX];
  }

  /** Why the next page of the inbox could not be read. */
  get moreFailure(): Problem | undefined {
    return this.#failures[MORE];
  }

  /** Why a conversation could not be read. */
  failureOf(conversation: string): Problem | undefined {
    return this.#failures[summaryOf(conversation)] ?? this.#failures[eventsOf(conversation)];
  }

  /** Reads all that the state lacks, but what failed and what is being read already. */
  async readMissing(): Promise<void> {
    const { inbox, inboxBehind, stale, talks } = this.#means.known();
    const unknown = [...Object.keys(talks), ...this.#means.mentioned()].filter((id) => !inbox[id]);
    const short = Object.entries(talks).filter(([, talk]) => !talk.loaded || talk.behind);
    await Promise.all([
      inboxBehind && this.#means.connected() ? this.#read(INBOX, () => this.#readInbox(undefined)) : undefined,
      ...[...stale, ...unknown].map((id) => this.#read(summaryOf(id), () => this.#readSummary(id))),
      ...short.map(([id]) => this.#read(eventsOf(id), () => this.#readNext(id))),
    ]);
  }

  /** Reads again what failed of a conversation, or of the inbox. */
  retry(conversation?: string): Promise<void> {
    this.forgive(conversation);
    return this.readMissing();
  }

  /** What failed of a conversation, or of the inbox, may be read again. */
  forgive(conversation?: string): void {
    const failed = conversation === undefined ? [INBOX] : [summaryOf(conversation), eventsOf(conversation)];
    for (const what of failed) this.#forgive(what);
  }

  /** A connection was made: whatever failed may be read again. */
  forgiveAll(): void {
    this.#failures = {};
  }

  /** Reads the next page of the inbox. */
  async more(): Promise<void> {
    const before = this.inboxNext;
    this.#forgive(MORE);
    if (before !== undefined) await this.#read(MORE, () => this.#readInbox(before));
  }

  /** Reads the page of events before what is held. */
  earlier(conversation: string): Promise<void> {
    return this.#once.run(`earlier ${conversation}`, () => this.#readEarlier(conversation));
  }

  /** Gives up what is being read, and begins anew: the log is another one. */
  restart(): void {
    this.stop();
    this.#aborting = new AbortController();
    this.#once = new Once();
    this.#failures = {};
    this.inboxLoaded = false;
    this.inboxNext = undefined;
  }

  /** Gives up what is being read, for good. */
  stop(): void {
    this.#aborting.abort();
  }

  async #readInbox(before: number | undefined): Promise<void> {
    const page = await this.#get<InboxPage>('/conversations', { before, limit: PAGE_CONVERSATIONS });
    this.inboxLoaded = true;
    this.inboxNext = page.next ?? undefined;
    this.#means.take({ input: 'summaries', items: page.items, all: before === undefined });
  }

  async #readSummary(conversation: string): Promise<void> {
    const item = await this.#get<ConversationShown>(`/conversations/${conversation}`);
    this.#means.take({ input: 'summaries', items: [item] });
    // More was heard while it was read.
    if (this.#means.known().stale.has(conversation)) await new Promise((go) => setTimeout(go, OUTDATED_MS));
  }

  /** Reads the end of a conversation, or what follows what is held of it. */
  async #readNext(conversation: string): Promise<void> {
    const talk = this.#means.known().talks[conversation];
    if (!talk) return;
    const query = talk.loaded
      ? { after: talk.head, limit: PAGE_EVENTS_MAX }
      : { before: Number.MAX_SAFE_INTEGER, limit: PAGE_EVENTS };
    const page = await this.#get<EventsPage>(`/conversations/${conversation}/events`, query);
    this.#means.take({ input: 'next_page', conversation, page, lapses: talk.lapses });
  }

  async #readEarlier(conversation: string): Promise<void> {
    const talk = this.#means.known().talks[conversation];
    if (!talk?.loaded || talk.complete) return;
    const { signal } = this.#aborting;
    try {
      const query = { before: talk.first, limit: PAGE_EVENTS_MAX };
      const page = await this.#get<EventsPage>(`/conversations/${conversation}/events`, query);
      this.#means.take({ input: 'earlier_page', conversation, page });
    } catch (failure) {
      if (!signal.aborted) throw failure;
    }
  }

  /** Reads, and takes nothing that comes after the end. */
  async #get<T>(path: string, query: Query = {}): Promise<T> {
    const { signal } = this.#aborting;
    const answer = await get<T>(path, query, signal);
    signal.throwIfAborted();
    return answer;
  }

  /** Reads one thing of a kind at a time, and nothing that failed; then sees what is still missing. */
  async #read(what: string, act: () => Promise<void>): Promise<void> {
    const { signal } = this.#aborting;
    if (signal.aborted || this.#failures[what]) return;
    let mine = false;
    await this.#once.run(what, async () => {
      mine = true;
      await act().catch((failure: unknown) => {
        if (!signal.aborted) this.#fail(what, failure);
      });
    });
    if (mine && !signal.aborted) void this.readMissing();
  }

  #fail(what: string, failure: unknown): void {
    if (!(failure instanceof Problem)) throw failure;
    this.#failures = { ...this.#failures, [what]: failure };
    if (!failure.temporary || what === MORE) return;
    const { signal } = this.#aborting;
    setTimeout(() => {
      // It is read again, or it is over, whichever comes first.
      if (signal.aborted || this.#failures[what] !== failure) return;
      this.#forgive(what);
      void this.readMissing();
    }, PAUSE_MS);
  }

  #forgive(what: string): void {
    if (this.#failures[what]) this.#failures = without(this.#failures, what);
  }
}
