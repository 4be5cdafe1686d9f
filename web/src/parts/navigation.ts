// The places that the navigation offers to members.
import CirclePlus from '@lucide/svelte/icons/circle-plus';
import MessagesSquare from '@lucide/svelte/icons/messages-square';
import Route from '@lucide/svelte/icons/route';
import Search from '@lucide/svelte/icons/search';
import User from '@lucide/svelte/icons/user';

/** In the order in which they stand. */
export const tabs = [
  { tab: 'search', href: '/', icon: Search },
  { tab: 'publish', href: '/publish', icon: CirclePlus },
  { tab: 'conversations', href: '/conversations', icon: MessagesSquare },
  { tab: 'dashboard', href: '/dashboard', icon: Route },
  { tab: 'account', href: '/account', icon: User },
] as const;
