// The browser's evolve: what the page knows of all conversations, as frames and answers tell it. Pure; the store around it
// is in chat.svelte.ts.
import type { ConversationShown, Ephemeral, EventsPage, Resumed, SeenEvent, Told } from '../wire/http';
import { NOTHING, continueWith, fallBehind, hear, isTold, precede } from './talk';
import type { Talk } from './talk';

/** How long somebody counts as typing when nothing more is heard, in milliseconds. */
export const TYPING_MS = 6_000;

/** What the page knows. */
export interface ChatState {
  /** Whose page it is. */
  account: string;
  /** The log that all this is of; undefined before the first welcome. */
  logId: string | undefined;
  /** Everything up to here was told; undefined before the first hello was answered. */
  position: number | undefined;
  /** Conversations as the inbox shows them. */
  inbox: Readonly<Record<string, ConversationShown>>;
  /** Those whose summary must be read (again). */
  stale: ReadonlySet<string>;
  /** Whether the inbox must be read (again). */
  inboxBehind: boolean;
  /** Conversations that are open, or were a moment ago. */
  talks: Readonly<Record<string, Talk>>;
  /** Who of the others is there. */
  online: ReadonlySet<string>;
  /** Who types where, and until when that holds. */
  typing: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** How far others have read. */
  reads: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** What may change it. */
export type Input =
  | { input: 'event'; event: SeenEvent }
  | { input: 'ephemeral'; frame: Ephemeral; now: number }
  | { input: 'resumed'; resumed: Resumed; named: readonly string[] }
  | { input: 'online'; accounts: readonly string[] }
  | { input: 'disconnected' }
  | { input: 'later'; now: number }
  | { input: 'summaries'; items: readonly ConversationShown[]; all?: boolean }
  | { input: 'opened'; conversation: string }
  | { input: 'closed'; conversation: string }
  | { input: 'next_page'; conversation: string; page: EventsPage; lapses: number }
  | { input: 'earlier_page'; conversation: string; page: EventsPage }
  | { input: 'marked_read'; conversation: string; upTo: number };

/** The page of `account`, who just came. */
export function begin(account: string): ChatState {
  return {
    account,
    logId: undefined,
    position: undefined,
    inbox: {},
    stale: new Set(),
    inboxBehind: true,
    talks: {},
    online: new Set(),
    typing: {},
    reads: {},
  };
}

/** What the page knows after `input`. */
export function reduce(state: ChatState, input: Input): ChatState {
  switch (input.input) {
    case 'event':
      return hearEvent(state, input.event);
    case 'ephemeral':
      return hearEphemeral(state, input.frame, input.now);
    case 'resumed':
      return resume(state, input.resumed, input.named);
    case 'online':
      return { ...state, online: new Set(input.accounts) };
    case 'disconnected':
      return { ...state, online: new Set(), typing: {} };
    case 'later':
      return stillTyping(state, input.now);
    case 'summaries':
      return input.items.reduce(summarise, input.all ? { ...state, inboxBehind: false } : state);
    case 'opened':
      return state.talks[input.conversation] ? state : withTalk(state, input.conversation, () => NOTHING);
    case 'closed':
      return { ...state, talks: without(state.talks, input.conversation) };
    case 'next_page':
      return withOpen(state, input.conversation, (talk) =>
        continueWith(talk, input.page.events, input.page.head, input.lapses),
      );
    case 'earlier_page':
      return withOpen(state, input.conversation, (talk) => precede(talk, input.page.events));
    case 'marked_read':
      return readUpTo(state, input.conversation, input.upTo);
  }
}

/** The conversations of the inbox, the one with the latest event first. */
export function inboxOrder(state: ChatState): ConversationShown[] {
  return Object.values(state.inbox).sort((a, b) => b.position - a.position);
}

/** `record` without what stands under `key`. */
export function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([known]) => known !== key));
}

function withTalk(state: ChatState, conversation: string, change: (talk: Talk) => Talk): ChatState {
  const talk = change(state.talks[conversation] ?? NOTHING);
  return { ...state, talks: { ...state.talks, [conversation]: talk } };
}

/** The same, but what was closed meanwhile stays so. */
function withOpen(state: ChatState, conversation: string, change: (talk: Talk) => Talk): ChatState {
  return state.talks[conversation] ? withTalk(state, conversation, change) : state;
}

function hearEvent(state: ChatState, event: SeenEvent): ChatState {
  const heard = withOpen(state, event.conversation, (talk) => hear(talk, event));
  if (!isTold(event)) return heard;
  const position = heard.position === undefined ? undefined : Math.max(heard.position, event.position);
  return advance(quietened({ ...heard, position }, event), event);
}

/** Whoever just said something no longer types. */
function quietened(state: ChatState, event: Told): ChatState {
  const author = event.type === 'message_posted' ? event.data.author : undefined;
  const here = state.typing[event.conversation];
  if (author === undefined || here?.[author] === undefined) return state;
  return { ...state, typing: { ...state.typing, [event.conversation]: without(here, author) } };
}

