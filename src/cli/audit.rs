//! `palabre audit ride ID [--at TIME]`: from the log alone, which is the truth; the views have no say in it.

use clap::{Args, Subcommand};
use palabre_events::conversation::ConversationEvent;
use palabre_events::{ConversationId, DomainEvent, RideId, Timestamp};
use std::process::ExitCode;

use super::{Settings, in_system};
use crate::audit::{Sources, Span, Viewer, ride_report};
use crate::store::open::{Access, open};
use crate::store::{EventStore, PAGE_MAX};
use crate::telemetry::traces;
use crate::vault::{self, Keyring};

#[derive(Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    subject: Subject,
    /// Print it as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Subject {
    /// A ride: its own events and those of its conversations, and how it stands at the end.
    Ride {
        /// The ride's id.
        id: RideId,
        /// Only up to this moment, such as 2027-01-04T18:25:00Z, by when the log took each event.
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
    },
}

impl Audit {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let config = settings.config()?;
        traces::begin_lines(&config);
        let log = open(&config.store_url()?, Access::Read)?;
        let opener = Keyring::new(vault::open::open(&config.vault_url()?)?)?;
        let Subject::Ride { id, at } = self.subject;
        let report = in_system(async {
            let conversations = conversations_about(&*log, id).await?;
            let sources = Sources { log: &*log, opener: &opener, conversations: &conversations };
            Ok(ride_report(sources, id, Viewer::Operator, Span::all(at)).await?)
        })?;
        let Some(report) = report else { anyhow::bail!("there is no ride {id} in this log") };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{}", report.to_text());
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Every conversation about `ride`, found by reading the whole log: millions of events a second, since only openings
/// are decoded.
async fn conversations_about(log: &dyn EventStore, ride: RideId) -> anyhow::Result<Vec<ConversationId>> {
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = log.read_all(after, PAGE_MAX).await?;
        for envelope in page.iter().filter(|envelope| envelope.event_type == "ConversationOpened") {
            match DomainEvent::read(envelope)? {
                DomainEvent::Conversation(ConversationEvent::ConversationOpened(opened)) if opened.ride == ride => {
                    found.push(ConversationId(envelope.stream.id));
                }
                _ => {}
            }
        }
        match page.last() {
            Some(last) => after = last.position,
            None => return Ok(found),
        }
    }
}
