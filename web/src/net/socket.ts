// The one owner of the chat socket: it connects, resumes, comes back after a break as docs/PROTOCOL.md says, and matches
// answers with what was asked. What is said over it is for others to know.
import type {
  Answer,
  ClientFrame,
  CommandError,
  Ephemeral,
  Made,
  Resumed,
  SeenEvent,
  ServerFrame,
  Welcome,
} from '../wire/http';

/** The subprotocol that this page speaks. */
export const SUBPROTOCOL = 'palabre.v1';
/** How long an answer is waited for before the connection counts as broken, in milliseconds. */
export const PATIENCE_MS = 15_000;
/** How long a probe after waking up may take, in milliseconds. */
export const PROBE_MS = 4_000;
/** The longest pause before coming back of one's own accord, in milliseconds. */
const PAUSE_MS_MAX = 30_000;
/** The first close code that says to stop. */
const STOP_FROM = 4500;
/** The codes that browsers are allowed to close with begin here; ours says that the other end fell silent. */
const SILENT = 4900;

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
/** What may be asked; the socket numbers it. */
export type Asked = WithoutId<ClientFrame>;
/** What a hello says. */
export type Knowledge = Omit<Extract<ClientFrame, { type: 'hello' }>, 'id' | 'type'>;

/** The answer to a command says no. */
export class Refused extends Error {
  constructor(readonly error: CommandError) {
    super(error.code);
    this.name = 'Refused';
  }
}

/** The connection broke before there was an answer; whether it was done is not known. */
export class Broken extends Error {
  override name = 'Broken';
}

/** Who is told what happens. */
export interface Listener {
  /** What the page knows, for the hello; nothing where the session is another's, and the connection of no use. */
  knows(welcome: Welcome): Knowledge | undefined;
  /** The connection is up, and this was missed. */
  resumed(resumed: Resumed, said: Knowledge): void;
  /** An event of a conversation. */
  event(event: SeenEvent): void;
  /** Typing, presence, marks. */
  ephemeral(frame: Ephemeral): void;
  /** The connection is down; it comes back by itself unless `stop` says why not. */
  down(stop: number | undefined): void;
  /** A connection is being made. */
  connecting(): void;
  /** The conversations whose typing and presence matter now. */
  followed(): string[];
  /** Who is there in those. */
  online(accounts: readonly string[]): void;
}

interface Waiting {
  resolve: (made: Made) => void;
  reject: (failure: Refused | Broken) => void;
  patience: ReturnType<typeof setTimeout> | undefined;
}

/** The socket. */
export class ChatSocket {
  #url: string;
  #listener: Listener;
  #socket: WebSocket | undefined;
  #up = false;
  #running = false;
  #nextId = 1;
  #waiting = new Map<number, Waiting>();
  #failures = 0;
  #comeback: ReturnType<typeof setTimeout> | undefined;
  #awake = () => this.#wake();

  constructor(url: string, listener: Listener) {
    this.#url = url;
    this.#listener = listener;
  }

  /** Whether commands can be sent now. */
  get up(): boolean {
    return this.#up;
  }