/** Moves the summary of the event's conversation on. Talk is folded here; for all else the server's is read again. */
function advance(state: ChatState, event: Told): ChatState {
  const summary = state.inbox[event.conversation];
  if (!summary) return { ...state, stale: new Set([...state.stale, event.conversation]) };
  if (event.seq <= summary.seq) return state;
  const moved = { ...summary, seq: event.seq, position: event.position, at: event.at };
  const isTalk = event.type === 'message_posted';
  const next = isTalk ? said(moved, event, state.account) : moved;
  const stale = isTalk ? state.stale : new Set([...state.stale, event.conversation]);
  return { ...state, stale, inbox: { ...state.inbox, [event.conversation]: next } };
}

function said(
  summary: ConversationShown,
  event: Told & { type: 'message_posted' },
  account: string,
): ConversationShown {
  const own = event.data.author === account;
  // The correction was one of the message before.
  return { ...summary, last_message: event, last_correction: undefined, unread: summary.unread + (own ? 0 : 1) };
}

function hearEphemeral(state: ChatState, frame: Ephemeral, now: number): ChatState {
  switch (frame.type) {
    case 'typing': {
      const others = without(state.typing[frame.conversation] ?? {}, frame.account);
      const here = frame.on ? { ...others, [frame.account]: now + TYPING_MS } : others;
      return { ...state, typing: { ...state.typing, [frame.conversation]: here } };
    }
    case 'presence': {
      const online = new Set(state.online);
      if (frame.online) online.add(frame.account);
      else online.delete(frame.account);
      return { ...state, online };
    }
    case 'read':
      if (frame.account === state.account) return readUpTo(state, frame.conversation, frame.up_to);
      return withRead(state, frame.conversation, frame.account, frame.up_to);
  }
}

/** Leaves out those who have not been heard to type for a while. */
function stillTyping(state: ChatState, now: number): ChatState {
  const over = Object.values(state.typing).some((here) => Object.values(here).some((until) => until <= now));
  if (!over) return state;
  const lasting = (here: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(here).filter(([, until]) => until > now));
  const typing = Object.entries(state.typing).map(([id, here]) => [id, lasting(here)] as const);
  return { ...state, typing: Object.fromEntries(typing.filter(([, here]) => Object.keys(here).length > 0)) };
}

function withRead(state: ChatState, conversation: string, account: string, upTo: number): ChatState {
  const here = state.reads[conversation] ?? {};
  if ((here[account] ?? 0) >= upTo) return state;
  return { ...state, reads: { ...state.reads, [conversation]: { ...here, [account]: upTo } } };
}

/** One's own mark moved, here or on another device. How much is unread beyond it, the server says. */
function readUpTo(state: ChatState, conversation: string, upTo: number): ChatState {
  const summary = state.inbox[conversation];
  if (!summary || summary.read_seq >= upTo) return state;
  const all = upTo >= summary.seq;
  const inbox = { ...state.inbox, [conversation]: { ...summary, read_seq: upTo, unread: all ? 0 : summary.unread } };
  return { ...state, inbox, stale: all ? state.stale : new Set([...state.stale, conversation]) };
}

function resume(state: ChatState, resumed: Resumed, named: readonly string[]): ChatState {
  if (resumed.fresh) return { ...begin(state.account), logId: resumed.log_id, talks: emptied(state.talks) };
  const known = { ...state, logId: resumed.log_id, online: new Set(resumed.online) };
  const heard = resumed.events.reduce(hearEvent, known);
  // What was not named in the hello may have moved before this connection was known to the server.
  const missed = Object.keys(heard.talks).filter((id) => !named.includes(id) || resumed.too_far.includes(id));
  const behind = missed.reduce((before, id) => withTalk(before, id, fallBehind), heard);
  const changed = resumed.changed.reduce(changeHead, behind);
  return {
    ...changed,
    position: Math.max(resumed.position, changed.position ?? 0),
    inboxBehind: changed.inboxBehind || resumed.more_changed || state.position === undefined,
  };
}

/** Has the summary read again. What was asked for before is too old to be taken for it. */
function changeHead(state: ChatState, head: Resumed['changed'][number]): ChatState {
  const stale = new Set([...state.stale, head.conversation]);
  const known = state.inbox[head.conversation];
  if (!known) return { ...state, stale };
  const moved = { ...known, seq: Math.max(known.seq, head.seq), unread: head.unread };
  return { ...state, stale, inbox: { ...state.inbox, [head.conversation]: moved } };
}

function emptied(talks: ChatState['talks']): ChatState['talks'] {
  return Object.fromEntries(Object.keys(talks).map((id) => [id, NOTHING]));
}

/** Takes in the server's summary of a conversation, unless live events have told more since. */
function summarise(state: ChatState, item: ConversationShown): ChatState {
  const known = state.inbox[item.conversation];
  if (known !== undefined && known.seq > item.seq) return state;
  const stale = new Set(state.stale);
  stale.delete(item.conversation);
  const read = Math.max(known?.read_seq ?? 0, item.read_seq);
  const shown = { ...item, read_seq: read, unread: read >= item.seq ? 0 : item.unread };
  const taken = { ...state, stale, inbox: { ...state.inbox, [item.conversation]: shown } };
  return item.marks.reduce<ChatState>(
    (told, mark) => withRead(told, item.conversation, mark.account, mark.up_to),
    taken,
  );
}
