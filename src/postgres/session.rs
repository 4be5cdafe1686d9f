//! One connection: made, set up, and made again after it was lost.

use futures_util::stream::{Stream, StreamExt, poll_fn};
use std::pin::Pin;
use std::time::Duration;
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Address, OpenFailure};

/// The longest that anything asked of the database may take; after that its connection is given up.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// How long one host may take to let us in and set the session up.
pub(super) const LET_IN_WITHIN: Duration = Duration::from_secs(5);

/// Why the server did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// It said so, or the connection is lost.
    #[error(transparent)]
    Said(#[from] Error),
    /// It says nothing, and may still do it.
    #[error("it is silent")]
    Silent,
}

/// Settings of every connection. The server gives up before the client does, so that no lock outlives its holder's
/// patience: a node that stops in the middle of a transaction holds the others up for three seconds. Every query of
/// this program is answered by an index; plans are made before the tables have grown and kept, so the planner is kept
/// from scanning tables that it believes to be small.
pub(super) const SETTINGS: &str = "
    SET search_path = pg_catalog;
    SET statement_timeout = '10s';
    SET lock_timeout = '8s';
    SET idle_in_transaction_session_timeout = '3s';
    SET tcp_user_timeout = '10s';
    SET tcp_keepalives_idle = 10;
    SET tcp_keepalives_interval = 5;
    SET client_min_messages = warning;
    SET jit = off;
    SET enable_seqscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';";

/// A connection's other half: what the server says unasked, until the connection ends. It must be polled for the client
/// to get anywhere.
pub(crate) type Messages = Pin<Box<dyn Stream<Item = Result<AsyncMessage, Error>> + Send>>;

/// The answer to `question`, waited for no longer than [`ANSWER_WITHIN`].
pub(crate) async fn answered<T>(question: impl Future<Output = Result<T, Error>>) -> Result<T, NoAnswer> {
    within(ANSWER_WITHIN, question).await
}

async fn within<T>(patience: Duration, question: impl Future<Output = Result<T, Error>>) -> Result<T, NoAnswer> {
    match tokio::time::timeout(patience, question).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(NoAnswer::Silent),
    }
}

/// Connects to the first host that lets us in, each within [`LET_IN_WITHIN`], and sets the session up. `drive` sees to it
/// that the messages are polled; it is called for each host that takes the connection up.
pub(crate) async fn connect(address: &Address, mut drive: impl FnMut(Messages)) -> Result<Client, NoAnswer> {
    let mut failed = NoAnswer::Silent;
    for host in address.hosts() {
        match within(LET_IN_WITHIN, enter(host, address.tls(), &mut drive)).await {
            Ok(client) => return Ok(client),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn enter(
    host: &Config,
    tls: Option<&MakeRustlsConnect>,
    drive: &mut impl FnMut(Messages),
) -> Result<Client, Error> {
    let client = match tls {
        Some(tls) => {
            let (client, mut connection) = host.connect(tls.clone()).await?;
            drive(Box::pin(poll_fn(move |context| connection.poll_message(context))));
            client
        }
        None => {
            let (client, mut connection) = host.connect(NoTls).await?;
            drive(Box::pin(poll_fn(move |context| connection.poll_message(context))));
            client
        }
    };
    client.batch_execute(SETTINGS).await?;
    Ok(client)
}

/// Polls messages to their end, and listens to none.
pub(crate) async fn ignore(mut messages: Messages) {
    while let Some(Ok(_)) = messages.next().await {}
}

/// Refuses a server that would lose what it acknowledged, and warns of one that may.
pub(crate) async fn demand_durability(client: &Client, address: &Address) -> Result<(), OpenFailure> {
    let asked = "SELECT current_setting('fsync'), current_setting('full_page_writes'),
                        current_setting('synchronous_commit')";
    let row = answered(client.query_one(asked, &[])).await.map_err(|error| OpenFailure::of(address, &error))?;
    if row.get::<_, &str>(0) == "off" {
        return Err(OpenFailure::NotDurable { address: address.to_string() });
    }
    if row.get::<_, &str>(1) == "off" {
        tracing::warn!(%address, "full_page_writes is off: unless the file system writes pages whole, a power cut may damage the database");
    }
    if row.get::<_, &str>(2) == "local" {
        tracing::warn!(%address, "synchronous_commit is local: what was acknowledged may be missing on a standby that takes over");
    }
    if address.is_exposed() {
        tracing::warn!(%address, "the database is spoken to without TLS over the network; add sslmode=require");
    }
    Ok(())
}
