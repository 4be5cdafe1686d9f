// What somebody has begun to write, by conversation, for as long as the page lives and they are signed in.
import { SvelteMap } from 'svelte/reactivity';

import { session } from '../state/session.svelte';

/** Drafts by conversation. */
export const drafts = new SvelteMap<string, string>();

session.onEnd(() => drafts.clear());

/** A text taken back, before what somebody has begun to write since. */
export function before(text: string, draft: string | undefined): string {
  return draft?.trim() ? `${text}\n${draft}` : text;
}
