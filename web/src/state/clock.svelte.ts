// The time, for what is shown relative to it. It is the server's: the welcome of the socket sets how far off this browser is.

class Clock {
  #offset = 0;
  #now = $state(Date.now());
  #minute = $state(Date.now());
  #watchers = 0;
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor() {
    setInterval(() => (this.#minute = this.now()), 30_000);
  }

  /** The server's time, in milliseconds. Read once; nothing follows it. */
  now(): number {
    return Date.now() + this.#offset;
  }

  /** The time to the half minute; whatever renders it is kept up to date. */
  get minute(): number {
    return this.#minute;
  }

  /** The time to the second, for as long as somebody [watches](Clock.watch). */
  get second(): number {
    return this.#now;
  }

  /** Keeps `second` going until the answer is called; for an effect. */
  watch(): () => void {
    this.#watchers += 1;
    this.#now = this.now();
    this.#ticking ??= setInterval(() => (this.#now = this.now()), 1_000);
    return () => {
      this.#watchers -= 1;
      if (this.#watchers > 0) return;
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    };
  }

  /** Sets it by the server's. */
  set(serverNow: string): void {
    this.#offset = new Date(serverNow).getTime() - Date.now();
    this.#minute = this.now();
  }
}

/** The server's time. */
export const clock = new Clock();
