//! Acting as the people of a demo, through the same commands that clients use.

use palabre_events::conversation::Conversation;
use palabre_events::{AccountId, CommandKey, ConversationId, ReservationId, RideId};
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

use super::DemoFailure;
use super::cast::Person;
use crate::clock;
use crate::commands::input::{
    MakeProposal, MakeReservation, OfferRide, OpenConversation, PlaceInput, PostMessage, PriceInput, WithReason,
};
use crate::commands::negotiation::Proposed;
use crate::commands::{Asked, Refusal, bookings, negotiation, rides, talk};
use crate::platform::Platform;

/// How long what follows from a command may take.
const WITHIN: Duration = Duration::from_secs(20);
/// No conversation of a demo has more events.
const EVENTS_MAX: usize = 200;

/// Where people act.
pub struct Stage<'a> {
    /// Where they act on.
    pub platform: &'a Platform,
    /// Their accounts.
    pub accounts: BTreeMap<Person, AccountId>,
}

/// A conversation about a ride.
pub struct Talk<'a> {
    stage: &'a Stage<'a>,
    /// Which.
    pub id: ConversationId,
}

/// What is proposed: seats, cents for each, from where to where.
#[derive(Clone)]
pub struct Terms {
    /// How many.
    pub seats: u8,
    /// The price of one.
    pub cents: u32,
    /// Where the passenger gets in.
    pub from: PlaceInput,
    /// Where the passenger gets out.
    pub to: PlaceInput,
}

impl Terms {
    fn proposal(&self) -> MakeProposal {
        MakeProposal {
            seats: self.seats,
            price_per_seat: euros(self.cents),
            pickup: self.from.clone(),
            drop_off: self.to.clone(),
            pickup_at: None,
            expires_in_s: None,
            in_reply_to: None,
            replaces: None,
        }
    }
}

/// So many cents, in euros.
pub fn euros(cents: u32) -> PriceInput {
    PriceInput { cents, currency: "EUR".to_owned() }
}

/// Who asks, under a new key.
pub fn asked(account: AccountId) -> Result<Asked, Refusal> {
    Asked::new(account, CommandKey(Uuid::now_v7()), clock::now())
}

impl Stage<'_> {
    /// `who` asks, under a new key.
    pub fn asks(&self, who: Person) -> Result<Asked, Refusal> {
        asked(self.accounts[&who])
    }

    /// `who` offers a ride.
    pub async fn offers(&self, who: Person, offer: OfferRide) -> Result<RideId, DemoFailure> {
        Ok(RideId(rides::offer(self.platform, self.asks(who)?, offer).await?.id))
    }

    /// `who`, a passenger, begins to talk about `ride`.
    pub async fn talks(&self, who: Person, ride: RideId) -> Result<Talk<'_>, DemoFailure> {
        let open = OpenConversation { ride, request: None };
        let opened = talk::open_conversation(self.platform, self.asks(who)?, open).await?;
        Ok(Talk { stage: self, id: ConversationId(opened.id) })
    }

    /// A conversation that is open.
    pub fn talk(&self, id: ConversationId) -> Talk<'_> {
        Talk { stage: self, id }
    }

    /// `who` takes seats of an instant ride on its list terms, and waits until they are booked.
    pub async fn books(
        &self,
        who: Person,
        ride: RideId,
        terms: &Terms,
    ) -> Result<(Talk<'_>, ReservationId), DemoFailure> {
        let Terms { seats, from, to, .. } = terms.clone();
        let make = MakeReservation { ride, seats, pickup: from, drop_off: to };
        let reserved = bookings::reserve(self.platform, self.asks(who)?, make).await?;
        let talk = self.talk(reserved.conversation);
        talk.hears("BookingConfirmed").await?;
        Ok((talk, ReservationId(reserved.proposal.0)))
    }
}

