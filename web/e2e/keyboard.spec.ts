// Without a mouse and without a finger: a passenger searches, reads, writes and proposes, and the driver accepts.
import type { Page } from '@playwright/test';

import { fr } from '../src/words/fr';
import { dayIn } from './support/days';
import { expect, test } from './support/test';
import { toLyon } from './support/world';

const DESKTOP = { viewport: { width: 1280, height: 800 }, hasTouch: false };
/** The most steps from anywhere in a view to anything in it. */
const STEPS_MAX = 60;

test('the keyboard alone is enough to book', async ({ member }) => {
  const [chloe, malik] = await Promise.all([member('Chloé', DESKTOP), member('Malik', DESKTOP)]);
  await chloe.api.offer(toLyon());

  await malik.goto('/');
  await reach(malik.page, 'combobox', fr.places.from);
  await choose(malik.page, 'Ruy-Montceau');
  await reach(malik.page, 'combobox', fr.places.to);
  await choose(malik.page, 'Lyon');
  await reach(malik.page, 'date', fr.search.date);
  const [year, month, day] = dayIn(4).split('-');
  await malik.page.keyboard.type(`${month}${day}${year}`);
  await reach(malik.page, 'time', fr.search.time);
  await malik.page.keyboard.type('0830AM');
  await expect(malik.field(fr.search.date)).toHaveValue(dayIn(4));
  await reach(malik.page, 'button', fr.search.submit);
  await malik.page.keyboard.press('Enter');
  await expect(malik.page.getByText(fr.search.total(1))).toBeVisible();

  await reach(malik.page, 'link', /9\s€/);
  await malik.page.keyboard.press('Enter');
  await expect(malik.page.getByText(fr.ride.seatsLeft(3, 3))).toBeVisible();
  await reach(malik.page, 'button', fr.ride.write);
  await malik.page.keyboard.press('Enter');
  await expect(malik.log).toBeVisible();

  await reach(malik.page, 'textbox', fr.talk.write);
  await malik.page.keyboard.type('Bonjour !');
  await malik.page.keyboard.press('Enter');
  await malik.sees('Bonjour !');
  await reach(malik.page, 'button', fr.talk.propose);
  await malik.page.keyboard.press('Enter');
  await reach(malik.page, 'button', fr.shell.greater(fr.talk.terms.seats));
  await malik.page.keyboard.press('Space');
  await reach(malik.page, 'button', fr.talk.form.submit);
  await malik.page.keyboard.press('Enter');
  await expect(malik.proposal(fr.talk.proposal.yours)).toContainText('2 places × 9 €');

  await chloe.goto('/');
  await reach(chloe.page, 'link', new RegExp(fr.shell.tabs.conversations));
  await chloe.page.keyboard.press('Enter');
  await reach(chloe.page, 'link', /Malik/);
  await chloe.page.keyboard.press('Enter');
  await reach(chloe.page, 'button', fr.talk.proposal.accept);
  await chloe.page.keyboard.press('Enter');
  for (const person of [chloe, malik]) {
    await expect(person.page.getByText(fr.talk.booking.confirmed)).toHaveCount(1);
    await expect(person.page.locator('.trip')).toContainText(fr.talk.situation.booked);
  }
});

/** Goes on, step by step, until what has the focus is of that role and name; and looks whether one can see that it has. */
async function reach(
  page: Page,
  role: 'button' | 'link' | 'combobox' | 'textbox' | 'date' | 'time',
  name: string | RegExp,
): Promise<void> {
  const field = role === 'date' || role === 'time';
  const wanted = field
    ? page.locator(`input[type=${role}]`).and(page.getByLabel(name, { exact: true }))
    : page.getByRole(role, { name, exact: typeof name === 'string' });
  await expect(wanted.first()).toBeVisible();
  const focused = wanted.and(page.locator(':focus')).filter({ visible: true });
  for (let step = 0; step < STEPS_MAX && (await focused.count()) === 0; step += 1) await page.keyboard.press('Tab');
  await expect(focused, `${role} ${name}`).toHaveCount(1);
  const seen = await focused.evaluate((element) => {
    for (let at: Element | null = element; at && at !== document.body; at = at.parentElement) {
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      if (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) return true;
    }
    return false;
  });
  expect(seen, `whether the focus shows on ${role} ${name}`).toBe(true);
}

/** Types a place and takes the first suggestion, which has this name. */
async function choose(page: Page, name: string): Promise<void> {
  await page.keyboard.type(name);
  await expect(page.getByRole('option', { name, selected: true })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.locator(':focus')).toHaveValue(name);
}
