// The story: a driver and a passenger come to an agreement by talking, while the power fails on them; a second passenger is
// refused the seat that is gone. Everything is done on the page, at phone width, in French.
import { fr } from '../src/words/fr';
import { dayIn } from './support/days';
import { expect, test } from './support/test';

const DAY = dayIn(5);

test('two people agree by talking, and the seat that is gone is refused to a third', async ({ guest, server }) => {
  test.setTimeout(120_000);
  const [chloe, malik, ines] = await Promise.all([guest('Chloé'), guest('Malik'), guest('Inès')]);
  await Promise.all([chloe, malik, ines].map((person) => person.signUp()));

  // A ride.
  const ride = await chloe.publish({
    stops: ['Grenoble', 'Bourgoin-Jallieu', 'Lyon'],
    date: DAY,
    time: '07:30',
    seats: 3,
    price: '9',
    vehicle: 'Clio bleue',
  });
  await expect(chloe.page.getByText(fr.ride.seatsLeft(3, 3))).toBeVisible();

  // A search from a village near the via point finds it, and the passenger asks.
  await malik.search('Ruy-Montceau', 'Lyon', DAY, '08:30', 2);
  await expect(malik.page.getByText(fr.search.total(1))).toBeVisible();
  await malik.page.locator(`main a[href^="${ride}"]`).click();
  await malik.button(fr.ride.write).click();
  await expect(malik.page).toHaveURL(/\/conversations\/[0-9a-f-]{36}/);
  await malik.say('Bonjour ! Vous passez près de L’Isle-d’Abeau ?');
  await malik.sees('Bonjour ! Vous passez près de L’Isle-d’Abeau ?');

  // The driver is told in the inbox, and answers.
  await chloe.page.getByRole('link', { name: fr.shell.tabs.conversations }).first().click();
  await chloe.page.getByRole('link', { name: 'Malik' }).click();
  await chloe.sees('Bonjour ! Vous passez près de L’Isle-d’Abeau ?');
  await chloe.say('Bonjour Malik, oui. Combien êtes-vous ?');
  await malik.sees('Bonjour Malik, oui. Combien êtes-vous ?');

  // Another price, another pickup; and a counter-proposal.
  await malik.propose({ seats: 2, price: '6', pickup: "L'Isle-d'Abeau" });
  const first = chloe.proposal(fr.talk.proposal.theirs('Malik'));
  await expect(first).toContainText('2 places × 6 €');
  await first.getByRole('button', { name: fr.talk.proposal.counter }).click();
  await chloe.fillProposal({ price: '7,50' });
  const counter = malik.proposal(fr.talk.proposal.theirCounter('Chloé'));
  await expect(counter).toContainText('2 places × 7,50 €');
  await expect(malik.proposal(fr.talk.proposal.yours)).toContainText(fr.talk.proposal.countered);

  // The power fails: what is said and agreed meanwhile is kept by the pages, which come back by themselves.
  for (const person of [chloe, malik, ines]) person.watch.cut();
  await server.kill();
  await malik.say('Deux, avec un violoncelle.');
  await expect(malik.messages('Deux, avec un violoncelle.')).toHaveCount(1);
  await counter.getByRole('button', { name: fr.talk.proposal.accept, exact: true }).click();
  await chloe.say('Il entre dans le coffre.');
  await expect(counter).toContainText(fr.talk.proposal.offline);
  await server.start();

  // Both see the booking, once, and what was said, once, in the order in which it was said.
  for (const person of [malik, chloe]) {
    await expect(person.page.getByText(fr.talk.booking.confirmed)).toHaveCount(1);
    await person.sees('Deux, avec un violoncelle.');
    await person.sees('Il entre dans le coffre.');
    await expect(person.page.locator('.trip')).toContainText(fr.talk.situation.booked);
    await expect(person.page.locator('.trip')).toContainText('7,50 €');
  }
  for (const person of [chloe, malik, ines]) person.watch.mended();
  const heard = await malik.said();
  expect(heard).toHaveLength(4);
  expect(await chloe.said()).toEqual(heard);

  // Everyone in the car has a conversation of their own, which the ride leads to.
  await malik.goto(ride);
  await malik.page.getByRole('link', { name: fr.ride.group }).click();
  await expect(malik.log).toContainText(fr.talk.notice.joinedYou);
  await malik.page.goBack();
  await malik.page.getByRole('link', { name: fr.ride.see }).click();
  await malik.sees('Il entre dans le coffre.');

  // One seat is left, and whoever wants two of it is told in a sentence.
  await ines.goto(ride);
  await expect(ines.page.getByText(fr.ride.seatsLeft(1, 3))).toBeVisible();
  await ines.button(fr.ride.propose).click();
  await ines.fillProposal({ seats: 2 });
  await chloe.page.getByRole('link', { name: fr.shell.back }).click();
  await chloe.page.getByRole('link', { name: 'Inès' }).click();
  await chloe
    .proposal(fr.talk.proposal.theirs('Inès'))
    .getByRole('button', { name: fr.talk.proposal.accept, exact: true })
    .click();
  for (const person of [chloe, ines]) {
    await expect(person.page.locator('.trip')).toContainText(fr.problems.codes.no_seats_left);
  }
  await ines.goto(ride);
  await expect(ines.page.getByText(fr.ride.seatsLeft(1, 3))).toBeVisible();

  // What the pages show is what the log holds.
  await malik.page.reload();
  await expect(malik.page.locator('.trip')).toContainText(fr.talk.situation.booked);
  await expect(malik.page.getByText(fr.talk.booking.confirmed)).toHaveCount(1);
  await malik.sees('Il entre dans le coffre.');
  expect(await malik.said()).toEqual(heard);
});
