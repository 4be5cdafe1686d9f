// Forms mean what is in them: an edit leaves the draft alone, a price that cannot be read is not none, a place is the one
// that was meant, and what a driver empties is gone.
import { fr } from '../src/words/fr';
import type { RideState } from '../src/wire/http';
import { expect, test } from './support/test';
import { toLyon } from './support/world';

test('an edit leaves the draft alone', async ({ member }) => {
  const [chloe, malik] = await Promise.all([member('Chloé'), member('Malik')]);
  const { ride } = await chloe.api.offer(toLyon());
  const talk = await malik.api.open(ride);
  await malik.goto(`/conversations/${talk}`);
  await malik.say('Bonjour !');
  await malik.say('Vous pasez par Bourgoin ?');
  await malik.sees('Vous pasez par Bourgoin ?');
  const box = malik.field(fr.talk.write);
  await box.fill('Sinon, je');

  // One edit, then another one before the first is done.
  for (const text of ['Bonjour !', 'Vous pasez par Bourgoin ?']) {
    await malik.log
      .getByRole('article')
      .filter({ hasText: text })
      .getByRole('button', { name: fr.talk.actions })
      .click();
    await malik.button(fr.talk.edit).click();
    await expect(box).toHaveValue(text);
  }
  await box.fill('Vous passez par Bourgoin ?');
  await malik.button(fr.talk.send).click();
  await malik.sees('Vous passez par Bourgoin ?');
  await expect(box).toHaveValue('Sinon, je');
  expect(await malik.said()).toEqual(['Bonjour !', 'Vous passez par Bourgoin ?']);
});

test('a price that cannot be read is not none', async ({ member }) => {
  const malik = await member('Malik');
  await malik.goto('/requests/new');
  await malik.choosePlace(malik.page.getByRole('combobox', { name: fr.places.from }), 'Grenoble');
  await malik.choosePlace(malik.page.getByRole('combobox', { name: fr.places.to }), 'Lyon');
  const price = malik.page.getByLabel(fr.requests.priceMax);
  await price.fill('sept euros');
  await malik.button(fr.requests.submit).click();
  await expect(malik.page.getByText(fr.problems.fields.not_a_price)).toBeVisible();
  await expect(price).toBeFocused();
  await price.fill('7,5 €');
  await malik.button(fr.requests.submit).click();
  await expect(malik.page).toHaveURL(/\/requests$/);
  await expect(malik.page.getByText(/7,50\s€/)).toBeVisible();
});

test('a place is the one that was meant', async ({ guest }) => {
  const anyone = await guest('Anyone');
  await anyone.goto('/');
  const from = anyone.page.getByRole('combobox', { name: fr.places.from });
  const list = anyone.page.getByRole('listbox', { name: fr.places.from });

  // A postcode on its way is no point, and two numbers with decimals are one when they are done.
  await from.pressSequentially('38 000');
  await from.blur();
  await expect(from).toHaveValue('38 000');
  await from.fill('');
  await from.pressSequentially('45.188, 5.724');
  await from.press('Enter');
  await expect(from).toHaveValue(fr.places.near('Grenoble'));

  // A field that was left takes the place of that very name when the answer comes, and shows no list.
  let release = () => {};
  const held = new Promise<void>((go) => (release = go));
  const asked = anyone.page.waitForRequest(/\/api\/v1\/places\?q=lyon/);
  await anyone.page.route(/\/api\/v1\/places\?/, async (route) => {
    await held;
    await route.continue();
  });
  await from.fill('');
  await from.pressSequentially('lyon');
  await asked;
  await from.blur();
  release();
  await expect(from).toHaveValue('Lyon');
  await expect(list).toHaveCount(0);

  // What cannot be looked up is no place, and not a failure.
  anyone.watch.expects(422);
  await from.fill('\u0007\u0007');
  await expect(anyone.page.getByText(fr.places.none)).toBeVisible();
  await expect(anyone.page.getByText(fr.places.failed)).toHaveCount(0);
});

test('what a driver empties is gone', async ({ member }) => {
  const chloe = await member('Chloé');
  const { ride } = await chloe.api.offer(toLyon({ comment: 'Un petit sac chacun.' }));
  await chloe.goto(`/rides/${ride}/change`);
  await chloe.page.getByLabel(fr.ride.form.vehicle).fill('');
  await chloe.button(fr.shell.save).click();
  await expect(chloe.page).toHaveURL(new RegExp(`/rides/${ride}$`));
  await expect(chloe.page.getByText('Un petit sac chacun.')).toBeVisible();
  await expect(chloe.page.getByText('Clio bleue')).toHaveCount(0);
  const changed = await chloe.api.get<RideState>(`/rides/${ride}`);
  expect([changed.vehicle, changed.comment]).toEqual([undefined, 'Un petit sac chacun.']);
});
