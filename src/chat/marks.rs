//! Read marks of one connection: what comes within a second goes to the log together.
//!
//! The first mark goes at once. Those that come while it is on its way, or within [`GATHER`] after it, wait; then the
//! furthest of each conversation is asked for, and all that it covers are answered with it, once it is committed.

use palabre_events::{CommandKey, ConversationId};
use std::sync::Arc;
use std::time::Duration;

use super::frames::answer::{Made, Outcome};
use super::session::Reply;
use crate::clock;
use crate::commands::{Asked, Done, Refusal, talk};
use crate::platform::Platform;

/// For how long marks gather.
pub const GATHER: Duration = Duration::from_secs(1);

/// Marks that wait, of one connection. Each holds its place among the commands in flight, which bounds them.
#[derive(Default)]
pub(super) struct Gathering {
    waiting: Vec<Waiting>,
    under_way: bool,
}

struct Waiting {
    reply: Reply,
    key: CommandKey,
    conversation: ConversationId,
    up_to: u64,
}

/// Moves a mark forward, soon.
pub(super) fn mark_read(
    platform: &Arc<Platform>,
    reply: Reply,
    key: CommandKey,
    conversation: ConversationId,
    up_to: u64,
) {
    let connection = reply.connection.clone();
    let mut gathering = connection.marks.lock();
    gathering.waiting.push(Waiting { reply, key, conversation, up_to });
    if !std::mem::replace(&mut gathering.under_way, true) {
        drop(gathering);
        let platform = platform.clone();
        actix_web::rt::spawn(async move {
            loop {
                let mut waiting = {
                    let mut gathering = connection.marks.lock();
                    gathering.under_way = !gathering.waiting.is_empty();
                    std::mem::take(&mut gathering.waiting)
                };
                if waiting.is_empty() {
                    return;
                }
                // The furthest of each conversation first.
                waiting.sort_by_key(|mark| (mark.conversation, std::cmp::Reverse(mark.up_to)));
                go(&platform, waiting).await;
                tokio::time::sleep(GATHER).await;
            }
        });
    }
}

/// Asks for each mark that none before it covers. `marks` are in order of conversation, the furthest first.
async fn go(platform: &Platform, marks: Vec<Waiting>) {
    let mut covering: Option<(ConversationId, Done)> = None;
    for mark in marks {
        let covered = covering.filter(|(conversation, _)| *conversation == mark.conversation);
        let done = match covered {
            Some((_, done)) => Ok(done),
            None => ask(platform, &mark).await,
        };
        if let Ok(done) = done {
            covering = Some((mark.conversation, done));
        }
        let made = done.map(Made::elsewhere);
        mark.reply.outcome(made.map_or_else(|refusal| Outcome::Error(refusal.into()), Outcome::Ok));
    }
}

async fn ask(platform: &Platform, mark: &Waiting) -> Result<Done, Refusal> {
    let asked = Asked::new(mark.reply.connection.account(), mark.key, clock::now())?;
    talk::mark_read(platform, asked, mark.conversation, mark.up_to).await
}
