// Where the page is. Ordinary links work as they are: a click on one inside of the page changes the view without loading
// the page anew. Views come lazily; the old one stays until the new one is there.
import { tick } from 'svelte';
import type { Component } from 'svelte';

import { find } from './routes';
import type { Found, ViewProps } from './routes';
import { session } from './state/session.svelte';

/** What stands in for a view that could not be loaded or does not exist. */
type Missing = 'not_found' | 'failed';

interface Kept {
  scroll: number;
}

class Router {
  /** The path of the address. */
  path = $state('/');
  /** The parameters of the address. */
  query = $state.raw<Readonly<URLSearchParams>>(new URLSearchParams());
  /** The route and its parameters; undefined where there is none. */
  found = $state.raw<Found>();
  /** The view that is shown. */
  view = $state.raw<Component<ViewProps>>();
  /** Why none is. */
  missing = $state<Missing>();
  /** Whether a view is being loaded. */
  loading = $state(false);

  #turn = 0;

  /** Shows the view of the present address, and follows links and the history from here on. */
  start(): void {
    history.scrollRestoration = 'manual';
    addEventListener('popstate', (event) => void this.#show((event.state as Kept | null)?.scroll ?? 0));
    document.addEventListener('click', (event) => this.#follow(event));
    void this.#show(undefined);
  }

  /** Goes to an address of the page. */
  async go(to: string, { replace = false } = {}): Promise<void> {
    this.#keepScroll();
    history[replace ? 'replaceState' : 'pushState']({ scroll: 0 } satisfies Kept, '', to);
    await this.#show(0);
  }

  /** Changes the address without leaving the view: for searches and filters. */
  rewrite(to: string): void {
    history.replaceState(history.state, '', to);
    this.query = new URLSearchParams(location.search);
  }

  /** Goes back where one came from within the page, else to `fallback`. */
  back(fallback: string): void {
    if (history.state !== null) history.back();
    else void this.go(fallback, { replace: true });
  }

  /** Tries to load the view again. */
  retry(): Promise<void> {
    return this.#show(0);
  }

  async #show(scroll: number | undefined): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    const found = find(location.pathname);
    const elsewhere = found && detour(found);
    if (elsewhere !== undefined) {
      history.replaceState({ scroll: 0 } satisfies Kept, '', elsewhere);
      return this.#show(scroll);
    }
    this.loading = true;
    const view = await found?.route.view().catch(() => undefined);
    // Somebody went on meanwhile.
    if (turn !== this.#turn) return;
    const another = location.pathname !== this.path;
    this.loading = false;
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
    this.found = found;
    this.view = view?.default as Component<ViewProps> | undefined;
    this.missing = found === undefined ? 'not_found' : view === undefined ? 'failed' : undefined;
    await tick();
    if (scroll === undefined) return;
    scrollTo(0, scroll);
    if (another) document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
  }

  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname.startsWith('/api/') || (link.hash && link.pathname === location.pathname)) return;
    event.preventDefault();
    void this.go(link.pathname + link.search + link.hash);
  }

  #keepScroll(): void {
    history.replaceState({ scroll: scrollY } satisfies Kept, '');
  }
}

/** Where somebody is sent instead, who may not see a route. */
function detour({ route }: Found): string | undefined {
  if (route.whom === 'members' && !session.me) {
    return `/sign-in?then=${encodeURIComponent(location.pathname + location.search)}`;
  }
  if (route.whom === 'guests' && session.me) return afterSignIn(new URL(location.href).searchParams);
  return undefined;
}

/** Where somebody goes who has just signed in: where they were going before, within the page. */
export function afterSignIn(query: Readonly<URLSearchParams>): string {
  const then = query.get('then');
  return then?.startsWith('/') && !then.startsWith('//') && !then.includes('\\') ? then : '/conversations';
}

/** Where the page is. */
export const router = new Router();
