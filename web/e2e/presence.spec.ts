// Who is there is told whatever else was opened.
import { fr } from '../src/words/fr';
import { expect, test } from './support/test';
import { toLyon } from './support/world';

test('an address that names no conversation does not keep presence from being told', async ({ member }) => {
  const [chloe, malik] = [await member('Chloé'), await member('Malik')];
  const { ride } = await chloe.api.offer(toLyon());
  const conversation = await malik.api.open(ride);
  await malik.api.say(conversation, 'Bonjour !');

  chloe.watch.expects(422);
  await chloe.goto('/conversations/rien');
  await expect(chloe.page.getByRole('alert')).toContainText(fr.shell.failed);
  await chloe.page.getByRole('link', { name: fr.shell.back, exact: true }).click();
  await chloe.page.getByRole('listitem').filter({ hasText: 'Malik' }).click();
  await chloe.sees('Bonjour !');
  await malik.goto(`/conversations/${conversation}`);
  await expect(chloe.page.getByText(fr.talk.online)).toBeVisible();
});
