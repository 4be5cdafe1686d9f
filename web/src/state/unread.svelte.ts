// How much is unread in all conversations, for the navigation. The inbox keeps it up to date.

class Unread {
  /** How many messages, proposals and bookings of others. */
  count = $state(0);
}

/** What is unread. */
export const unread = new Unread();
