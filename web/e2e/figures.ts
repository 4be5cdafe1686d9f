// Measures what people wait for, on a processor made four times slower, at phone width: `npm run figures` prints tables. Not a
// test: nothing here fails because a machine is slow.
import { fr } from '../src/words/fr';
import { appearance, frames, interaction, largestPaint, memory, prepare, quantile, throttle } from './support/measure';
import type { Person } from './support/person';
import { expect, test } from './support/test';
import { proposeSeats, toLyon } from './support/world';

/** How many times slower the processor is made. */
const SLOWER = 4;
/** How often each thing is measured. */
const TIMES = 7;
/** Messages of the long conversation. */
const LONG = 10_000;
/** How many of them are on their way at once while it is made. */
const AT_ONCE = 64;
/** A frame that takes longer than this is felt, in milliseconds. */
const LONG_FRAME_MS = 50;
/** How far a turn of the wheel goes, in pixels. */
const TURN_PX = 600;

test('what people wait for', async ({ member }) => {
  const [chloe, malik] = await Promise.all([member('Chloé'), member('Malik')]);
  const { ride } = await chloe.api.offer(toLyon());
  const conversation = await malik.api.open(ride);
  for (let at = 1; at <= 60; at += 1) await (at % 2 ? malik : chloe).api.say(conversation, `Message ${at}`);
  await proposeSeats(malik, conversation, 2, 700);
  const { page } = chloe;
  await prepare(page);
  await throttle(page, SLOWER);

  const rows: string[] = [];
  for (const [what, path] of [
    ['the search, first visit', '/'],
    ['a conversation, first visit', `/conversations/${conversation}`],
  ] as const) {
    const taken: number[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      await empty(chloe);
      await chloe.goto(path);
      await page.waitForLoadState('networkidle');
      taken.push(await largestPaint(page));
    }
    rows.push(row(`largest contentful paint: ${what}`, taken));
  }

  const box = chloe.field(fr.talk.write);
  const typing: number[] = [];
  const sending: number[] = [];
  const opening: number[] = [];
  const proposing: number[] = [];
  for (let time = 0; time < TIMES; time += 1) {
    await chloe.goto('/conversations');
    const link = page.getByRole('link', { name: 'Malik' });
    await expect(link).toBeVisible();
    opening.push(await appearance(page, '[role=log] article', () => link.click()));
    await box.focus();
    for (const letter of 'Bonjour !') typing.push(await interaction(page, () => page.keyboard.type(letter)));
    sending.push(await interaction(page, () => chloe.button(fr.talk.send).click()));
    const propose = page.locator('form.composer').getByRole('button', { name: fr.talk.propose });
    proposing.push(await interaction(page, () => propose.click()));
    await expect(page.getByRole('dialog')).toBeVisible();
  }
  rows.push(row('until the next frame: typing a letter', typing));
  rows.push(row('until the next frame: sending a message', sending));
  rows.push(row('until it is there: a conversation, from the inbox', opening));
  rows.push(row('until the next frame: opening the form of a proposal', proposing));
  console.log(`\n| ${SLOWER}× slower processor, 360 px | median | worst |\n|---|---|---|\n${rows.join('\n')}`);
});

test('a long conversation', async ({ member }) => {
  const [chloe, malik] = await Promise.all([member('Chloé'), member('Malik')]);
  const { ride } = await chloe.api.offer(toLyon());
  const conversation = await malik.api.open(ride);
  for (let at = 0; at < LONG; at += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, LONG - at) }, (_, more) => at + more + 1);
    await Promise.all(some.map((one) => (one % 3 ? malik : chloe).api.say(conversation, words(one))));
  }
  await malik.api.say(conversation, 'Le dernier mot.');

  const { page } = chloe;
  await prepare(page);
  const session = await throttle(page, SLOWER);
  const opened: number[] = [];
  for (let time = 0; time < TIMES; time += 1) {
    await empty(chloe);
    const began = performance.now();
    await page.goto(`${chloe.server.url}/conversations/${conversation}`);
    await expect(chloe.messages('Le dernier mot.')).toBeVisible();
    opened.push(performance.now() - began);
  }
  const first = await memory(session);

  await chloe.log.hover();
  const began = performance.now();
  const taken = await frames(page, async () => {
    while (!(await chloe.log.getByText(fr.talk.begin, { exact: true }).isVisible())) {
      await page.mouse.wheel(0, -TURN_PX);
      await page.evaluate(() => new Promise((next) => requestAnimationFrame(next)));
    }
  });
  const scrolled = performance.now() - began;
  const last = await memory(session);
  const box = chloe.field(fr.talk.write);
  await box.focus();
  const typing: number[] = [];
  for (const letter of 'Tout lu.') typing.push(await interaction(page, () => page.keyboard.type(letter)));
  const sending = await interaction(page, () => chloe.button(fr.talk.send).click());

  const long = taken.filter((frame) => frame > LONG_FRAME_MS).length;
  console.log(
    [
      `\n| ${LONG} messages, ${SLOWER}× slower processor, 360 px | |`,
      '|---|---|',
      `| opened, first visit (median; worst) | ${ms(quantile(opened, 0.5))}; ${ms(Math.max(...opened))} |`,
      `| scrolled from the last to the first message | ${(scrolled / 1000).toFixed(1)} s, ${taken.length} frames |`,
      `| frames while scrolling (median; p95; worst) | ${[0.5, 0.95, 1].map((share) => ms(quantile(taken, share))).join('; ')} |`,
      `| frames over ${LONG_FRAME_MS} ms | ${long} of ${taken.length} |`,
      `| heap of scripts, opened; all read | ${first.heapMb.toFixed(1)} MB; ${last.heapMb.toFixed(1)} MB |`,
      `| nodes, opened; all read | ${first.nodes}; ${last.nodes} |`,
      `| all read: typing a letter (worst); sending | ${ms(Math.max(...typing))}; ${ms(sending)} |`,
    ].join('\n'),
  );
});

/** Forgets what the browser keeps of the page, but not who is signed in. */
async function empty({ context, page }: Person): Promise<void> {
  const session = await context.newCDPSession(page);
  await session.send('Network.clearBrowserCache');
  await session.detach();
}

function row(what: string, taken: readonly number[]): string {
  return `| ${what} | ${ms(quantile(taken, 0.5))} | ${ms(Math.max(...taken))} |`;
}

function ms(milliseconds: number): string {
  return `${Math.round(milliseconds)} ms`;
}

/** Messages of various lengths. */
function words(number: number): string {
  const more = [
    '',
    ' Oui, ça me va.',
    ' Je serai devant la gare, côté parking, avec une valise et un sac.',
    '\nÀ demain !',
  ];
  return `Message ${number}.${more[number % more.length]}`;
}
