// Who takes part in a conversation, and what the page calls them.
import type { ConversationShown, PersonShown } from '../wire/http';
import { list, placeName, townName } from '../words/format';
import { w } from '../words/language.svelte';

/** Everyone in a conversation but `account`. */
export function othersIn(summary: ConversationShown, account: string): PersonShown[] {
  const all = [summary.driver, ...(summary.passenger ? [summary.passenger] : []), ...summary.participants];
  const others = all.filter((person) => person.account !== account);
  return others.filter((person, at) => others.findIndex((known) => known.account === person.account) === at);
}

/** The name of somebody in a conversation; of whoever left it or was erased, a word instead. */
export function nameIn(summary: ConversationShown, account: string): string {
  const known = [summary.driver, summary.passenger, ...summary.participants].find(
    (person) => person?.account === account,
  );
  return known?.name ?? w.shell.someone;
}

/** The name of somebody who may have left the group of a ride: whom one drives, or is driven by, one knows from elsewhere. */
export function nameOfFormer(group: ConversationShown, account: string, inbox: readonly ConversationShown[]): string {
  const people = [group, ...inbox].flatMap(({ driver, passenger, participants }) => [
    driver,
    passenger,
    ...participants,
  ]);
  return people.find((person) => person?.account === account)?.name ?? w.talk.notice.somebody;
}

/** What a conversation is called: the other person's name, or the group's destination. */
export function titleOf(summary: ConversationShown, account: string): string {
  if (summary.kind === 'group') return w.talk.inbox.group(routeEnds(summary)[1]);
  return list(othersIn(summary, account).map((person) => person.name ?? w.shell.someone));
}

/** From where to where the ride goes, in short. */
export function routeEnds({ ride }: Pick<ConversationShown, 'ride'>): [string, string] {
  const [from, to] = [ride.stops[0], ride.stops.at(-1)];
  const name = (stop: typeof from) => (stop && (townName(stop) ?? placeName(stop))) ?? w.shell.somewhere;
  return [name(from), name(to)];
}
