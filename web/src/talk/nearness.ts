// Tells parts of something that scrolls whether they are near what is on the screen.

/** How far from the screen is near. */
const MARGIN = '1200px 0px';

/** Told how a part lies; `height` is its present one, in pixels. */
export type Told = (near: boolean, height: number) => void;

/** Watches the parts of one element that scrolls. */
export class Nearness {
  #told = new Map<Element, Told>();
  #observer: IntersectionObserver;

  constructor(root: Element) {
    this.#observer = new IntersectionObserver((entries) => this.#tell(entries), { root, rootMargin: MARGIN });
  }

  /** Tells of a part, now and whenever that changes, until the answer is called. */
  watch(part: Element, told: Told): () => void {
    this.#told.set(part, told);
    this.#observer.observe(part);
    return () => {
      this.#told.delete(part);
      this.#observer.unobserve(part);
    };
  }

  #tell(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      this.#told.get(target)?.(isIntersecting, boundingClientRect.height);
    }
  }
}
