// Every view, in light and in the dark, on a phone and on a desktop: axe finds nothing serious, and nothing is wider than the
// screen.
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';

import { fr } from '../src/words/fr';
import { momentIn } from './support/days';
import type { Person } from './support/person';
import { expect, test } from './support/test';
import { BOURGOIN, GRENOBLE, LYON, proposeSeats, toLyon } from './support/world';

const LOOKS = [
  { width: 360, height: 740, colorScheme: 'light' },
  { width: 360, height: 740, colorScheme: 'dark' },
  { width: 1280, height: 800, colorScheme: 'light' },
] as const;
/** What no view may have. */
const BAD = ['serious', 'critical'];

const SEARCH = `/search?${new URLSearchParams({
  from: `${BOURGOIN.lat},${BOURGOIN.lon}`,
  from_name: BOURGOIN.label,
  to: `${LYON.lat},${LYON.lon}`,
  to_name: LYON.label,
  at: momentIn(4, '08:30'),
})}`;

test('guests', async ({ guest, member }) => {
  const [chloe, anyone] = await Promise.all([member('Chloé'), guest('Anyone')]);
  const { ride } = await chloe.api.offer(toLyon());
  anyone.watch.expects(404);
  await inspect(anyone, [
    '/',
    SEARCH,
    SEARCH.replace(/at=[^&]+/, `at=${encodeURIComponent(momentIn(9, '03:00'))}`),
    `/rides/${ride}`,
    '/sign-in',
    '/sign-up',
    '/forgotten',
    '/reset-password#token=expired',
    '/sources',
    '/nowhere',
  ]);
});

test('members', async ({ member }) => {
  test.setTimeout(240_000);
  const [chloe, malik] = await Promise.all([member('Chloé'), member('Malik')]);
  const { ride } = await chloe.api.offer(toLyon());
  const { ride: other } = await chloe.api.offer(toLyon({ departs_at: momentIn(6, '18:00'), booking_mode: 'instant' }));
  const booked = await malik.api.open(ride);
  await malik.api.say(booked, 'Bonjour ! Vous passez par Bourgoin ?');
  await chloe.api.accept(booked, await proposeSeats(malik, booked, 1, 700));
  await chloe.api.say(booked, 'À jeudi !');
  const open = await malik.api.open(other);
  await proposeSeats(malik, open, 2, 600);
  await malik.api.request({
    from: GRENOBLE,
    to: LYON,
    pickup_at: momentIn(4, '08:00'),
    seats: 1,
  });

  await inspect(chloe, [
    '/',
    `/rides/${ride}`,
    `/rides/${ride}/change`,
    `/rides/${ride}/history`,
    `/rides/${ride}/requests`,
    '/publish',
    '/conversations',
    `/conversations/${booked}`,
    `/conversations/${open}`,
    '/dashboard',
    '/dashboard?tab=past',
    '/dashboard?tab=record',
    '/account',
  ]);
  await inspect(malik, [SEARCH, `/rides/${other}`, '/requests', '/requests/new', '/dashboard']);

  // What opens over a view.
  await chloe.goto(`/conversations/${open}`);
  await chloe.button(fr.talk.proposal.counter).click();
  await inspectHere(chloe, 'the form of a proposal', 'dialog');
  await chloe.page.keyboard.press('Escape');
  await chloe.button(fr.talk.proposal.decline).click();
  await inspectHere(chloe, 'the question before declining', 'dialog');
  await malik.goto(`/rides/${other}`);
  await malik.button(fr.ride.reserve).click();
  await inspectHere(malik, 'the form of a reservation', 'dialog');
  await malik.page.keyboard.press('Escape');
  await malik.button(fr.map.show).click();
  await inspectHere(malik, 'the map of a ride', 'main');
});

async function inspect(person: Person, views: readonly string[]): Promise<void> {
  for (const view of views) {
    await person.goto(view);
    await inspectHere(person, view, 'main');
  }
}

/** Looks at what is there in every light and width; `landmark` is there before it begins. */
async function inspectHere({ page }: Person, what: string, landmark: 'main' | 'dialog'): Promise<void> {
  await expect(page.getByRole(landmark)).toBeVisible();
  for (const { width, height, colorScheme } of LOOKS) {
    const look = `${what} at ${width} px, ${colorScheme}`;
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await stilled(page);
    const { violations } = await new AxeBuilder({ page }).analyze();
    const bad = violations.filter(({ impact }) => BAD.includes(impact ?? ''));
    const found = bad.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
    );
    expect.soft(found, look).toEqual([]);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect.soft(wide, `width of ${look}`).toBeLessThanOrEqual(width);
  }
}

/** Waits until the colours that changed have arrived at what they are now. */
async function stilled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
    const moving = document.getAnimations().filter((animation) => animation instanceof CSSTransition);
    await Promise.allSettled(moving.map(({ finished }) => finished));
  });
}
