// Takes pictures of every view of a demo, on a phone and on a desktop, in both languages and in the dark, into `target/screens/`:
// to be looked at.
import { resolve } from 'node:path';

import { test as base } from '@playwright/test';
import type { Browser, Page } from '@playwright/test';

import { en } from '../src/words/en';
import { fr } from '../src/words/fr';
import { momentIn } from './support/days';
import { expect } from './support/test';
import { Server } from './support/server';
import { GRENOBLE, LYON } from './support/world';

const FOLDER = resolve(import.meta.dirname, '../../target/screens');
const WORDS = { fr, en } as const;
const LOCALES = { fr: 'fr-FR', en: 'en-GB' } as const;
const PHONE = { width: 360, height: 740 };
const DESKTOP = { width: 1280, height: 800 };

/** How the page is looked at. */
interface Look {
  language: 'fr' | 'en';
  size: typeof PHONE;
  colorScheme?: 'dark';
}

const LOOKS: Look[] = [
  { language: 'fr', size: PHONE },
  { language: 'en', size: DESKTOP },
  { language: 'en', size: PHONE, colorScheme: 'dark' },
  { language: 'fr', size: DESKTOP },
];

/** Everybody whose sign-in a demo tells: among their conversations is one in every state. */
const CAST = 'chloe hugo sofia malik ines yanis camille louise thomas nadia paul emma'.split(' ');

function search(days: number, time: string): string {
  return `/search?${new URLSearchParams({
    from: `${GRENOBLE.lat},${GRENOBLE.lon}`,
    from_name: GRENOBLE.label,
    to: `${LYON.lat},${LYON.lon}`,
    to_name: LYON.label,
    at: momentIn(days, time),
    tolerance_min: '240',
  })}`;
}

interface Given {
  demo: Server;
}

const test = base.extend<Given>({
  // eslint-disable-next-line no-empty-pattern -- Playwright reads here what a fixture needs: nothing
  demo: async ({}, use) => {
    const demo = await Server.start('demo');
    await use(demo);
    await demo.remove();
  },
});

test('pictures', async ({ browser, demo }) => {
  await expect.poll(() => CAST.every((who) => passwordOf(demo, who) !== undefined)).toBe(true);
  for (const look of LOOKS) {
    const visit = new Visit(browser, demo, look);
    for (const tour of [guest, chloe, malik, hugo, camille, nadia, newcomer]) await tour(visit);
  }
  await conversations(new Visit(browser, demo, { language: 'fr', size: PHONE }));
});

/** Somebody at the page, whose pictures are taken. */
class Sitter {
  constructor(
    readonly page: Page,
    private readonly demo: Server,
    private readonly look: Look,
  ) {}

  get words(): typeof fr {
    return WORDS[this.look.language] as typeof fr;
  }

  async go(path: string): Promise<void> {
    await this.page.goto(this.demo.url + path);
    await this.settled();
  }

  async settled(): Promise<void> {
    await expect(this.page.locator('main')).toHaveAttribute('aria-busy', 'false');
    await expect(this.page.locator('main [aria-busy="true"]')).toHaveCount(0);
    await this.page.waitForLoadState('networkidle');
  }

  /** Waits until maps and what else comes late are there. */
  async drawn(): Promise<void> {
    await this.page.waitForLoadState('networkidle');
    await this.page.evaluate(() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next))));
  }

  async take(name: string): Promise<void> {
    const { language, size, colorScheme } = this.look;
    const look = [language, size.width, colorScheme].filter(Boolean).join('-');
    await this.page.screenshot({ path: `${FOLDER}/${name}-${look}.png`, animations: 'disabled' });
  }

  /** Takes another picture of what is below, where the view is longer than the screen. */
  async rest(name: string): Promise<void> {
    await this.page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await this.take(name);
  }

  /** Goes somewhere and takes a picture. */
  async picture(name: string, path: string): Promise<void> {
    await this.go(path);
    await this.take(name);
  }

  /** Presses a button, takes a picture of what it opens, and closes that again. */
  async opened(name: string, button: string): Promise<void> {
    await this.page.getByRole('button', { name: button, exact: true }).first().click();
    await expect(this.page.getByRole('dialog')).toBeVisible();
    await this.drawn();
    await this.take(name);
    await this.page.keyboard.press('Escape');
    await expect(this.page.getByRole('dialog')).toHaveCount(0);
  }

  async get<T>(path: string): Promise<T> {
    const answer = await this.page.request.get(`${this.demo.url}/api/v1${path}`);
    expect(answer.ok(), path).toBe(true);
    return (await answer.json()) as T;
  }

  leave(): Promise<void> {
    return this.page.context().close();
  }
}

