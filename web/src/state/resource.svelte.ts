// Something that is read from the server for a view: being loaded, there, or failed; and read again when asked.
import { Problem } from '../net/http';

/** What is being read, of which only the last reading counts. */
class Reading {
  /** Why the last reading failed. */
  failure = $state.raw<Problem>();
  /** Whether it is being read. */
  loading = $state(false);

  #aborting: AbortController | undefined;

  /** Asks, and takes the answer. A reading that is still under way is given up. */
  protected async read<T>(ask: (signal: AbortSignal) => Promise<T>, take: (answer: T) => void): Promise<void> {
    this.#aborting?.abort();
    this.#aborting = new AbortController();
    const { signal } = this.#aborting;
    this.loading = true;
    try {
      const answer = await ask(signal);
      if (signal.aborted) return;
      take(answer);
      this.failure = undefined;
    } catch (failure) {
      if (signal.aborted) return;
      if (!(failure instanceof Problem)) throw failure;
      this.failure = failure;
    } finally {
      if (!signal.aborted) this.loading = false;
    }
  }
}

/** What a view reads. */
export class Resource<T> extends Reading {
  /** What was read last; stays while it is read again. */
  value = $state.raw<T>();

  #ask: (signal: AbortSignal) => Promise<T>;

  constructor(ask: (signal: AbortSignal) => Promise<T>) {
    super();
    this.#ask = ask;
  }

  /** Reads it (again). */
  load(): Promise<void> {
    return this.read(this.#ask, (value) => (this.value = value));
  }
}

/** A page of a list, and where the next one begins. */
interface Page<T, Next> {
  items: T[];
  next?: Next | null;
}

/** A list that is read page by page, each page beginning where the one before ended. */
export class Pages<T, Next> extends Reading {
  /** What was read so far; undefined before the first page. */
  items = $state.raw<T[]>();
  /** Where the next page begins, if there is one. */
  next = $state.raw<Next>();

  #ask: (from: Next | undefined, signal: AbortSignal) => Promise<Page<T, Next>>;
  #last: () => Promise<void> = () => this.load();

  constructor(ask: (from: Next | undefined, signal: AbortSignal) => Promise<Page<T, Next>>) {
    super();
    this.#ask = ask;
  }

  /** Reads the first page (again). */
  load(): Promise<void> {
    this.#last = () => this.load();
    return this.#page(undefined, () => []);
  }

  /** Reads the next page, unless one is being read. */
  async more(): Promise<void> {
    if (this.loading || this.next === undefined) return;
    this.#last = () => this.more();
    await this.#page(this.next, () => this.items ?? []);
  }

  /** Reads again what was asked for last. */
  retry(): Promise<void> {
    return this.#last();
  }

  #page(from: Next | undefined, before: () => T[]): Promise<void> {
    return this.read(
      (signal) => this.#ask(from, signal),
      ({ items, next }) => {
        this.items = [...before(), ...items];
        this.next = next ?? undefined;
      },
    );
  }
}
