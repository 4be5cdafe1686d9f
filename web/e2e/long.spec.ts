// A long conversation: whoever reads back stays where they read, whatever comes; and what is drawn stays bounded.
import { fr } from '../src/words/fr';
import type { Person } from './support/person';
import { expect, test } from './support/test';
import { proposeSeats, toLyon } from './support/world';

const MESSAGES = 400;
/** The most rows that are drawn at once on a phone. */
const DRAWN_MAX = 200;
/** How far a message may move of itself, in pixels: rounding. */
const STILL_PX = 1;

test('whoever reads back stays where they read', async ({ member }) => {
  const [chloe, malik] = await Promise.all([member('Chloé'), member('Malik')]);
  const { ride } = await chloe.api.offer(toLyon());
  const conversation = await malik.api.open(ride);
  for (let at = 1; at <= MESSAGES; at += 1) await malik.api.say(conversation, `Message ${at}`);
  await chloe.goto(`/conversations/${conversation}`);
  await expect(chloe.messages(`Message ${MESSAGES}`)).toBeInViewport();

  // Back to the first one.
  await chloe.log.hover();
  const first = chloe.messages('Message 1');
  await expect(async () => {
    await chloe.page.mouse.wheel(0, -2_000);
    await expect(first).toBeInViewport({ timeout: 100 });
  }).toPass();
  await expect(chloe.log.getByText(fr.talk.begin, { exact: true })).toBeInViewport();
  expect(await chloe.log.locator('.entry').count()).toBeLessThanOrEqual(DRAWN_MAX);

  // What is said meanwhile is told, and moves nothing.
  const place = await topOf(chloe, 'Message 5');
  await malik.api.say(conversation, 'Vous êtes encore là ?');
  await expect(chloe.page.getByRole('button', { name: fr.talk.newBelow(1) })).toBeVisible();
  expect(Math.abs((await topOf(chloe, 'Message 5')) - place)).toBeLessThanOrEqual(STILL_PX);

  // Forward again, past what was put away, and to the end.
  await chloe.page.mouse.wheel(0, 3_000);
  await expect(first).toHaveCount(0);
  await chloe.page.getByRole('button', { name: fr.talk.newBelow(1) }).click();
  await expect(chloe.messages('Vous êtes encore là ?')).toBeInViewport();
  await expect(chloe.page.getByRole('button', { name: fr.talk.newBelow(1) })).toHaveCount(0);
});

test('a proposal far back is found, though a page is being read already', async ({ member }) => {
  const [chloe, malik] = await Promise.all([member('Chloé'), member('Malik')]);
  const { ride } = await chloe.api.offer(toLyon());
  const conversation = await malik.api.open(ride);
  await proposeSeats(malik, conversation, 2, 700);
  for (let at = 1; at <= MESSAGES; at += 1) await malik.api.say(conversation, `Message ${at}`);

  // The page before is held up until the button was pressed.
  let release: () => void = () => undefined;
  const held = new Promise<void>((go) => (release = go));
  let asked = false;
  await chloe.context.route(/events\?before=\d{1,6}&/, async (route) => {
    asked = true;
    await held;
    await route.continue();
  });
  await chloe.goto(`/conversations/${conversation}`);
  await chloe.log.hover();
  expect(asked, 'nothing before is read until somebody reads back').toBe(false);
  await expect(async () => {
    await chloe.page.mouse.wheel(0, -2_000);
    expect(asked).toBe(true);
  }).toPass();
  await chloe.button(fr.talk.situation.show).click();
  release();
  const card = chloe.proposal(fr.talk.proposal.theirs('Malik'));
  await expect(card).toBeInViewport();
  await expect(card).toBeFocused();
});

async function topOf(person: Person, text: string): Promise<number> {
  return (await person.messages(text).boundingBox())?.y ?? NaN;
}
