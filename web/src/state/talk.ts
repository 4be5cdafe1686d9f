// One conversation as its events tell it: what was said, and how far each proposal and booking is. Pure.
//
// What is held is gapless: the events from `first` to `head`. Events that come too early wait in `ahead`. Those before
// `first` come page by page when somebody scrolls back; the fold is then done again from the beginning of what is held,
// so that a correction that came first meets its message.
import type {
  Fact,
  RefusalReason,
  SeenEvent,
  Told,
  VoidReason,
  WireAcceptance,
  WirePrice,
  WireTerms,
} from '../wire/http';

/** Something that somebody said. */
export interface Message {
  kind: 'message';
  seq: number;
  at: string;
  author: string;
  /** Absent when its author was erased. */
  text: string | undefined;
  /** The `seq` of the message that it answers. */
  inReplyTo: number | undefined;
  edited: boolean;
  retracted: boolean;
}

/** Terms that somebody proposed, and what became of them. */
export interface Proposal {
  kind: 'proposal';
  seq: number;
  at: string;
  proposal: string;
  by: string;
  terms: WireTerms;
  termsHash: string;
  expiresAt: string;
  inReplyTo: string | undefined;
  /** The reservation that it would change. */
  replaces: string | undefined;
  status: 'open' | 'accepted' | 'declined' | 'withdrawn' | 'countered' | 'expired' | 'voided';
  /** Why it was declined, in their words. */
  reason: string | undefined;
  voided: VoidReason | undefined;
  acceptance: WireAcceptance | undefined;
  /** What the ride answered to the acceptance. */
  outcome: 'pending' | 'reserved' | RefusalReason | undefined;
}

/** Any other fact that is worth a line or a card. */
export interface Happening {
  kind: 'happening';
  seq: number;
  at: string;
  by: string;
  fact: Fact;
}

/** What a conversation is drawn from, in order of `seq`. */
export type Entry = Message | Proposal | Happening;

/** A reservation as the conversation tells it. */
export interface Booking {
  reservation: string;
  seats: number;
  price: WirePrice;
  pickupAt: string;
  /** Where it was agreed, or changed last; absent when that lies before what is held. */
  terms: WireTerms | undefined;
  state: 'confirmed' | 'cancelled';
  noShow: boolean;
}

/** What is known of one conversation. */
export interface Talk {
  /** What is held, gapless, in order of `seq`. */
  events: readonly SeenEvent[];
  /** The first held `seq`; one more than `head` while nothing is held. */
  first: number;
  /** The last held `seq`. */
  head: number;
  /** Whether a page has come. */
  loaded: boolean;
  /** Whether there is nothing before `first`. */
  complete: boolean;
  /** Events after a hole, in order of `seq`. */
  ahead: readonly SeenEvent[];
  /** Whether the hole, or what is missing at the end, must be read by HTTP. */
  behind: boolean;
  /** How often more was missed than live events would bring. Only a page that was asked for after the last time tells it. */
  lapses: number;
  entries: readonly Entry[];
  proposals: Readonly<Record<string, Proposal>>;
  bookings: Readonly<Record<string, Booking>>;
  /** Keys of one's own commands that were heard of. */
  keys: ReadonlySet<string>;
}

/** The most events that wait behind a hole. What is beyond is read by HTTP, like the hole itself. */
export const AHEAD_MAX = 500;

/** A conversation of which nothing is known yet. */
export const NOTHING: Talk = {
  events: [],
  first: 1,
  head: 0,
  loaded: false,
  complete: false,
  ahead: [],
  behind: false,
  lapses: 0,
  entries: [],
  proposals: {},
  bookings: {},
  keys: new Set(),
};

/** Whether an event is more than the stand-in for one that may not be seen. */
export function isTold(event: SeenEvent): event is Told {
  return event.type !== 'hidden';
}

/** Takes in one live event. What is held already is passed over; what comes too early waits. */
export function hear(talk: Talk, event: SeenEvent): Talk {
  if (event.seq <= talk.head) return talk;
  if (!talk.loaded || event.seq > talk.head + 1) return wait(talk, event);
  return catchUp(append(talk, [event]));
}

/** Takes in a page that was read from the end, or that follows what is held; `head` is the last `seq` that there was, and
    `lapses` what the talk had of them when it was asked for. */
