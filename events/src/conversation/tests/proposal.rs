//! Making, countering, declining, withdrawing and expiring proposals.

use super::*;
use crate::conversation::negotiation::OPEN_PROPOSALS_MAX;
use crate::sealed::Reason;
use crate::testing::by;
use crate::{Actor, KeyId, Price, Stretch};

#[test]
fn either_side_proposes() {
    for somebody in [ANNA, DORA] {
        talking([]).when(propose(make(proposal(1), one_seat())), by(somebody), now()).then([proposed(1, somebody)]);
    }
}

#[test]
fn nobody_else_proposes() {
    for (somebody, rejection) in nobody_of_it() {
        talking([]).when(propose(make(proposal(1), one_seat())), somebody, now()).then_rejected(rejection);
    }
}

#[test]
fn a_proposal_is_for_one_to_eight_seats() {
    for seats in [0, 9, 255] {
        let outcome = talking([]).when(propose(make(proposal(1), terms(seats, WHOLE_WAY))), by(ANNA), now());
        outcome.then_rejected(ConversationRejection::SeatsOutOfRange);
    }
    for seats in [1, 8] {
        let expected = made(proposal(1), ANNA, terms(seats, WHOLE_WAY));
        talking([]).when(propose(make(proposal(1), expected.terms.clone())), by(ANNA), now()).then([expected]);
    }
}

#[test]
fn a_proposal_costs_nothing_to_a_thousand() {
    let at = |cents| Terms { price_per_seat: euros(cents), ..one_seat() };
    let dear = propose(make(proposal(1), at(Price::CENTS_MAX + 1)));
    talking([]).when(dear, by(ANNA), now()).then_rejected(ConversationRejection::PriceOutOfRange);
    let free = propose(make(proposal(1), at(0)));
    talking([]).when(free, by(ANNA), now()).then([made(proposal(1), ANNA, at(0))]);
}

#[test]
fn the_drop_off_lies_further_along_than_the_pickup() {
    for (from_m, to_m) in [(10, 10), (20, 10)] {
        let backwards = propose(make(proposal(1), terms(1, Stretch { from_m, to_m })));
        talking([]).when(backwards, by(ANNA), now()).then_rejected(ConversationRejection::StretchOutOfRange);
    }
}

#[test]
fn a_proposal_stands_for_a_minute_to_thirty_days() {
    let until = |seconds| MakeProposal { expires_at: now().plus_seconds(seconds), ..make(proposal(1), one_seat()) };
    let month = 30 * 24 * 3600;
    for seconds in [-1, 0, 59, month + 1, i64::MAX, i64::MIN] {
        let outcome = talking([]).when(propose(until(seconds)), by(ANNA), now());
        outcome.then_rejected(ConversationRejection::ExpiryOutOfRange);
    }
    for seconds in [60, month] {
        let expected = ProposalMade { expires_at: now().plus_seconds(seconds), ..proposed(1, ANNA) };
        talking([]).when(propose(until(seconds)), by(ANNA), now()).then([expected]);
    }
}

#[test]
fn a_proposal_is_made_once() {
    let again = || propose(make(proposal(1), one_seat()));
    for (ending, _) in endings(1).into_iter().chain([(vec![], ConversationRejection::AlreadyProposed)]) {
        let before = std::iter::once(proposed(1, ANNA).into()).chain(ending);
        talking(before).when(again(), by(ANNA), now()).then_rejected(ConversationRejection::AlreadyProposed);
    }
}

#[test]
fn terms_that_the_ride_has_left_behind_are_not_proposed() {
    let told = || talking([noticed(2, repriced(2)).into()]);
    let outdated = propose(make(proposal(1), one_seat()));
    told().when(outdated, by(ANNA), now()).then_rejected(ConversationRejection::TermsOutdated);
    let current = Terms { ride_terms_version: 2, ..one_seat() };
    told().when(propose(make(proposal(1), current.clone())), by(ANNA), now()).then([made(proposal(1), ANNA, current)]);
}

#[test]
fn nothing_is_proposed_for_a_ride_that_left_or_was_cancelled() {
    let ends = [
        (RideNotice::Departed, ConversationRejection::RideDeparted),
        (RideNotice::Cancelled, ConversationRejection::RideCancelled),
    ];
    for (notice, rejection) in ends {
        let ended = talking([noticed(2, notice).into()]);
        ended.when(propose(make(proposal(1), one_seat())), by(ANNA), now()).then_rejected(rejection);
    }
}

#[test]
fn a_few_proposals_may_wait_and_no_more() {
    let waiting = || talking((0..OPEN_PROPOSALS_MAX as u128).map(|number| proposed(number, ANNA).into()));
    let another = || make(proposal(100), one_seat());
    waiting().when(propose(another()), by(ANNA), now()).then_rejected(ConversationRejection::TooManyProposals);
    waiting().when(propose(another()), by(DORA), now()).then_rejected(ConversationRejection::TooManyProposals);
    let counter = MakeProposal { in_reply_to: Some(proposal(3)), ..another() };
    let expected = ProposalMade { in_reply_to: Some(proposal(3)), ..proposed(100, DORA) };
    waiting().when(propose(counter), by(DORA), now()).then([expected]);
    waiting()
        .when(withdraw(3), by(ANNA), now())
        .then([ProposalWithdrawn { proposal: proposal(3) }])
        .when(propose(another()), by(ANNA), now())
        .then([proposed(100, ANNA)]);
}

