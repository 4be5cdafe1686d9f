// What a test is given: a server of its own, and people with a browser each. At the end of every test each of their pages
// must have been without fault.
import { test as base } from '@playwright/test';
import type { Browser, BrowserContextOptions } from '@playwright/test';

import { Person } from './person';
import { Server } from './server';

/** How somebody's browser differs from a French phone in daylight. */
export type Habits = Pick<BrowserContextOptions, 'locale' | 'viewport' | 'colorScheme' | 'hasTouch'>;

/** Brings somebody in. */
export type Join = (name: string, habits?: Habits) => Promise<Person>;

interface Given {
  server: Server;
  /** Somebody with a browser, who has not opened the page yet. */
  guest: Join;
  /** Somebody who is signed up and in, by a request and not by the form. */
  member: Join;
}

/** A test with a server and people. */
export const test = base.extend<Given>({
  // eslint-disable-next-line no-empty-pattern -- Playwright reads here what a fixture needs: nothing
  server: async ({}, use, info) => {
    const server = await Server.start();
    await use(server);
    await server.remove();
    if (info.status !== info.expectedStatus) await info.attach('server', { body: server.log.join('\n') });
  },
  guest: async ({ browser, contextOptions, server }, use) => {
    const people: Person[] = [];
    await use(async (name, habits = {}) => {
      const person = await enter(browser, { ...contextOptions, ...habits }, server, name);
      people.push(person);
      return person;
    });
    for (const person of people) person.watch.check();
    for (const person of people) await person.context.close();
  },
  member: async ({ guest }, use) => {
    await use(async (name, habits) => {
      const person = await guest(name, habits);
      await person.api.signUp(name, habits?.locale?.startsWith('en') ? 'en' : 'fr');
      return person;
    });
  },
});

async function enter(browser: Browser, options: BrowserContextOptions, server: Server, name: string): Promise<Person> {
  const context = await browser.newContext(options);
  return new Person(name, context, await context.newPage(), server);
}

export { expect } from '@playwright/test';