export function continueWith(talk: Talk, page: readonly SeenEvent[], head: number, lapses: number = talk.lapses): Talk {
  if (!talk.loaded) {
    const first = page[0]?.seq ?? head + 1;
    const begun = { ...talk, first, head: first - 1, loaded: true, complete: first <= 1 };
    return settle(catchUp(append(begun, page)), head, lapses);
  }
  const next = page.filter((event) => event.seq > talk.head);
  const fits = next.length === 0 || next[0]?.seq === talk.head + 1;
  return settle(fits ? catchUp(append(talk, next)) : talk, head, lapses);
}

/** Takes in a page that lies before what is held. Entries that it does not change stay the same objects, so that they need
    not be drawn anew. */
export function precede(talk: Talk, page: readonly SeenEvent[]): Talk {
  const earlier = page.filter((event) => event.seq < talk.first);
  const [begin] = earlier;
  if (!begin) return { ...talk, complete: true };
  const before = append({ ...NOTHING, first: begin.seq, head: begin.seq - 1 }, earlier);
  const fold: Fold = {
    entries: [...before.entries, ...talk.entries],
    proposals: { ...before.proposals, ...talk.proposals },
    bookings: { ...before.bookings, ...talk.bookings },
    keys: new Set([...before.keys, ...talk.keys]),
  };
  // What is held may correct, answer or settle what came now.
  for (const event of talk.events) if (isTold(event)) amend(fold, event);
  return { ...talk, ...fold, events: [...earlier, ...talk.events], first: begin.seq, complete: begin.seq <= 1 };
}

/** Says that more is missing than live events will bring. */
export function fallBehind(talk: Talk): Talk {
  return { ...talk, behind: true, lapses: talk.lapses + 1 };
}

function wait(talk: Talk, event: SeenEvent): Talk {
  if (talk.ahead.some((waiting) => waiting.seq === event.seq)) return talk;
  const ahead = [...talk.ahead, event].sort((a, b) => a.seq - b.seq).slice(0, AHEAD_MAX);
  const waiting = { ...talk, ahead, behind: talk.behind || talk.loaded };
  return ahead.length > talk.ahead.length ? waiting : fallBehind(waiting);
}

/** Moves what waits and now fits to what is held. */
function catchUp(talk: Talk): Talk {
  const left = talk.ahead.filter((event) => event.seq > talk.head);
  let fits = 0;
  while (left[fits]?.seq === talk.head + 1 + fits) fits += 1;
  if (fits === 0) return left.length === talk.ahead.length ? talk : { ...talk, ahead: left };
  return { ...append(talk, left.slice(0, fits)), ahead: left.slice(fits) };
}

function settle(talk: Talk, head: number, lapses: number): Talk {
  return { ...talk, behind: talk.ahead.length > 0 || talk.head < head || lapses < talk.lapses };
}

function append(talk: Talk, events: readonly SeenEvent[]): Talk {
  const last = events.at(-1);
  if (!last) return talk;
  const fold: Fold = {
    entries: [...talk.entries],
    proposals: { ...talk.proposals },
    bookings: { ...talk.bookings },
    keys: new Set(talk.keys),
  };
  for (const event of events) if (isTold(event)) take(fold, event);
  return { ...talk, ...fold, events: [...talk.events, ...events], head: last.seq };
}

interface Fold {
  entries: Entry[];
  proposals: Record<string, Proposal>;
  bookings: Record<string, Booking>;
  keys: Set<string>;
}

function take(fold: Fold, event: Told): void {
  amend(fold, event);
  add(fold, event);
}

/** Adds the entry of an event, where it has one. */
function add(fold: Fold, event: Told): void {
  if (event.key) fold.keys.add(event.key);
  switch (event.type) {
    case 'message_posted':
      fold.entries.push({
        kind: 'message',
        seq: event.seq,
        at: event.at,
        author: event.data.author,
        text: event.data.text ?? undefined,
        inReplyTo: event.data.in_reply_to ?? undefined,
        edited: false,
        retracted: false,
      });
      return;
    case 'proposal_made':
      return propose(fold, event);
    // These show where what they are about stands.
    case 'message_edited':
    case 'message_retracted':
    case 'proposal_withdrawn':
    case 'proposal_expired':
    case 'proposal_voided':
      return;
    default:
      fold.entries.push({ kind: 'happening', seq: event.seq, at: event.at, by: event.by, fact: event });
  }
}

