// Every address of the page, and the view that is loaded when somebody goes there.
import type { Component } from 'svelte';

/** What a view is given: the parts of its address that vary. */
export interface ViewProps {
  params: Record<string, string>;
}

/** A view; one whose address does not vary takes no properties. */
export type View = Component<ViewProps> | Component<Record<string, never>>;

/** An address of the page. */
export interface Route {
  /** `/rides/:ride`; a part that begins with a colon varies. */
  path: string;
  /** Loads the view. */
  view: () => Promise<{ default: View }>;
  /** Who may go there: `anyone`, `members` (others sign in first) or `guests` (members go to the inbox). */
  whom: 'anyone' | 'members' | 'guests';
  /** Which tab of the navigation it belongs to. */
  tab?: 'search' | 'publish' | 'conversations' | 'dashboard' | 'account';
  /** The view stays when its address changes to another one of the same view, and follows it by itself. */
  stays?: true;
}

const conversations = () => import('./views/Conversations.svelte');

/** All of them; the first that fits is taken. */
export const routes: Route[] = [
  { path: '/', view: () => import('./views/Search.svelte'), whom: 'anyone', tab: 'search' },
  { path: '/search', view: () => import('./views/Search.svelte'), whom: 'anyone', tab: 'search' },
  { path: '/rides/:ride', view: () => import('./views/Ride.svelte'), whom: 'anyone', tab: 'search' },
  { path: '/rides/:ride/change', view: () => import('./views/ChangeRide.svelte'), whom: 'members', tab: 'dashboard' },
  { path: '/rides/:ride/history', view: () => import('./views/RideHistory.svelte'), whom: 'anyone', tab: 'dashboard' },
  {
    path: '/rides/:ride/requests',
    view: () => import('./views/SuitedRequests.svelte'),
    whom: 'members',
    tab: 'dashboard',
  },
  { path: '/sources', view: () => import('./views/Sources.svelte'), whom: 'anyone', tab: 'search' },
  { path: '/publish', view: () => import('./views/Publish.svelte'), whom: 'members', tab: 'publish' },
  { path: '/requests', view: () => import('./views/Requests.svelte'), whom: 'members', tab: 'dashboard' },
  { path: '/requests/new', view: () => import('./views/PostRequest.svelte'), whom: 'members', tab: 'search' },
  { path: '/sign-in', view: () => import('./views/SignIn.svelte'), whom: 'guests' },
  { path: '/sign-up', view: () => import('./views/SignUp.svelte'), whom: 'guests' },
  { path: '/forgotten', view: () => import('./views/AskReset.svelte'), whom: 'anyone' },
  { path: '/reset-password', view: () => import('./views/ConfirmReset.svelte'), whom: 'anyone' },
  { path: '/conversations', view: conversations, whom: 'members', tab: 'conversations', stays: true },
  { path: '/conversations/:conversation', view: conversations, whom: 'members', tab: 'conversations', stays: true },
  { path: '/dashboard', view: () => import('./views/Dashboard.svelte'), whom: 'members', tab: 'dashboard' },
  { path: '/account', view: () => import('./views/Account.svelte'), whom: 'members', tab: 'account' },
];

/** A route that fits an address, with what varies in it. */
export interface Found {
  route: Route;
  params: Record<string, string>;
}

/** The route for a path, if there is one. */
export function find(path: string, among: readonly Route[] = routes): Found | undefined {
  const said = parts(path);
  for (const route of among) {
    const wanted = parts(route.path);
    if (wanted.length !== said.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((part, at) => {
      const here = said[at] ?? '';
      if (!part.startsWith(':')) return part === here;
      params[part.slice(1)] = here;
      return here !== '';
    });
    if (fits) return { route, params };
  }
  return undefined;
}

function parts(path: string): string[] {
  return path
    .replace(/^\/+|\/+$/g, '')
    .split('/')
    .map(decoded);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
