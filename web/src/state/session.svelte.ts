// Who is signed in. Everything else that belongs to a person (conversations, the socket) begins and ends with it.
import { get, onSignedOut, writeOnce } from '../net/http';
import type { CurrentSession, Me } from '../wire/http';
import { language } from '../words/language.svelte';

class Session {
  /** Who; undefined for guests. */
  me = $state.raw<Me>();

  #begun = new Set<(me: Me) => void>();
  #ended = new Set<() => void>();

  /** Asks the server who this is. A page without connection starts for guests, and asks again when it is back. */
  async start(): Promise<void> {
    onSignedOut(() => this.#end());
    try {
      await this.refresh();
    } catch {
      addEventListener('online', () => void this.refresh().catch(() => undefined), { once: true });
    }
  }

  /** Reads who this is anew: after signing in, or after a change of name. */
  async refresh(): Promise<void> {
    const { me } = await get<CurrentSession>('/sessions/current');
    if (!me) return this.#end();
    const another = me.account !== this.me?.account;
    this.me = me;
    if (!language.chosen) await language.speak(me.language);
    if (another) for (const begin of this.#begun) begin(me);
  }

  /** Signs out here. */
  async signOut(): Promise<void> {
    await writeOnce('DELETE', '/sessions/current');
    this.#end();
  }

  /** Signs out everywhere, here included. */
  async signOutEverywhere(): Promise<void> {
    await writeOnce('DELETE', '/sessions');
    this.#end();
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

  /** The session was ended elsewhere. */
  wasEnded(): void {
    this.#end();
  }

  #end(): void {
    if (!this.me) return;
    this.me = undefined;
    for (const end of this.#ended) end();
  }
}

/** Who is signed in. */
export const session = new Session();
