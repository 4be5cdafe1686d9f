// Short news for the person: shown for a while at the edge of the page, and announced by screen readers.

/** How many are shown at once; the oldest goes first. */
const SHOWN_MAX = 3;
/** How long one is shown, in milliseconds. */
const SHOWN_MS = 6_000;

/** One piece of news. */
export interface Notice {
  id: number;
  kind: 'done' | 'failed';
  text: string;
}

class Notices {
  /** Those that are shown. */
  shown = $state<Notice[]>([]);
  #next = 1;

  /** Tells that something was done. */
  done(text: string): void {
    this.#show('done', text);
  }

  /** Tells that something failed, where there is no better place to say it. */
  failed(text: string): void {
    this.#show('failed', text);
  }

  /** Takes one away. */
  dismiss(id: number): void {
    this.shown = this.shown.filter((notice) => notice.id !== id);
  }

  #show(kind: Notice['kind'], text: string): void {
    const id = this.#next;
    this.#next += 1;
    this.shown = [...this.shown, { id, kind, text }].slice(-SHOWN_MAX);
    setTimeout(() => this.dismiss(id), SHOWN_MS);
  }
}

/** News for the person. */
export const notices = new Notices();
