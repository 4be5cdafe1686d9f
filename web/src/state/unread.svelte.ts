// What waits in all conversations, for the navigation. The chat keeps it up to date.

class Unread {
  /** How many messages, proposals and bookings of others. */
  count = $state(0);
  /** How much of what one sent was refused, and waits to be sent again or discarded. */
  refused = $state(0);
}

/** What is unread. */
export const unread = new Unread();
