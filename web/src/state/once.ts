// Lets one thing of a kind be under way at a time.

/** What is under way, by name. */
export class Once {
  #under = new Map<string, Promise<void>>();

  /** Does it; whoever comes while it is being done waits for the same. */
  run(what: string, act: () => Promise<void>): Promise<void> {
    const under = this.#under.get(what);
    if (under) return under;
    const begun = act().finally(() => this.#under.delete(what));
    this.#under.set(what, begun);
    return begun;
  }
}
