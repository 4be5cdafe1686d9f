// What somebody has begun to write, by conversation, for as long as the page lives.
import { SvelteMap } from 'svelte/reactivity';

/** Drafts by conversation. */
export const drafts = new SvelteMap<string, string>();