/** One look at a demo. */
class Visit {
  constructor(
    private readonly browser: Browser,
    readonly demo: Server,
    readonly look: Look,
  ) {}

  /** Lets somebody in; `who` as in the sign-ins that the demo tells, or nobody. */
  async sit(who?: string): Promise<Sitter> {
    const { language, size, colorScheme } = this.look;
    const context = await this.browser.newContext({
      viewport: size,
      hasTouch: size.width < 600,
      locale: LOCALES[language],
      colorScheme: colorScheme ?? 'light',
    });
    if (who !== undefined) {
      const data = { email: `${who}@demo.example`, password: passwordOf(this.demo, who) };
      const headers = { Origin: this.demo.url };
      const signedIn = await context.request.post(`${this.demo.url}/api/v1/sessions`, { data, headers });
      expect(signedIn.ok(), who).toBe(true);
      // The page follows the account's language; the pictures show the one that was asked for.
      await context.addInitScript((chosen) => localStorage.setItem('palabre.language', chosen), language);
    }
    return new Sitter(await context.newPage(), this.demo, this.look);
  }
}

function passwordOf(demo: Server, who: string): string | undefined {
  const line = demo.log.find((said) => said.trim().startsWith(`${who}@demo.example `));
  return line?.trim().split(/\s+/)[1];
}

async function guest(visit: Visit): Promise<void> {
  const sitter = await visit.sit();
  const { page, words } = sitter;
  await sitter.picture('search', '/');
  await sitter.opened('pick', words.places.onMap(words.places.from));
  await page.getByRole('combobox', { name: words.places.from }).fill('Gren');
  await expect(page.getByRole('option').first()).toBeVisible();
  await sitter.take('suggestions');
  await sitter.picture('results', search(2, '07:30'));
  await sitter.rest('results-end');
  await page.locator('main a[href^="/rides/"]').first().click();
  await sitter.settled();
  await sitter.take('ride-guest');
  await sitter.picture('no-results', search(20, '03:00'));
  await sitter.picture('sign-up', '/sign-up');
  await sitter.picture('sign-in', '/sign-in');
  await page.getByLabel(words.account.email).fill('chloe@demo.example');
  await page.getByLabel(words.account.password, { exact: true }).fill('not the password');
  await page.getByRole('button', { name: words.account.signIn.submit, exact: true }).last().click();
  await expect(page.getByRole('alert').first()).toBeVisible();
  await sitter.take('sign-in-refused');
  await sitter.picture('forgotten', '/forgotten');
  await page.getByLabel(words.account.email).fill('chloe@demo.example');
  await page.getByRole('button', { name: words.account.askReset.submit }).click();
  await expect(page.getByText(words.account.askReset.sentTitle)).toBeVisible();
  await sitter.take('forgotten-sent');
  await sitter.picture('reset', '/reset-password#token=expired');
  await sitter.picture('reset-broken', '/reset-password');
  await sitter.picture('sources', '/sources');
  await sitter.picture('not-found', '/nowhere');
  await sitter.picture('no-such-ride', '/rides/00000000-0000-4000-8000-000000000000');
  await sitter.leave();
}

async function chloe(visit: Visit): Promise<void> {
  const sitter = await visit.sit('chloe');
  const { words } = sitter;
  const { items: rides } = await sitter.get<{ items: { ride: string; stage: string }[] }>('/me/rides');
  const ride = `/rides/${rides.find(({ stage }) => stage === 'offered')?.ride}`;
  await sitter.picture('inbox', '/conversations');
  await sitter.picture('dashboard', '/dashboard');
  await sitter.rest('dashboard-end');
  await sitter.picture('past', '/dashboard?tab=past');
  await sitter.picture('record', '/dashboard?tab=record');
  await sitter.picture('publish', '/publish');
  await sitter.page.getByRole('button', { name: words.ride.form.submit }).click();
  await expect(sitter.page.getByRole('alert').first()).toBeVisible();
  await sitter.take('publish-refused');
  await sitter.rest('publish-end');
  await sitter.picture('account', '/account');
  await sitter.rest('account-end');
  await sitter.opened('sign-out-everywhere', words.account.own.signOutEverywhere);
  await sitter.picture('own-ride', ride);
  await sitter.rest('own-ride-end');
  await sitter.opened('cancel-ride', words.ride.cancelling.action);
  await sitter.picture('change-ride', `${ride}/change`);
  await sitter.rest('change-ride-end');
  await sitter.picture('history', `${ride}/history`);
  await sitter.rest('history-end');
  await sitter.leave();
}

