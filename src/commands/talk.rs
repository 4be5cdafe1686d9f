//! What people ask while they talk: open a conversation, post, edit, retract, mark as read.

use palabre_events::conversation::{
    Conversation, ConversationCommand, ConversationKind, ConversationOpened, ConversationRejection,
};
use palabre_events::marks::{Marks, MarksCommand};
use palabre_events::request::{Request, RequestRejection};
use palabre_events::ride::state::Stage;
use palabre_events::ride::{Ride, RideRejection};
use palabre_events::sealed::{KeyId, MessageText};
use palabre_events::{AccountId, Actor, ConversationId, Sealed, StreamId, aggregate::Rejection};

use super::ask::{Asked, Created, Done, Refusal, done};
use super::check::{Check, MESSAGE_CHARS_MAX};
use super::input::{EditMessage, OpenConversation, PostMessage};
use crate::platform::Platform;

/// Opens the one conversation about a ride between its driver and a passenger, or finds it.
pub async fn open_conversation(platform: &Platform, asked: Asked, open: OpenConversation) -> Result<Created, Refusal> {
    let (ride, ride_version) = platform.inspect::<Ride>(open.ride).await?;
    let offer = ride.offer().ok_or_else(|| rejected(&RideRejection::NoSuchRide))?;
    let passenger = match open.request {
        None => asked.account,
        Some(request) => {
            if asked.account != offer.driver {
                return Err(rejected(&RideRejection::NotYours));
            }
            let (request, _) = platform.inspect::<Request>(request).await?;
            let wish = request.wish().ok_or_else(|| rejected(&RequestRejection::NoSuchRequest))?;
            if wish.open { wish.passenger } else { return Err(rejected(&RequestRejection::NotOpen)) }
        }
    };
    let conversation = ConversationId::about_ride(open.ride, passenger);
    if let Some(over) = over(offer.stage) {
        // What was said before can be read on; a new conversation has nothing to be about.
        let (known, seq) = platform.inspect::<Conversation>(conversation).await?;
        if known.opened().is_none() {
            return Err(rejected(&over));
        }
        let done = Done { seq, position: 0, duplicate: false, unchanged: true };
        return Ok(Created { id: conversation.0, done });
    }
    let opening = ConversationOpened {
        kind: ConversationKind::Ride,
        ride: open.ride,
        ride_version,
        driver: offer.driver,
        passenger: Some(passenger),
        in_answer_to: open.request,
    };
    let command = ConversationCommand::Open(Box::new(opening));
    let done = done(platform.submit::<Conversation>(&asked, conversation, &open, command).await?)?;
    Ok(Created { id: conversation.0, done })
}

fn over(stage: Stage) -> Option<RideRejection> {
    match stage {
        Stage::Offered => None,
        Stage::Cancelled => Some(RideRejection::RideCancelled),
        Stage::Departed | Stage::Completed => Some(RideRejection::RideDeparted),
    }
}

/// Says something.
pub async fn post_message(
    platform: &Platform,
    asked: Asked,
    conversation: ConversationId,
    post: PostMessage,
) -> Result<Done, Refusal> {
    let text = seal_text(platform, asked.account, &post.text).await?;
    let command = ConversationCommand::PostMessage { text, in_reply_to: post.in_reply_to };
    done(platform.submit::<Conversation>(&asked, conversation, &("post", &post), command).await?)
}

/// Corrects a message of one's own.
pub async fn edit_message(
    platform: &Platform,
    asked: Asked,
    conversation: ConversationId,
    message: u64,
    edit: EditMessage,
) -> Result<Done, Refusal> {
    let text = seal_text(platform, asked.account, &edit.text).await?;
    let command = ConversationCommand::EditMessage { message, text };
    done(platform.submit::<Conversation>(&asked, conversation, &("edit", message, &edit), command).await?)
}

/// Takes a message of one's own back.
pub async fn retract_message(
    platform: &Platform,
    asked: Asked,
    conversation: ConversationId,
    message: u64,
) -> Result<Done, Refusal> {
    let command = ConversationCommand::RetractMessage { message };
    done(platform.submit::<Conversation>(&asked, conversation, &("retract", message), command).await?)
}

/// Moves one's mark in a conversation forward.
pub async fn mark_read(
    platform: &Platform,
    asked: Asked,
    conversation: ConversationId,
    up_to: u64,
) -> Result<Done, Refusal> {
    let (known, seq) = platform.inspect::<Conversation>(conversation).await?;
    known.participant(Actor::Person(asked.account)).map_err(|rejection| rejected(&rejection))?;
    if up_to == 0 || up_to > seq {
        return Err(Refusal::field("up_to", "out_of_range", format!("this conversation goes from 1 to {seq}")));
    }
    let account = asked.account;
    let command = MarksCommand::MarkRead { account, conversation, up_to };
    done(platform.submit::<Marks>(&asked, StreamId::marks(account), &(conversation, up_to), command).await?)
}

async fn seal_text(platform: &Platform, author: AccountId, text: &str) -> Result<Sealed<MessageText>, Refusal> {
    let mut check = Check::default();
    let text = check.text("text", text, MESSAGE_CHARS_MAX);
    check.finish()?;
    let key = KeyId::Person(author);
    platform.keys_at_hand(&[key]).await?;
    platform.seal(key, &MessageText(text))
}

/// For whoever asks there is no such conversation, whether or not others have it.
pub fn no_such_conversation() -> Refusal {
    rejected(&ConversationRejection::NoSuchConversation)
}

pub(super) fn rejected(rejection: &impl Rejection) -> Refusal {
    Refusal::Rejected(rejection.code(), rejection.explain())
}
