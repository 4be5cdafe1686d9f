// Airplane mode: what is written and answered without a network goes out once it is back, once and in order; and what came
// too late says why, in place.
import type { EventsPage } from '../src/wire/http';
import { fr } from '../src/words/fr';
import type { Person } from './support/person';
import { expect, test } from './support/test';
import { proposeSeats, toLyon } from './support/world';

const WORDS = ['Je monte dans l’avion.', 'D’accord pour le prix.', 'À jeudi !'] as const;

test('three messages and an acceptance are written in the air, and each arrives once, in order', async ({ member }) => {
  const { chloe, malik, conversation } = await talkWithProposal(member);
  const card = chloe.proposal(fr.talk.proposal.theirs('Malik'));

  await chloe.offline(true);
  await chloe.say(WORDS[0]);
  await card.getByRole('button', { name: fr.talk.proposal.accept, exact: true }).click();
  await chloe.say(WORDS[1]);
  await chloe.say(WORDS[2]);
  await expect(card).toContainText(fr.talk.proposal.offline);
  await expect(chloe.page.getByText(fr.shell.connection.offlineWaiting(4))).toBeVisible();
  await expect(chloe.log.getByText(fr.talk.waiting, { exact: true })).toHaveCount(3);
  expect(await malik.said()).toEqual(['Bonjour !']);

  await chloe.offline(false);
  for (const person of [chloe, malik]) {
    for (const words of WORDS) await person.sees(words);
    await expect(person.page.getByText(fr.talk.booking.confirmed)).toHaveCount(1);
    expect(await person.said()).toEqual(['Bonjour !', ...WORDS]);
  }
  await expect(chloe.page.getByText(fr.shell.connection.offlineWaiting(4))).toHaveCount(0);

  // The log holds them in the order in which they were given.
  const { events } = await chloe.api.get<EventsPage>(`/conversations/${conversation}/events?after=0`);
  const kinds = events.map(({ type }) => type);
  expect(kinds.filter((type) => type === 'message_posted' || type === 'proposal_accepted')).toEqual([
    'message_posted',
    'message_posted',
    'proposal_accepted',
    'message_posted',
    'message_posted',
  ]);
});

test('what is written in the air outlives the page', async ({ member }) => {
  const { chloe, malik } = await talkWithProposal(member);

  await chloe.offline(true);
  for (const words of WORDS) await chloe.say(words);
  expect(await malik.said()).toEqual(['Bonjour !']);
  await chloe.page.close();
  await chloe.offline(false);

  const again = await chloe.openAnother();
  await again.goto('/');
  for (const words of WORDS) await malik.sees(words);
  expect(await malik.said()).toEqual(['Bonjour !', ...WORDS]);
});

test('an acceptance that comes too late says why, where it was given', async ({ member }) => {
  const { chloe, malik, conversation, proposal, ride } = await talkWithProposal(member);
  const card = chloe.proposal(fr.talk.proposal.theirs('Malik'));

  await chloe.offline(true);
  await card.getByRole('button', { name: fr.talk.proposal.accept, exact: true }).click();
  await chloe.say(WORDS[2]);
  await expect(card).toContainText(fr.talk.proposal.offline);
  await malik.api.withdraw(conversation, proposal);
  await expect(malik.proposal(fr.talk.proposal.yours)).toContainText(fr.talk.proposal.withdrawn);

  await chloe.offline(false);
  await expect(card.getByRole('alert')).toHaveText(fr.talk.proposal.notDone(fr.problems.codes.proposal_withdrawn));
  await expect(card).toContainText(fr.talk.proposal.status.withdrawn);
  for (const person of [chloe, malik]) {
    await person.sees(WORDS[2]);
    await expect(person.page.getByText(fr.talk.booking.confirmed)).toHaveCount(0);
  }
  expect((await chloe.api.ride(ride)).seats_left).toBe(3);

  // It is put away where it stands.
  await card.getByRole('button', { name: fr.talk.proposal.hide }).click();
  await expect(card.getByRole('alert')).toHaveCount(0);
});

/** Malik has asked Chloé for two seats at 7 €; both have their conversation open. */
async function talkWithProposal(member: (name: string) => Promise<Person>): Promise<{
  chloe: Person;
  malik: Person;
  ride: string;
  conversation: string;
  proposal: string;
}> {
  const [chloe, malik] = await Promise.all([member('Chloé'), member('Malik')]);
  const { ride } = await chloe.api.offer(toLyon());
  const conversation = await malik.api.open(ride);
  await malik.api.say(conversation, 'Bonjour !');
  const { proposal } = await proposeSeats(malik, conversation, 2, 700);
  for (const person of [chloe, malik]) {
    await person.goto(`/conversations/${conversation}`);
    await person.sees('Bonjour !');
  }
  return { chloe, malik, ride, conversation, proposal };
}