async function malik(visit: Visit): Promise<void> {
  const sitter = await visit.sit('malik');
  const { page, words } = sitter;
  await sitter.go(search(2, '07:30'));
  await page.locator('main a[href^="/rides/"]').first().click();
  await expect(page).toHaveURL(/\/rides\//);
  await sitter.settled();
  await sitter.take('ride');
  await sitter.rest('ride-end');
  await page.getByRole('button', { name: words.map.show }).click();
  await page.getByRole('button', { name: words.map.zoomIn }).first().scrollIntoViewIfNeeded();
  await sitter.drawn();
  await sitter.rest('map');
  const { items } = await sitter.get<{ items: { conversation: string; kind: string; booking?: object | null }[] }>(
    '/conversations',
  );
  const agreed = items.find(({ kind, booking }) => kind === 'ride' && booking != null);
  await sitter.picture('conversation', `/conversations/${agreed?.conversation}`);
  await sitter.opened('propose', words.talk.proposeChange);
  await sitter.picture('request', '/requests/new');
  await sitter.rest('request-end');
  await sitter.leave();
}

async function hugo(visit: Visit): Promise<void> {
  const sitter = await visit.sit('hugo');
  const { items } = await sitter.get<{ items: { conversation: string; open_proposals: object[] }[] }>('/conversations');
  const asked = items.find(({ open_proposals: open }) => open.length > 0);
  await sitter.picture('to-answer', `/conversations/${asked?.conversation}`);
  await sitter.opened('counter', sitter.words.talk.proposal.counter);
  await sitter.opened('decline', sitter.words.talk.proposal.decline);
  await sitter.picture('to-handle', '/dashboard');
  await sitter.leave();
}

async function nadia(visit: Visit): Promise<void> {
  const sitter = await visit.sit('nadia');
  await sitter.picture('requests', '/requests');
  const { items } = await sitter.get<{ items: { conversation: string; ride: { ride: string } }[] }>('/conversations');
  await sitter.leave();
  // The ride with which her request is answered suits it; its driver sees so.
  const driver = await visit.sit('thomas');
  const { items: rides } = await driver.get<{ items: { ride: string }[] }>('/me/rides');
  const suited = rides.find(({ ride }) => items.some(({ ride: about }) => about.ride === ride));
  await driver.picture('suited', `/rides/${suited?.ride}/requests`);
  await driver.leave();
}

async function camille(visit: Visit): Promise<void> {
  const sitter = await visit.sit('camille');
  const { items } = await sitter.get<{ items: { conversation: string; kind: string }[] }>('/conversations');
  await sitter.picture('group', `/conversations/${items.find(({ kind }) => kind === 'group')?.conversation}`);
  await sitter.leave();
}

/** Somebody who has nothing yet. */
async function newcomer(visit: Visit): Promise<void> {
  const sitter = await visit.sit();
  const { language, size, colorScheme } = visit.look;
  const email = `${language}.${size.width}.${colorScheme ?? 'light'}@palabre.test`;
  const data = { name: 'Alix', email, password: 'une phrase facile à retenir', language };
  const headers = { Origin: visit.demo.url };
  const made = await sitter.page.request.post(`${visit.demo.url}/api/v1/accounts`, { data, headers });
  expect(made.ok(), email).toBe(true);
  await sitter.go(search(2, '07:30'));
  await sitter.page.locator('main a[href^="/rides/"]').first().click();
  await sitter.settled();
  await sitter.opened('reserve', sitter.words.ride.reserve);
  await sitter.picture('inbox-empty', '/conversations');
  await sitter.picture('dashboard-empty', '/dashboard');
  await sitter.picture('requests-empty', '/requests');
  await sitter.picture('no-such-conversation', '/conversations/00000000-0000-4000-8000-000000000000');
  await sitter.page.context().setOffline(true);
  await sitter.page.evaluate(() => dispatchEvent(new Event('offline')));
  await sitter.take('offline');
  await sitter.leave();
}

/** Every conversation of everybody: all states of proposals and bookings. */
async function conversations(visit: Visit): Promise<void> {
  for (const who of CAST) {
    const sitter = await visit.sit(who);
    const { items } = await sitter.get<{ items: { conversation: string }[] }>('/conversations');
    for (const [at, { conversation }] of items.entries()) {
      await sitter.picture(`talk-${who}-${at + 1}`, `/conversations/${conversation}`);
    }
    await sitter.leave();
  }
}
