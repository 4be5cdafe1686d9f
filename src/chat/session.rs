//! What happens with a frame that came in: read it, check that its sender is still signed in and does not ask too fast,
//! do it, answer it.
//!
//! Every frame with an `id` is answered exactly once, whatever becomes of it. Commands of one connection begin in the
//! order in which they came and then run beside each other, so answers may come in another order. How frames travel is
//! for [`super::socket`].

use palabre_events::{CommandKey, ConversationId};
use std::sync::Arc;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tracing::Instrument;

use super::asking::{self, Asking, Command, Unread, What};
use super::close::Close;
use super::connection::{Connection, InFlight};
use super::frames::answer::{Answer, CommandError, Made, Outcome};
use super::hub::Hub;
use super::{frames, marks, resume};
use crate::accounts::{Accounts, SessionEnded};
use crate::clock;
use crate::commands::{Asked, Refusal, bookings, negotiation, talk};
use crate::platform::Platform;

/// Takes a frame from a connection. Must be called on a thread that runs local tasks.
pub fn received(platform: &Arc<Platform>, connection: &Arc<Connection>, text: &str) {
    let (id, what) = match asking::read(text) {
        Ok(Asking { id, what }) => (id, Ok(what)),
        Err(Unread::UnknownType { re }) => (re, Err(Unread::UnknownType { re })),
        Err(Unread::Invalid { re, fields }) => (re, Err(Unread::Invalid { re, fields })),
        Err(bad_frame) => {
            answer(connection, &bad_frame.answer());
            return connection.misbehaved();
        }
    };
    if let Err(too_fast) = platform.gates.accounts.take(&connection.account()) {
        refuse(connection, id, CommandError::too_many_requests(too_fast.retry_after_ms));
        return connection.hurried();
    }
    connection.waited();
    let what = match what {
        Ok(what) => what,
        Err(unread) => return answer(connection, &unread.answer()),
    };
    if platform.hub.is_shutting_down() {
        return refuse(connection, id, Refusal::Unavailable.into());
    }
    let Some(in_flight) = connection.begin() else {
        return refuse(connection, id, Refusal::Busy.into());
    };
    let reply = Reply { connection: connection.clone(), re: id, answered: false, _in_flight: in_flight };
    let span = tracing::debug_span!("frame", connection = connection.number, account = %connection.account(), id);
    actix_web::rt::spawn(run(platform.clone(), reply, what).instrument(span));
}

/// Whether whoever opened the connection is still signed in; if not, the connection is closed. Answers waiters in the
/// order in which they asked.
pub async fn still_signed_in(accounts: &Accounts, connection: &Connection) -> Result<(), Refusal> {
    let _turn = connection.turn.lock().await;
    match accounts.is_signed_in(connection.holder.token, clock::now()).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            connection.outbox.close(Close::Revoked);
            Err(Refusal::Unavailable)
        }
        Err(_) => Err(Refusal::Unavailable),
    }
}

/// Closes the connections of sessions that are ended, here and elsewhere, until the node stops.
pub async fn follow_endings(hub: Hub, mut endings: Receiver<SessionEnded>) {
    loop {
        match endings.recv().await {
            Ok(SessionEnded { account, session }) => hub.session_ended(account, session),
            // Each connection's session is asked for at its next command or ping.
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "endings of sessions came too fast"),
            Err(RecvError::Closed) => return,
        }
    }
}

async fn run(platform: Arc<Platform>, reply: Reply, what: What) {
    let connection = reply.connection.clone();
    if let Err(refusal) = still_signed_in(&platform.accounts, &connection).await {
        return reply.outcome(Outcome::Error(refusal.into()));
    }
    let made = match what {
        What::Hello(hello) => resume::resume(&platform, &connection, hello).await.map(Box::new).map(Made::Resumed),
        What::Follow(conversations) => {
            let _turn = connection.following_turn.lock().await;
            let online = platform.hub.follow(&connection, &conversations).await;
            online.map(|online| Made::Following { online }).map_err(Refusal::from)
        }
        What::Typing { conversation, on } => match platform.hub.typing(connection.account(), conversation, on).await {
            Ok(true) => return reply.nothing(),
            Ok(false) => Err(talk::no_such_conversation()),
            Err(cannot_read) => Err(cannot_read.into()),
        },
        What::MarkRead { key, conversation, up_to } => {
            return marks::mark_read(&platform, reply, key, conversation, up_to);
        }
        What::Command(key, command) => do_command(&platform, &connection, key, command).await,
    };
    let online = match &made {
        Ok(Made::Following { online }) => Some(online.clone()),
        Ok(Made::Resumed(resumed)) => Some(resumed.online.clone()),
        _ => None,
    };
    reply.outcome(made.map_or_else(|refusal| Outcome::Error(refusal.into()), Outcome::Ok));
    if let Some(online) = online {
        platform.hub.tell_since(&connection, &online);
    }
}

