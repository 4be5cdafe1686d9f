//! The rules of talk: who may say, change and see; and how the ride's news come in. Proposals: `negotiation`.

use crate::conversation::command::{ConversationCommand, ConversationRejection, Opening};
use crate::conversation::event::*;
use crate::conversation::state::Conversation;
use crate::{AccountId, Actor, Aggregate, RideId, StreamKind, Timestamp};

pub(super) type Decision = Result<Vec<ConversationEvent>, ConversationRejection>;

impl Aggregate for Conversation {
    type Command = ConversationCommand;
    type Event = ConversationEvent;
    type Rejection = ConversationRejection;

    const KIND: StreamKind = StreamKind::Conversation;

    fn decide(&self, command: ConversationCommand, by: Actor, now: Timestamp) -> Decision {
        match command {
            ConversationCommand::Open(opening) => self.decide_open(*opening, by),
            ConversationCommand::Admit { ride, driver, ride_version, passenger, reservation } => {
                self.platform_in_group(by)?;
                if self.ended.contains(&reservation) || self.members.contains_key(&reservation) {
                    return Ok(vec![]);
                }
                let joined = ParticipantJoined { account: passenger, reservation };
                Ok(self.in_group(ride, driver, ride_version, joined.into()))
            }
            ConversationCommand::Dismiss { ride, driver, ride_version, passenger, reservation } => {
                self.platform_in_group(by)?;
                if self.ended.contains(&reservation) {
                    return Ok(vec![]);
                }
                // Also when the passenger has not joined yet: the late joining then finds that it is over.
                let left = ParticipantLeft { account: passenger, reservation };
                Ok(self.in_group(ride, driver, ride_version, left.into()))
            }
            ConversationCommand::PostMessage { text, in_reply_to } => {
                let author = self.participant(by)?;
                if in_reply_to.is_some_and(|seq| !self.messages.contains_key(&seq)) {
                    return Err(ConversationRejection::NoSuchMessage);
                }
                Ok(vec![MessagePosted { author, text, in_reply_to }.into()])
            }
            ConversationCommand::EditMessage { message, text } => {
                if self.own_message(message, by)? {
                    return Err(ConversationRejection::MessageRetracted);
                }
                Ok(vec![MessageEdited { message, text }.into()])
            }
            ConversationCommand::RetractMessage { message } => {
                let gone = self.own_message(message, by)?;
                Ok(if gone { vec![] } else { vec![MessageRetracted { message }.into()] })
            }
            ConversationCommand::NoticeRide { ride_version, notice } => {
                platform_only(by)?;
                self.decide_notice(ride_version, notice)
            }
            proposal => self.decide_negotiation(proposal, by, now),
        }
    }

    fn evolve(&mut self, event: &ConversationEvent) {
        self.fold(event);
    }

    fn audience(&self) -> Vec<AccountId> {
        self.participants()
    }
}

impl Conversation {
    fn decide_open(&self, opening: Opening, by: Actor) -> Decision {
        let (ConversationKind::Ride, Some(passenger)) = (opening.kind, opening.passenger) else {
            return Err(ConversationRejection::NotYours);
        };
        if !by.person().is_some_and(|account| account == opening.driver || account == passenger) {
            return Err(ConversationRejection::NotAParticipant);
        }
        if passenger == opening.driver {
            return Err(ConversationRejection::OwnRide);
        }
        Ok(if self.opened.is_some() { vec![] } else { vec![opening.into()] })
    }

    /// The platform, and not in a conversation between two.
    fn platform_in_group(&self, by: Actor) -> Result<(), ConversationRejection> {
        platform_only(by)?;
        let between_two = self.opened.as_ref().is_some_and(|opened| opened.kind == ConversationKind::Ride);
        if between_two { Err(ConversationRejection::NoSuchConversation) } else { Ok(()) }
    }

    /// `event` in the ride's group, which its first event opens.
    fn in_group(
        &self,
        ride: RideId,
        driver: AccountId,
        ride_version: u64,
        event: ConversationEvent,
    ) -> Vec<ConversationEvent> {
        let kind = ConversationKind::Group;
        let opening = Opening { kind, ride, ride_version, driver, passenger: None, in_answer_to: None };
        let opened = self.opened.is_none().then(|| opening.into());
        opened.into_iter().chain([event]).collect()
    }

    fn decide_notice(&self, ride_version: u64, notice: RideNotice) -> Decision {
        let opened = self.opened.as_ref().ok_or(ConversationRejection::NoSuchConversation)?;
        if self.noticed.contains(&ride_version) {
            return Ok(vec![]);
        }
        let voided = match &notice {
            RideNotice::Cancelled => self.void_open(|_, _| Some(VoidReason::RideCancelled)),
            RideNotice::Departed => self.void_open(|_, _| Some(VoidReason::RideDeparted)),
            RideNotice::Rescheduled { terms_version, .. } | RideNotice::TermsChanged { terms_version, .. } => self
                .void_open(|_, open| {
                    (open.terms.ride_terms_version < *terms_version).then_some(VoidReason::RideChanged)
                }),
            RideNotice::Reconfirmed { .. } | RideNotice::NoShow { .. } => vec![],
        };
        let noticed = RideNoticed { ride: opened.ride, ride_version, notice };
        Ok(std::iter::once(noticed.into()).chain(voided).collect())
    }

    /// The account behind `by`, when it takes part. Strangers are told what they would be told of a conversation that
    /// does not exist: its id follows from a ride and an account, so any other answer tells who talks with whom.
    pub fn participant(&self, by: Actor) -> Result<AccountId, ConversationRejection> {
        match by.person() {
            Some(account) if self.has_participant(account) => Ok(account),
            Some(account) if !self.former_members.contains(&account) => Err(ConversationRejection::NoSuchConversation),
            _ if self.opened.is_none() => Err(ConversationRejection::NoSuchConversation),
            _ => Err(ConversationRejection::NotAParticipant),
        }
    }

    /// Whether a message of one's own was retracted.
    fn own_message(&self, seq: u64, by: Actor) -> Result<bool, ConversationRejection> {
        let account = self.participant(by)?;
        let message = self.messages.get(&seq).ok_or(ConversationRejection::NoSuchMessage)?;
        if message.author == account { Ok(message.retracted) } else { Err(ConversationRejection::NotTheAuthor) }
    }
}

pub(super) fn platform_only(by: Actor) -> Result<(), ConversationRejection> {
    if by == Actor::System { Ok(()) } else { Err(ConversationRejection::NotYours) }
}
