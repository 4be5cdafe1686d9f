// Something that is read from the server for a view: being loaded, there, or failed; and read again when asked.
import { Problem } from '../net/http';

/** What a view reads. */
export class Resource<T> {
  /** What was read last; stays while it is read again. */
  value = $state.raw<T>();
  /** Why the last reading failed. */
  failure = $state.raw<Problem>();
  /** Whether it is being read. */
  loading = $state(false);

  #turn = 0;
  #read: (signal: AbortSignal) => Promise<T>;
  #aborting: AbortController | undefined;

  constructor(read: (signal: AbortSignal) => Promise<T>) {
    this.#read = read;
  }

  /** Reads it (again). A reading that is still under way is given up. */
  async load(): Promise<void> {
    this.#aborting?.abort();
    this.#aborting = new AbortController();
    this.#turn += 1;
    const turn = this.#turn;
    this.loading = true;
    try {
      const value = await this.#read(this.#aborting.signal);
      if (turn !== this.#turn) return;
      this.value = value;
      this.failure = undefined;
    } catch (failure) {
      if (turn !== this.#turn) return;
      if (!(failure instanceof Problem)) throw failure;
      this.failure = failure;
    } finally {
      if (turn === this.#turn) this.loading = false;
    }
  }
}

/** A list that is read page by page, each page beginning where the one before ended. */
export class Pages<T, Next> {
  /** What was read so far; undefined before the first page. */
  items = $state.raw<T[]>();
  /** Where the next page begins, if there is one. */
  next = $state.raw<Next>();
  /** Why the last reading failed. */
  failure = $state.raw<Problem>();
  /** Whether a page is being read. */
  loading = $state(false);

  #read: (from: Next | undefined) => Promise<{ items: T[]; next?: Next | null }>;

  constructor(read: (from: Next | undefined) => Promise<{ items: T[]; next?: Next | null }>) {
    this.#read = read;
  }

  /** Reads the first page (again). */
  load(): Promise<void> {
    return this.#page(undefined, () => []);
  }

  /** Reads the next page. */
  more(): Promise<void> {
    return this.#page(this.next, () => this.items ?? []);
  }

  async #page(from: Next | undefined, before: () => T[]): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    try {
      const page = await this.#read(from);
      this.items = [...before(), ...page.items];
      this.next = page.next ?? undefined;
      this.failure = undefined;
    } catch (failure) {
      if (!(failure instanceof Problem)) throw failure;
      this.failure = failure;
    } finally {
      this.loading = false;
    }
  }
}
