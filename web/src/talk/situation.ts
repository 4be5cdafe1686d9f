// How far two people are in one conversation, as one of them sees it: one state, from which one sentence and one next action
// come. Pure.
import type { ConversationShown, OpenProposalShown, RefusalReason } from '../wire/http';

/** Where a conversation stands. */
export type Situation =
  | { state: 'group' | 'ride_cancelled' | 'completed' | 'departed' | 'departed_booked' | 'no_show' }
  | { state: 'to_answer' | 'awaiting'; proposal: OpenProposalShown }
  | { state: 'to_reconfirm'; mine: boolean }
  | { state: 'under_way' | 'changing' | 'confirmed' }
  | { state: 'refused'; reason: RefusalReason | undefined }
  | { state: 'cancelled'; mine: boolean }
  | { state: 'nothing' };

/** Where the conversation of `summary` stands for `account` at `now` (milliseconds). */
export function situationOf(summary: ConversationShown, account: string, now: number): Situation {
  const { booking, ride } = summary;
  const drives = summary.driver.account === account;
  if (summary.kind === 'group') return { state: 'group' };
  if (ride.stage === 'cancelled') return { state: 'ride_cancelled' };
  const held = booking?.state === 'confirmed' || booking?.state === 'changing';
  if (booking?.no_show) return { state: 'no_show' };
  if (ride.stage === 'completed') return { state: 'completed' };
  if (ride.stage === 'departed') return { state: held ? 'departed_booked' : 'departed' };
  if (booking?.state === 'under_way' || booking?.state === 'changing') return { state: booking.state };
  const open = summary.open_proposals.filter(({ expires_at }) => new Date(expires_at).getTime() > now);
  const theirs = open.findLast(({ by }) => by !== account);
  if (theirs) return { state: 'to_answer', proposal: theirs };
  if (booking?.state === 'confirmed' && booking.to_reconfirm) return { state: 'to_reconfirm', mine: !drives };
  const own = open.at(-1);
  if (own) return { state: 'awaiting', proposal: own };
  if (booking?.state === 'confirmed') return { state: 'confirmed' };
  if (booking?.state === 'refused') return { state: 'refused', reason: booking.refused ?? undefined };
  if (booking?.state === 'cancelled')
    return { state: 'cancelled', mine: (booking.cancelled_by === 'driver') === drives };
  return { state: 'nothing' };
}

/** Whether something waits for `account` to be done. */
export function isToHandle(summary: ConversationShown, account: string, now: number): boolean {
  const situation = situationOf(summary, account, now);
  return situation.state === 'to_answer' || (situation.state === 'to_reconfirm' && situation.mine);
}

/** Whether terms can be proposed now: the ride is ahead, and nothing is being settled. */
export function canPropose(summary: ConversationShown): boolean {
  const settling = summary.booking?.state === 'under_way' || summary.booking?.state === 'changing';
  return summary.kind === 'ride' && summary.ride.stage === 'offered' && !settling;
}