impl Talk<'_> {
    /// `who` says something.
    pub async fn says(&self, who: Person, text: &str) -> Result<(), DemoFailure> {
        let post = PostMessage { text: text.to_owned(), in_reply_to: None };
        talk::post_message(self.stage.platform, self.stage.asks(who)?, self.id, post).await?;
        Ok(())
    }

    /// `who` proposes terms.
    pub async fn proposes(&self, who: Person, terms: &Terms) -> Result<Proposed, DemoFailure> {
        self.makes(who, terms.proposal()).await
    }

    /// `who` proposes terms for a minute only.
    pub async fn proposes_for_a_minute(&self, who: Person, terms: &Terms) -> Result<Proposed, DemoFailure> {
        self.makes(who, MakeProposal { expires_in_s: Some(60), ..terms.proposal() }).await
    }

    /// `who` proposes other terms than `other`.
    pub async fn counters(&self, who: Person, other: &Proposed, terms: &Terms) -> Result<Proposed, DemoFailure> {
        self.makes(who, MakeProposal { in_reply_to: Some(other.proposal), ..terms.proposal() }).await
    }

    /// `who` proposes to change a booking.
    pub async fn would_change(
        &self,
        who: Person,
        booked: ReservationId,
        terms: &Terms,
    ) -> Result<Proposed, DemoFailure> {
        self.makes(who, MakeProposal { replaces: Some(booked), ..terms.proposal() }).await
    }

    async fn makes(&self, who: Person, make: MakeProposal) -> Result<Proposed, DemoFailure> {
        Ok(negotiation::make_proposal(self.stage.platform, self.stage.asks(who)?, self.id, make).await?)
    }

    /// `who` agrees.
    pub async fn accepts(&self, who: Person, made: &Proposed) -> Result<(), DemoFailure> {
        let (platform, asked) = (self.stage.platform, self.stage.asks(who)?);
        negotiation::accept(platform, asked, self.id, made.proposal, made.terms_hash).await?;
        Ok(())
    }

    /// `who` declines.
    pub async fn declines(&self, who: Person, made: &Proposed, reason: &str) -> Result<(), DemoFailure> {
        let (platform, asked) = (self.stage.platform, self.stage.asks(who)?);
        negotiation::decline(platform, asked, self.id, made.proposal, why(reason)).await?;
        Ok(())
    }

    /// `who` takes a proposal back.
    pub async fn withdraws(&self, who: Person, made: &Proposed) -> Result<(), DemoFailure> {
        negotiation::withdraw(self.stage.platform, self.stage.asks(who)?, self.id, made.proposal).await?;
        Ok(())
    }

    /// `who` proposes, `other` agrees, and it is booked.
    pub async fn agrees(&self, who: Person, other: Person, terms: &Terms) -> Result<ReservationId, DemoFailure> {
        let made = self.proposes(who, terms).await?;
        self.accepts(other, &made).await?;
        self.hears("BookingConfirmed").await?;
        Ok(ReservationId(made.proposal.0))
    }

    /// `who` cancels a booking.
    pub async fn cancels(&self, who: Person, booked: ReservationId, reason: &str) -> Result<(), DemoFailure> {
        bookings::cancel(self.stage.platform, self.stage.asks(who)?, self.id, booked, why(reason)).await?;
        self.hears("BookingCancelled").await
    }

    /// `who` has read all of it.
    pub async fn is_read_by(&self, who: Person) -> Result<(), DemoFailure> {
        let head = self.events().await?.len() as u64;
        talk::mark_read(self.stage.platform, self.stage.asks(who)?, self.id, head).await?;
        Ok(())
    }

    /// Waits until an event of this type is in the conversation.
    pub async fn hears(&self, event_type: &'static str) -> Result<(), DemoFailure> {
        self.until(event_type, async || Ok(self.events().await?.iter().any(|told| told == event_type))).await
    }

    /// Waits until `who` takes part.
    pub async fn has(&self, who: Person) -> Result<(), DemoFailure> {
        let account = self.stage.accounts[&who];
        let takes_part = async || {
            let (known, _) = self.stage.platform.inspect::<Conversation>(self.id).await?;
            Ok(known.has_participant(account))
        };
        self.until("somebody to join", takes_part).await
    }

    /// Waits until `is_so`, looking again after every commit.
    async fn until(
        &self,
        what: &'static str,
        is_so: impl AsyncFn() -> Result<bool, DemoFailure>,
    ) -> Result<(), DemoFailure> {
        let mut head = self.stage.platform.log.head();
        let waited = async {
            loop {
                head.borrow_and_update();
                if is_so().await? {
                    return Ok(());
                }
                head.changed().await.map_err(|_| DemoFailure::InVain(what))?;
            }
        };
        tokio::time::timeout(WITHIN, waited).await.unwrap_or(Err(DemoFailure::InVain(what)))
    }

    /// The types of all its events; its versions are dense, so the last one's is their number.
    async fn events(&self) -> Result<Vec<String>, DemoFailure> {
        let read = self.stage.platform.log.read(self.id.into(), 0, EVENTS_MAX).await;
        let events = read.map_err(|_| DemoFailure::Refused(Refusal::Unavailable))?;
        Ok(events.iter().map(|event| event.event_type.to_string()).collect())
    }
}

/// A reason.
pub fn why(reason: &str) -> WithReason {
    WithReason { reason: Some(reason.to_owned()) }
}
