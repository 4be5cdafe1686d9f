// Measures a page from within: when its largest part was painted, how long what people did took until the next paint, how
// long frames were. Needs `prepare` before the page is opened.
import type { CDPSession, Page } from '@playwright/test';

/** What a page gathers while it is measured, in milliseconds. */
interface Gathered {
  largest: number;
  /** How long after each press of a key, finger or button the next frame was drawn. */
  answers: number[];
  frames: number[];
  watching: boolean;
}

declare global {
  interface Window {
    gathered: Gathered;
  }
}

/** Gathers from the next document on. */
export async function prepare(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const gathered: Gathered = { largest: 0, answers: [], frames: [], watching: false };
    window.gathered = gathered;
    new PerformanceObserver((list) => {
      for (const { startTime } of list.getEntries()) gathered.largest = startTime;
    }).observe({ type: 'largest-contentful-paint', buffered: true });
    // Event Timing would measure until a screen has shown the frame. Without a screen it reports that as late as the frame
    // after, whenever that comes; so this measures until the frame was handed over.
    const pressed = ({ timeStamp }: Event) =>
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => gathered.answers.push(performance.now() - timeStamp);
        port2.postMessage(undefined);
      });
    for (const type of ['keydown', 'pointerdown', 'click']) addEventListener(type, pressed, { capture: true });
  });
}

/** Makes the processor of a page so many times slower. */
export async function throttle(page: Page, times: number): Promise<CDPSession> {
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: times });
  return session;
}

/** When the largest part was painted, after the document began to load. */
export function largestPaint(page: Page): Promise<number> {
  return page.evaluate(() => window.gathered.largest);
}

/** Does something, and tells how long the slowest press in it waited for the next frame. */
export async function interaction(page: Page, act: () => Promise<void>): Promise<number> {
  await page.evaluate(() => (window.gathered.answers = []));
  await act();
  await painted(page);
  return Math.max(...(await page.evaluate(() => window.gathered.answers)));
}

/** Does something that ends with a press, and tells how long after it what `selector` names was in a frame. */
export async function appearance(page: Page, selector: string, act: () => Promise<void>): Promise<number> {
  const appeared = await page.evaluateHandle((wanted) => {
    let pressed = NaN;
    addEventListener('click', ({ timeStamp }) => (pressed = timeStamp), { capture: true, once: true });
    const seen = new Promise<number>((done) => {
      requestAnimationFrame(function look() {
        if (document.querySelector(wanted)) setTimeout(() => done(performance.now() - pressed));
        else requestAnimationFrame(look);
      });
    });
    // A promise in an object is not waited for yet.
    return { seen };
  }, selector);
  await act();
  return appeared.evaluate(({ seen }) => seen);
}

/** How long frames take while something is done. */
export async function frames(page: Page, act: () => Promise<void>): Promise<number[]> {
  await page.evaluate(() => {
    const { gathered } = window;
    gathered.frames = [];
    gathered.watching = true;
    let before = performance.now();
    requestAnimationFrame(function frame(now) {
      gathered.frames.push(now - before);
      before = now;
      if (gathered.watching) requestAnimationFrame(frame);
    });
  });
  await act();
  return page.evaluate(() => {
    window.gathered.watching = false;
    return window.gathered.frames.slice(1);
  });
}

/** What the page holds: megabytes of the heap of its scripts after a collection, and nodes. */
export async function memory(session: CDPSession): Promise<{ heapMb: number; nodes: number }> {
  await session.send('HeapProfiler.collectGarbage');
  await session.send('Performance.enable');
  const { metrics } = await session.send('Performance.getMetrics');
  const metric = (name: string) => metrics.find((known) => known.name === name)?.value ?? NaN;
  return { heapMb: metric('JSHeapUsedSize') / 1e6, nodes: metric('Nodes') };
}

/** The value that `share` of all do not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

/** Waits for two frames: what was done before is on the screen, and its observers were told. */
async function painted(page: Page): Promise<void> {
  await page.evaluate(
    () => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))),
  );
}
