// Where it is told that a command was refused: beside what it is about, or at the end where that is not held.
import type { Sending } from '../net/outbox';
import { indexOf } from '../state/talk';
import type { Talk } from '../state/talk';

/** Whether what a command is about is drawn, and tells of it. What adds something to the end is about nothing yet. */
export function hasPlace({ command }: Sending, talk: Talk, reservation: string | undefined): boolean {
  if ('proposal' in command) return talk.proposals[command.proposal] !== undefined;
  if ('message' in command) return indexOf(talk.entries, command.message) >= 0;
  return 'reservation' in command && command.reservation === reservation;
}
