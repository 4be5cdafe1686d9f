// Who is signed in. Everything else that belongs to a person (conversations, the socket) begins and ends with it.
//
// All pages of a browser share one session by its cookie, so each tells the others when somebody has signed in or out there.
import { Problem, get, onSignedOut, writeOnce } from '../net/http';
import { pauseBefore } from '../net/socket';
import type { CurrentSession, Me } from '../wire/http';
import { language } from '../words/language.svelte';

/** Where pages of a browser tell each other. */
const CHANNEL = 'palabre.session';

/** What they tell: which account. */
type News = { signedIn: string } | { signedOut: string };

class Session {
  /** Who; undefined for guests. */
  me = $state.raw<Me>();
  /** Whether somebody is signing out just now, so that the end of the session is no news. */
  leaving = false;

  #begun = new Set<(me: Me) => void>();
  #ended = new Set<() => void>();
  #left = new Set<(account: string) => void>();
  #others: BroadcastChannel | undefined;
  #turn = 0;

  /** Asks the server who this is. A page without connection starts for guests, and goes on asking. */
  async start(): Promise<void> {
    onSignedOut(() => this.#end());
    this.#others = new BroadcastChannel(CHANNEL);
    this.#others.onmessage = ({ data }: MessageEvent<News>) => this.#hear(data);
    await this.find();
  }

  /** Asks the server who this is until it answers, at the latest when the network is back. */
  async find(failures = 0): Promise<void> {
    try {
      await this.refresh();
    } catch (failure) {
      if (!(failure instanceof Problem)) throw failure;
      const again = () => {
        clearTimeout(timer);
        removeEventListener('online', again);
        void this.find(failures + 1);
      };
      const timer = setTimeout(again, pauseBefore(failures, '', Math.random()));
      addEventListener('online', again);
    }
  }

  /** Reads who this is anew: after signing in, or after a change of name. */
  async refresh(): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    const { me } = await get<CurrentSession>('/sessions/current');
    // It was asked again meanwhile, or the session is over.
    if (turn !== this.#turn) return;
    if (!me) return this.#end();
    if (this.me && this.me.account !== me.account) return this.#replaced();
    const begins = this.me === undefined;
    this.me = me;
    if (begins) {
      this.#tell({ signedIn: me.account });
      for (const begin of this.#begun) begin(me);
    }
    // Words that cannot be loaded leave those that are there.
    if (!language.chosen) await language.speak(me.language).catch(() => undefined);
  }

  /** Signs out here. */
  async signOut(): Promise<void> {
    await this.#leave('/sessions/current');
  }

  /** Signs out everywhere, here included. */
  async signOutEverywhere(): Promise<void> {
    await this.#leave('/sessions');
  }

  /** Calls back whenever somebody is signed in; at once if somebody is. */
  onBegin(begin: (me: Me) => void): void {
    this.#begun.add(begin);
    if (this.me) begin(this.me);
  }

  /** Calls back whenever the session is over. */
  onEnd(end: () => void): void {
    this.#ended.add(end);
  }

  /** Calls back, after the end, when somebody has signed out of this browser on purpose, and leaves nothing in it. */
  onLeft(left: (account: string) => void): void {
    this.#left.add(left);
  }

  /** The session was ended elsewhere. */
  wasEnded(): void {
    this.#end();
  }

  async #leave(path: string): Promise<void> {
    const account = this.me?.account;
    this.leaving = true;
    try {
      await writeOnce('DELETE', path);
    } catch (failure) {
      // The session may be over all the same, and the socket or the answer have said so.
      if (this.me) throw failure;
    } finally {
      this.leaving = false;
    }
    if (account === undefined) return;
    this.#tell({ signedOut: account });
    this.#forget(account);
  }

  #hear(news: News): void {
    if ('signedIn' in news) {
      if (!this.me) void this.find();
      else if (this.me.account !== news.signedIn) this.#replaced();
    } else if (!this.me || this.me.account === news.signedOut) this.#forget(news.signedOut);
  }

  /** Somebody else has signed in in this browser: nothing that the page knows is theirs, so it begins anew. */
  #replaced(): void {
    location.reload();
  }

  #forget(account: string): void {
    this.#end();
    for (const left of this.#left) left(account);
  }

  #tell(news: News): void {
    this.#others?.postMessage(news);
  }

  #end(): void {
    if (!this.me) return;
    // What is being asked may still answer with who it was.
    this.#turn += 1;
    this.me = undefined;
    for (const end of this.#ended) end();
  }
}

/** Who is signed in. */
export const session = new Session();