/** Changes what an event is about; what lies before what is held is changed when its page comes. */
function amend(fold: Fold, event: Told): void {
  switch (event.type) {
    case 'message_edited':
      return changeMessage(fold, event.data.message, { text: event.data.text ?? undefined, edited: true });
    case 'message_retracted':
      return changeMessage(fold, event.data.message, { text: undefined, retracted: true });
    case 'proposal_made':
      return changeProposal(fold, event.data.in_reply_to ?? '', { status: 'countered' });
    case 'proposal_accepted': {
      const { proposal, acceptance } = event.data;
      return changeProposal(fold, proposal, { status: 'accepted', acceptance, outcome: 'pending' });
    }
    case 'proposal_declined':
      return changeProposal(fold, event.data.proposal, { status: 'declined', reason: event.data.reason ?? undefined });
    case 'proposal_withdrawn':
      return changeProposal(fold, event.data.proposal, { status: 'withdrawn' });
    case 'proposal_expired':
      return changeProposal(fold, event.data.proposal, { status: 'expired' });
    case 'proposal_voided':
      return changeProposal(fold, event.data.proposal, { status: 'voided', voided: event.data.reason });
    default:
      settleBooking(fold, event);
  }
}

function propose(fold: Fold, event: Told & { type: 'proposal_made' }): void {
  const { proposal, by, terms, terms_hash, expires_at, in_reply_to, replaces } = event.data;
  const made: Proposal = {
    kind: 'proposal',
    seq: event.seq,
    at: event.at,
    proposal,
    by,
    terms,
    termsHash: terms_hash,
    expiresAt: expires_at,
    inReplyTo: in_reply_to ?? undefined,
    replaces: replaces ?? undefined,
    status: 'open',
    reason: undefined,
    voided: undefined,
    acceptance: undefined,
    outcome: undefined,
  };
  fold.proposals[proposal] = made;
  fold.entries.push(made);
}

/** What the ride answered, and what became of a booking. */
function settleBooking(fold: Fold, event: Told): void {
  switch (event.type) {
    case 'booking_confirmed':
    case 'booking_changed': {
      const { proposal, reservation, seats, price_per_seat: price, pickup_at: pickupAt } = event.data;
      changeProposal(fold, proposal, { outcome: 'reserved' });
      const terms = fold.proposals[proposal]?.terms;
      fold.bookings[reservation] = { reservation, seats, price, pickupAt, terms, state: 'confirmed', noShow: false };
      return;
    }
    case 'booking_refused':
      return changeProposal(fold, event.data.proposal, { outcome: event.data.reason });
    case 'booking_cancelled':
      return changeBooking(fold, event.data.reservation, { state: 'cancelled' });
    case 'ride_noticed':
      if (event.data.notice.what === 'no_show') changeBooking(fold, event.data.notice.reservation, { noShow: true });
      return;
    default:
      return;
  }
}

function changeMessage(fold: Fold, seq: number, change: Partial<Message>): void {
  const at = indexOf(fold.entries, seq);
  const message = fold.entries[at];
  if (message?.kind === 'message' && differs(message, change)) fold.entries[at] = { ...message, ...change };
}

function changeProposal(fold: Fold, proposal: string, change: Partial<Proposal>): void {
  const known = fold.proposals[proposal];
  if (!known || !differs(known, change)) return;
  const changed = { ...known, ...change };
  fold.proposals[proposal] = changed;
  fold.entries[indexOf(fold.entries, known.seq)] = changed;
}

function differs<T>(known: T, change: Partial<T>): boolean {
  return (Object.keys(change) as (keyof T)[]).some((name) => known[name] !== change[name]);
}

function changeBooking(fold: Fold, reservation: string, change: Partial<Booking>): void {
  const known = fold.bookings[reservation];
  if (known) fold.bookings[reservation] = { ...known, ...change };
}

/** Where the entry of `seq` is in `entries`, which are in order; -1 where there is none. */
export function indexOf(entries: readonly Entry[], seq: number): number {
  let [low, high] = [0, entries.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = entries[middle]?.seq ?? Number.POSITIVE_INFINITY;
    if (found === seq) return middle;
    if (found < seq) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