#[test]
fn a_counter_proposal_takes_the_place_of_the_one_it_answers() {
    let counter = MakeProposal { in_reply_to: Some(proposal(1)), ..make(proposal(2), terms(2, WHOLE_WAY)) };
    let expected = ProposalMade { in_reply_to: Some(proposal(1)), ..made(proposal(2), DORA, terms(2, WHOLE_WAY)) };
    talking([proposed(1, ANNA).into()])
        .when(propose(counter), by(DORA), now())
        .then([expected])
        .when(accept(1), by(DORA), now())
        .then_rejected(ConversationRejection::ProposalCountered);
}

#[test]
fn one_may_put_a_better_proposal_in_place_of_ones_own() {
    let better = MakeProposal { in_reply_to: Some(proposal(1)), ..make(proposal(2), one_seat()) };
    let expected = ProposalMade { in_reply_to: Some(proposal(1)), ..proposed(2, ANNA) };
    talking([proposed(1, ANNA).into()]).when(propose(better), by(ANNA), now()).then([expected]);
}

#[test]
fn only_what_waits_for_an_answer_is_countered() {
    let counter = || propose(MakeProposal { in_reply_to: Some(proposal(1)), ..make(proposal(90), one_seat()) });
    talking([]).when(counter(), by(DORA), now()).then_rejected(ConversationRejection::NoSuchProposal);
    for (ending, rejection) in endings(1) {
        // An acceptance is in the way of any proposal.
        let expected = match rejection {
            ConversationRejection::ProposalAccepted => ConversationRejection::BookingUnderWay,
            other => other,
        };
        let before = std::iter::once(proposed(1, ANNA).into()).chain(ending);
        talking(before).when(counter(), by(DORA), now()).then_rejected(expected);
    }
}

#[test]
fn a_lapsed_proposal_is_not_countered_although_no_timer_said_so() {
    let late =
        MakeProposal { in_reply_to: Some(proposal(1)), expires_at: in_hours(48), ..make(proposal(2), one_seat()) };
    talking([proposed(1, ANNA).into()])
        .when(propose(late), by(DORA), in_hours(24))
        .then_rejected(ConversationRejection::ProposalExpired);
}

#[test]
fn the_other_side_declines() {
    let reason = sealed(KeyId::Person(DORA), &Reason("Trop de bagages".to_owned()));
    let with_reason = ConversationCommand::DeclineProposal { proposal: proposal(1), reason: Some(reason.clone()) };
    talking([proposed(1, ANNA).into()])
        .when(with_reason, by(DORA), now())
        .then([ProposalDeclined { reason: Some(reason), ..declined(1, DORA) }]);
    talking([proposed(1, DORA).into()]).when(decline(1), by(ANNA), now()).then([declined(1, ANNA)]);
}

#[test]
fn nobody_declines_ones_own() {
    talking([proposed(1, ANNA).into()])
        .when(decline(1), by(ANNA), now())
        .then_rejected(ConversationRejection::OwnProposal);
}

#[test]
fn only_whoever_proposed_withdraws() {
    talking([proposed(1, ANNA).into()])
        .when(withdraw(1), by(DORA), now())
        .then_rejected(ConversationRejection::NotTheProposer)
        .when(withdraw(1), by(ANNA), now())
        .then([ProposalWithdrawn { proposal: proposal(1) }]);
}

#[test]
fn strangers_answer_nothing() {
    for command in [accept(1), decline(1), withdraw(1)] {
        for (somebody, rejection) in nobody_of_it() {
            talking([proposed(1, ANNA).into()]).when(command.clone(), somebody, now()).then_rejected(rejection);
        }
    }
}

#[test]
fn what_was_never_proposed_is_not_answered() {
    for command in [accept(1), decline(1), withdraw(1)] {
        talking([]).when(command, by(DORA), now()).then_rejected(ConversationRejection::NoSuchProposal);
    }
    talking([]).when(expire(1), Actor::System, now()).then_rejected(ConversationRejection::NoSuchProposal);
}

#[test]
fn an_ending_is_final() {
    for (ending, rejection) in endings(1) {
        let ended = || talking(std::iter::once(proposed(1, ANNA).into()).chain(ending.clone()));
        ended().when(accept(1), by(DORA), now()).then_rejected(rejection);
        ended().when(decline(1), by(DORA), now()).then_rejected(rejection);
        ended().when(withdraw(1), by(ANNA), now()).then_rejected(rejection);
        ended().when(expire(1), Actor::System, in_hours(99)).then_nothing();
    }
}

#[test]
fn a_proposal_expires_at_its_hour_and_not_before() {
    let waiting = || talking([proposed(1, ANNA).into()]);
    let just_before = in_hours(24).plus_seconds(-1);
    waiting().when(expire(1), Actor::System, just_before).then_nothing();
    waiting().when(decline(1), by(DORA), just_before).then([declined(1, DORA)]);
    let expired = || ProposalExpired { proposal: proposal(1) };
    waiting()
        .when(expire(1), Actor::System, in_hours(24))
        .then([expired()])
        .when(expire(1), Actor::System, in_hours(25))
        .then_nothing();
}

#[test]
fn at_its_hour_nobody_answers_although_no_timer_said_so() {
    for (command, somebody) in [(accept(1), DORA), (decline(1), DORA), (withdraw(1), ANNA)] {
        talking([proposed(1, ANNA).into()])
            .when(command, by(somebody), in_hours(24))
            .then_rejected(ConversationRejection::ProposalExpired);
    }
}
