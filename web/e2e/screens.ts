// Takes pictures of every view of a demo, at 360 and 1280 px, in both languages, into `target/screens/`: to be looked at.
import { resolve } from 'node:path';

import { test as base } from '@playwright/test';
import type { Browser, Page } from '@playwright/test';

import { momentIn } from './support/days';
import { expect } from './support/test';
import { Server } from './support/server';
import { GRENOBLE, LYON } from './support/world';

const FOLDER = resolve(import.meta.dirname, '../../target/screens');
const LANGUAGES = ['fr', 'en'] as const;
const LOCALES = { fr: 'fr-FR', en: 'en-GB' } as const;
const WIDTHS = { 360: 740, 1280: 800 } as const;

const SEARCH = `/search?${new URLSearchParams({
  from: `${GRENOBLE.lat},${GRENOBLE.lon}`,
  from_name: GRENOBLE.label,
  to: `${LYON.lat},${LYON.lon}`,
  to_name: LYON.label,
  at: momentIn(2, '07:30'),
  tolerance_min: '240',
})}`;

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
  for (const language of LANGUAGES) {
    for (const [width, height] of Object.entries(WIDTHS)) {
      const size = { width: Number(width), height };
      await guest(browser, demo, language, size);
      await chloe(browser, demo, language, size);
      await malik(browser, demo, language, size);
      await hugo(browser, demo, language, size);
    }
  }
});

type Language = (typeof LANGUAGES)[number];
interface Size {
  width: number;
  height: number;
}

/** Somebody at the page, whose pictures are taken. */
class Sitter {
  constructor(
    readonly page: Page,
    private readonly demo: Server,
    private readonly look: string,
  ) {}

  async go(path: string): Promise<void> {
    await this.page.goto(this.demo.url + path);
    await expect(this.page.locator('main')).toHaveAttribute('aria-busy', 'false');
    await expect(this.page.locator('main [aria-busy="true"]')).toHaveCount(0);
    await this.page.waitForLoadState('networkidle');
  }

  async take(name: string): Promise<void> {
    await this.page.screenshot({ path: `${FOLDER}/${name}-${this.look}.png`, animations: 'disabled' });
  }

  /** Goes somewhere and takes a picture. */
  async picture(name: string, path: string): Promise<void> {
    await this.go(path);
    await this.take(name);
  }

  async get<T>(path: string): Promise<T> {
    const answer = await this.page.request.get(`${this.demo.url}/api/v1${path}`);
    expect(answer.ok(), path).toBe(true);
    return (await answer.json()) as T;
  }
}

/** Lets somebody in; `who` as in the sign-ins that the demo tells, or nobody. */
async function sit(browser: Browser, demo: Server, language: Language, size: Size, who?: string): Promise<Sitter> {
  const context = await browser.newContext({ viewport: size, hasTouch: size.width < 600, locale: LOCALES[language] });
  const page = await context.newPage();
  if (who !== undefined) {
    const email = `${who}@demo.example`;
    await expect.poll(() => passwordOf(demo, email)).toBeDefined();
    const data = { email, password: passwordOf(demo, email) };
    const signedIn = await page.request.post(`${demo.url}/api/v1/sessions`, { data, headers: { Origin: demo.url } });
    expect(signedIn.ok(), email).toBe(true);
    // The page follows the account's language; the pictures show the one that was asked for.
    await context.addInitScript((chosen) => localStorage.setItem('palabre.language', chosen), language);
  }
  return new Sitter(page, demo, `${language}-${size.width}`);
}

function passwordOf(demo: Server, email: string): string | undefined {
  const line = demo.log.find((said) => said.trim().startsWith(`${email} `));
  return line?.trim().split(/\s+/)[1];
}

async function guest(browser: Browser, demo: Server, language: Language, size: Size): Promise<void> {
  const sitter = await sit(browser, demo, language, size);
  await sitter.picture('search', '/');
  await sitter.picture('results', SEARCH);
  await sitter.picture('sign-up', '/sign-up');
  await sitter.picture('sign-in', '/sign-in');
  await sitter.page.context().close();
}

async function chloe(browser: Browser, demo: Server, language: Language, size: Size): Promise<void> {
  const sitter = await sit(browser, demo, language, size, 'chloe');
  const { items: rides } = await sitter.get<{ items: { ride: string }[] }>('/me/rides');
  await sitter.picture('inbox', '/conversations');
  await sitter.picture('dashboard', '/dashboard');
  await sitter.picture('past', '/dashboard?tab=past');
  await sitter.picture('publish', '/publish');
  await sitter.picture('account', '/account');
  await sitter.picture('own-ride', `/rides/${rides.at(-1)?.ride}`);
  await sitter.picture('history', `/rides/${rides.at(-1)?.ride}/history`);
  await sitter.page.context().close();
}

async function malik(browser: Browser, demo: Server, language: Language, size: Size): Promise<void> {
  const sitter = await sit(browser, demo, language, size, 'malik');
  await sitter.go(SEARCH);
  await sitter.page.locator('main a[href^="/rides/"]').first().click();
  await expect(sitter.page).toHaveURL(/\/rides\//);
  await sitter.page.waitForLoadState('networkidle');
  await sitter.take('ride');
  const { items } = await sitter.get<{ items: { conversation: string; kind: string; booking?: object | null }[] }>(
    '/conversations',
  );
  const agreed = items.find(({ kind, booking }) => kind === 'ride' && booking != null);
  await sitter.picture('conversation', `/conversations/${agreed?.conversation}`);
  await sitter.page.context().close();
}

async function hugo(browser: Browser, demo: Server, language: Language, size: Size): Promise<void> {
  const sitter = await sit(browser, demo, language, size, 'hugo');
  const { items } = await sitter.get<{ items: { conversation: string; open_proposals: object[] }[] }>('/conversations');
  const asked = items.find(({ open_proposals: open }) => open.length > 0);
  await sitter.picture('to-answer', `/conversations/${asked?.conversation}`);
  await sitter.picture('to-handle', '/dashboard');
  await sitter.page.context().close();
}
