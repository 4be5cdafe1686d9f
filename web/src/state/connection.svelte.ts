// How the connection to the server is, for whoever shows it.

/** `idle`: nobody is signed in. `stopped`: the server said not to come back, and why. */
export type ConnectionState = 'idle' | 'connecting' | 'open' | 'waiting' | 'stopped';

/** The verdict of a close code that says to stop. */
export type Stop = 'not_signed_in' | 'revoked' | 'version' | 'misbehaving';

class Connection {
  /** Its state. */
  state = $state<ConnectionState>('idle');
  /** Why it was stopped. */
  stop = $state<Stop>();
  /** Whether the browser believes that there is a network. */
  network = $state(navigator.onLine);
  /** How many commands wait to be sent or answered. */
  waiting = $state(0);

  /** Whether what is sent now goes out now. A browser that lost its network may not have told its socket yet. */
  get ready(): boolean {
    return this.state === 'open' && this.network;
  }

  constructor() {
    addEventListener('online', () => (this.network = true));
    addEventListener('offline', () => (this.network = false));
  }
}

/** How the connection is. */
export const connection = new Connection();
