// Requests: post, find again, withdraw, answer.
import type { Words } from '../language.svelte';

export const requests: Words['requests'] = {
  title: 'My requests',
  post: 'Post a request',
  postText: 'Say where and when: drivers whose ride suits you can then write to you.',
  submit: 'Post the request',
  posted: 'Request posted.',
  priceMax: 'Highest price per seat',
  comment: 'Remark',
  commentPlaceholder: 'I travel with a folding bike…',
  none: {
    title: 'You have no requests',
    text: 'Post one when no ride suits you: drivers will then write to you.',
  },
  state: { open: 'Open', fulfilled: 'Fulfilled', withdrawn: 'Withdrawn', expired: 'Expired' },
  seats: (count) => (count === 1 ? '1 seat' : `${count} seats`),
  upTo: (price) => `up to ${price} per seat`,
  window: (moment, tolerance) => `${moment}, give or take ${tolerance}`,
  search: 'Search now',
  withdraw: 'Withdraw',
  withdrawing: {
    title: 'Withdraw this request?',
    text: 'Nobody will be able to answer it any longer. Open conversations stay.',
    action: 'Withdraw the request',
    done: 'Request withdrawn.',
  },
  answered: 'See the booked ride',
  suited: {
    title: 'Requests that suit',
    text: (from, to) => `They suit your ride ${from} → ${to}.`,
    none: 'No request suits yet',
    noneText: 'Come back later: new requests appear here.',
    total: (count) => (count === 1 ? '1 request' : `${count} requests`),
    answer: (name) => `Write to ${name}`,
    approximate: 'Places to about a kilometre. Exact addresses come up in the conversation.',
    detour: (by) => `a detour of ${by} for you`,
    onTime: 'at the time they wished',
    later: (by) => `${by} after the time they wished`,
    earlier: (by) => `${by} before the time they wished`,
  },
};
