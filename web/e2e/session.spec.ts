// One browser, several pages, and who is signed in there: whoever signs out leaves nothing in it, and what one person wrote is
// never sent as another.
import type { Page } from '@playwright/test';

import type { EventsPage } from '../src/wire/http';
import { fr } from '../src/words/fr';
import { PASSWORD, emailOf } from './support/api';
import type { Person } from './support/person';
import { expect, test } from './support/test';
import { proposeSeats, toLyon } from './support/world';

/** Where there is room for the navigation beside a conversation. */
const WIDE = { viewport: { width: 1280, height: 800 } };
const DRAFT = 'Ceci ne regarde que moi.';

test('whoever signs out leaves nothing in the browser, in none of its pages', async ({ member }) => {
  const [chloe, malik] = [await member('Chloé', WIDE), await member('Malik')];
  const { ride } = await chloe.api.offer(toLyon());
  const conversation = await malik.api.open(ride);
  const { proposal } = await proposeSeats(malik, conversation, 2, 700);
  const other = await chloe.openAnother();
  await other.goto('/conversations');
  await chloe.page.bringToFront();
  await chloe.goto(`/conversations/${conversation}`);

  // What came too late is refused, and seen wherever one is.
  const card = chloe.proposal(fr.talk.proposal.theirs('Malik'));
  await expect(card).toBeVisible();
  await chloe.offline(true);
  await card.getByRole('button', { name: fr.talk.proposal.accept, exact: true }).click();
  await expect(card).toContainText(fr.talk.proposal.offline);
  await malik.api.withdraw(conversation, proposal);
  await chloe.offline(false);
  await expect(card.getByRole('alert')).toBeVisible();
  await chloe.field(fr.talk.write).fill(DRAFT);
  await tab(chloe, fr.shell.tabs.dashboard);
  await expect(chloe.page.getByRole('navigation').getByText(fr.shell.notSent(1))).toBeAttached();
  await tab(chloe, fr.shell.tabs.conversations);
  await expect(chloe.page.getByRole('listitem').filter({ hasText: fr.talk.inbox.notSent })).toHaveCount(1);
  expect(await kept(chloe.page)).toHaveLength(1);

  await tab(chloe, fr.shell.tabs.account);
  await chloe.button(fr.account.own.signOut).click();
  for (const person of [chloe, other]) {
    await expect(person.page).toHaveURL(/\/sign-in/);
    await expect(person.page.getByText(fr.shell.connection.ended)).toHaveCount(0);
    expect(await kept(person.page)).toEqual([]);
  }

  // Malik signs in in the same page, which has lived on: he finds nothing of hers, and the other page is his too.
  await signIn(chloe.page, 'Malik');
  await expect(chloe.page.getByText(emailOf('Malik'))).toBeVisible();
  await expect(other.page).toHaveURL(/\/conversations$/);
  await tab(chloe, fr.shell.tabs.conversations);
  await chloe.page.getByRole('listitem').filter({ hasText: 'Chloé' }).click();
  await expect(chloe.field(fr.talk.write)).toHaveValue('');
});

test('a sign-out that does not get through says so, and changes nothing', async ({ member }) => {
  const chloe = await member('Chloé', WIDE);
  await chloe.goto('/account');
  await chloe.offline(true);
  await chloe.button(fr.account.own.signOut).click();
  await expect(chloe.page.getByRole('alert').getByText(fr.problems.codes.offline)).toBeVisible();
  await chloe.offline(false);
  await chloe.button(fr.account.own.signOut).click();
  await expect(chloe.page).toHaveURL(/\/sign-in/);
});

test('what one person wrote is not sent as the one who signs in after them', async ({ member, server }) => {
  const [chloe, malik] = [await member('Chloé'), await member('Malik')];
  const { ride } = await malik.api.offer(toLyon());
  const conversation = await chloe.api.open(ride);
  await chloe.goto(`/conversations/${conversation}`);
  await malik.goto(`/conversations/${conversation}`);
  await chloe.say('Bonjour !');
  await malik.sees('Bonjour !');

  // Ben takes the browser over while its page is without network and socket, and hears of nothing.
  await chloe.offline(true);
  malik.watch.cut();
  await server.kill();
  await server.start();
  await chloe.say(DRAFT);
  await chloe.api.signUp('Ben');
  chloe.watch.expects(404);
  await chloe.offline(false);
  await expect(chloe.page.getByText(fr.problems.codes.no_such_conversation)).toBeVisible();
  const { events } = await malik.api.get<EventsPage>(`/conversations/${conversation}/events?after=0`);
  expect(events.filter(({ type }) => type === 'message_posted')).toHaveLength(1);

  // Once Chloé is back, it goes out as hers.
  await chloe.api.post('/sessions', { email: emailOf('Chloé'), password: PASSWORD });
  await chloe.goto(`/conversations/${conversation}`);
  await malik.sees(DRAFT);
  expect(await malik.said()).toEqual(['Bonjour !', DRAFT]);
});

test('a page that finds no server at first is a member’s once there is one', async ({ member, server }) => {
  const chloe = await member('Chloé');
  await chloe.context.route('**/api/v1/sessions/current', (route) => route.abort('connectionrefused'));
  chloe.watch.cut();
  await chloe.goto('/conversations');
  await expect(chloe.page).toHaveURL(/\/sign-in/);
  await chloe.context.unroute('**/api/v1/sessions/current');
  await expect(chloe.page).toHaveURL(`${server.url}/conversations`, { timeout: 30_000 });
});

/** Goes to another view without loading the page anew. */
async function tab(person: Person, name: string): Promise<void> {
  await person.page.getByRole('navigation').getByRole('link', { name }).first().click();
  await person.settled();
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.getByLabel(fr.account.email, { exact: true }).fill(emailOf(name));
  await page.getByLabel(fr.account.password, { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: fr.account.signIn.submit, exact: true }).click();
}

/** What the browser keeps to be sent. */
function kept(page: Page): Promise<string[]> {
  return page.evaluate(() => Object.keys(localStorage).filter((name) => name.startsWith('palabre.outbox.')));
}