async fn do_command(
    platform: &Platform,
    connection: &Connection,
    key: CommandKey,
    command: Command,
) -> Result<Made, Refusal> {
    let asked = Asked::new(connection.account(), key, clock::now())?;
    let in_conversation = Made::in_conversation;
    Ok(match command {
        Command::OpenConversation(open) => {
            let created = talk::open_conversation(platform, asked, open).await?;
            Made::opened(ConversationId(created.id), created.done)
        }
        Command::PostMessage(conversation, post) => {
            in_conversation(talk::post_message(platform, asked, conversation, post).await?)
        }
        Command::EditMessage(conversation, message, edit) => {
            in_conversation(talk::edit_message(platform, asked, conversation, message, edit).await?)
        }
        Command::RetractMessage(conversation, message) => {
            in_conversation(talk::retract_message(platform, asked, conversation, message).await?)
        }
        Command::MakeProposal(conversation, make) => {
            let proposed = negotiation::make_proposal(platform, asked, conversation, *make).await?;
            Made::proposed(proposed.proposal, proposed.terms_hash, proposed.done)
        }
        Command::AcceptProposal(conversation, proposal, terms_hash) => {
            in_conversation(negotiation::accept(platform, asked, conversation, proposal, terms_hash).await?)
        }
        Command::DeclineProposal(conversation, proposal, why) => {
            in_conversation(negotiation::decline(platform, asked, conversation, proposal, why).await?)
        }
        Command::WithdrawProposal(conversation, proposal) => {
            in_conversation(negotiation::withdraw(platform, asked, conversation, proposal).await?)
        }
        Command::CancelBooking(conversation, reservation, why) => {
            Made::elsewhere(bookings::cancel(platform, asked, conversation, reservation, why).await?)
        }
        Command::ReconfirmBooking(conversation, reservation, terms_version) => {
            let done = bookings::reconfirm(platform, asked, conversation, reservation, terms_version).await?;
            Made::elsewhere(done)
        }
        Command::ReportNoShow(conversation, reservation) => {
            Made::elsewhere(bookings::report_no_show(platform, asked, conversation, reservation).await?)
        }
    })
}

/// The one answer that a frame gets. Dropped without one, because what should have answered broke, it says that the
/// outcome is unknown.
pub(super) struct Reply {
    pub(super) connection: Arc<Connection>,
    re: u64,
    answered: bool,
    _in_flight: InFlight,
}

impl Reply {
    pub(super) fn outcome(mut self, outcome: Outcome) {
        self.answered = true;
        answer(&self.connection, &Answer { re: Some(self.re), outcome });
    }

    /// For what is answered only when it fails.
    fn nothing(mut self) {
        self.answered = true;
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.answered {
            refuse(&self.connection, self.re, Refusal::Unavailable.into());
        }
    }
}

fn refuse(connection: &Connection, re: u64, error: CommandError) {
    answer(connection, &Answer { re: Some(re), outcome: Outcome::Error(error) });
}

fn answer(connection: &Connection, answer: &Answer) {
    connection.outbox.push(frames::text(answer));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::connection::Holder;
    use crate::vault::{SessionId, TokenHash};
    use palabre_events::testing::ANNA;
    use std::net::{IpAddr, Ipv4Addr};
    use std::task::{Context, Poll, Waker};
    use uuid::Uuid;

    #[test]
    fn what_breaks_before_it_answers_is_answered_as_unknown_and_makes_room() {
        let holder = Holder { account: ANNA, session: SessionId(Uuid::nil()), token: TokenHash([0; 32]) };
        let connection = Arc::new(Connection::new(1, holder, IpAddr::V4(Ipv4Addr::LOCALHOST), None, 0));
        for re in 0..2 * u64::from(crate::chat::connection::COMMANDS_IN_FLIGHT_MAX) {
            let in_flight = connection.begin().expect("those before have ended");
            drop(Reply { connection: connection.clone(), re, answered: false, _in_flight: in_flight });
            let Poll::Ready(batch) = connection.outbox.poll_take(&Context::from_waker(Waker::noop())) else { panic!() };
            assert_eq!(batch.frames.len(), 1, "exactly once");
            assert!(batch.frames[0].starts_with(&format!("{{\"re\":{re},\"error\":{{\"code\":\"unavailable\"")));
        }
    }
}