  /** Connects, and stays connected. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#failures = 0;
    addEventListener('online', this.#awake);
    document.addEventListener('visibilitychange', this.#awake);
    this.#connect();
  }

  /** Disconnects for good. */
  stop(): void {
    this.#running = false;
    removeEventListener('online', this.#awake);
    document.removeEventListener('visibilitychange', this.#awake);
    clearTimeout(this.#comeback);
    this.#socket?.close(1000);
    this.#lost(undefined);
  }

  /** Asks, and waits for the answer. Fails with [`Refused`], or with [`Broken`] when the connection does. */
  ask(asked: Asked): Promise<Made> {
    if (!this.#up) return Promise.reject(new Broken());
    return this.#ask(asked);
  }

  /** Says that one types, or stops; lost when the connection is down. */
  say(typing: Extract<Asked, { type: 'typing' }>): void {
    if (this.#up) this.#send({ ...typing, id: this.#number() });
  }

  /** Follows what the listener wants followed, as of now. Fails in silence: the next hello follows anew. */
  follow(): void {
    const socket = this.#socket;
    if (!this.#up || !socket) return;
    void this.#follow(socket).catch(() => undefined);
  }

  async #follow(socket: WebSocket): Promise<void> {
    const made = await this.#ask({ type: 'follow', conversations: this.#listener.followed() });
    if (socket === this.#socket && 'online' in made) this.#listener.online(made.online);
  }

  #connect(): void {
    if (!this.#running || this.#socket) return;
    this.#listener.connecting();
    const socket = new WebSocket(this.#url, SUBPROTOCOL);
    this.#socket = socket;
    socket.onmessage = (message) => this.#hear(JSON.parse(String(message.data)) as ServerFrame);
    socket.onclose = (close) => this.#closed(socket, close.code, close.reason);
    // A network that vanishes while connecting tells nobody.
    const patience = setTimeout(() => this.#give(socket), PATIENCE_MS);
    socket.onopen = () => clearTimeout(patience);
    socket.addEventListener('close', () => clearTimeout(patience));
  }

  #hear(frame: ServerFrame): void {
    if ('re' in frame) return this.#answered(frame);
    if ('seq' in frame) return this.#listener.event(frame);
    if (!('type' in frame)) return;
    if ((frame.type as string) === 'welcome') return this.#greet(frame as unknown as Welcome);
    this.#listener.ephemeral(frame as Ephemeral);
  }

  #greet(welcome: Welcome): void {
    const socket = this.#socket;
    const said = this.#listener.knows(welcome);
    if (!said) return socket && this.#give(socket);
    this.#ask({ type: 'hello', ...said }).then(
      (made) => {
        if (socket !== this.#socket) return;
        this.#failures = 0;
        this.#up = true;
        this.#listener.resumed(made as Resumed, said);
      },
      // Refused for the moment: another try is another connection. Broken: that comes by itself.
      (failure: unknown) => {
        if (failure instanceof Refused && socket) this.#give(socket);
      },
    );
  }

  #ask(asked: Asked): Promise<Made> {
    const id = this.#number();
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => socket && this.#give(socket), PATIENCE_MS);
      this.#waiting.set(id, { resolve, reject, patience });
      this.#send({ ...asked, id } as ClientFrame);
    });
  }

  #answered(answer: Answer): void {
    const waiting = typeof answer.re === 'number' ? this.#waiting.get(answer.re) : undefined;
    if (!waiting) return;
    this.#waiting.delete(answer.re as number);
    clearTimeout(waiting.patience);
    if ('error' in answer) waiting.reject(new Refused(answer.error));
    else waiting.resolve(answer.ok);
  }

  #send(frame: ClientFrame): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #number(): number {
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }

  /** Gives a connection up that does not answer, without waiting for the other end to say goodbye. */
  #give(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    socket.close(SILENT);
    this.#closed(socket, SILENT, '');
  }

  #closed(socket: WebSocket, code: number, reason: string): void {
    if (socket !== this.#socket) return;
    const stop = code >= STOP_FROM && code !== SILENT ? code : undefined;
    if (stop !== undefined) this.#running = false;
    this.#lost(stop);
    if (!this.#running) return;
    this.#comeback = setTimeout(() => this.#connect(), pauseBefore(this.#failures, reason, Math.random()));
    this.#failures += 1;
  }

  #lost(stop: number | undefined): void {
    if (!this.#socket) return;
    this.#socket = undefined;
    this.#up = false;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject, patience } of waiting) {
      clearTimeout(patience);
      reject(new Broken());
    }
    this.#listener.down(stop);
  }

  /** The network is back, or somebody looks at the page again: come back at once, or see whether the other end is there. */
  #wake(): void {
    if (!this.#running || document.visibilityState === 'hidden') return;
    const socket = this.#socket;
    if (!socket) {
      clearTimeout(this.#comeback);
      this.#failures = 0;
      return this.#connect();
    }
    if (!this.#up) return;
    const probe = setTimeout(() => this.#give(socket), PROBE_MS);
    const answered = () => clearTimeout(probe);
    this.#follow(socket).then(answered, answered);
  }
}

/** How long to wait before coming back: as was advised, else a random time that doubles with each failure. */
export function pauseBefore(failures: number, reason: string, random: number): number {
  const advised = /\bretry_after_ms=(\d+)/.exec(reason)?.[1];
  if (advised !== undefined) return Math.min(Number(advised), PAUSE_MS_MAX);
  return random * Math.min(1_000 * 2 ** failures, PAUSE_MS_MAX);
}
