//! One session with Redis: two connections, one to speak and one to hear, from connecting to the first fault.
//!
//! It counts as open only when Redis has confirmed every channel and a message of this node has come back. While it
//! lasts, a probe goes round whenever nothing else was heard: a connection that only looks alive is given up.

use palabre_events::AccountId;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use uuid::Uuid;

use super::listener::{Listener, SessionEar};
use super::notice::{Channel, NodeId, Notice};
use super::peers::Peers;
use super::presence::{self, ACCOUNTS_PER_MESSAGE_MAX, BEAT_EVERY, Presence};
use super::queue::{Dropped, Parcel};
use crate::telemetry::metrics;

/// How long connecting may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// How long nothing may be heard before a probe goes round.
const IDLE_AFTER: Duration = Duration::from_millis(500);
/// How long nothing may be heard before the session is given up.
const DEAF_AFTER: Duration = Duration::from_secs(2);
/// Between two looks at what was heard.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The most channels of one command.
const CHANNELS_PER_COMMAND_MAX: usize = 512;
/// The shortest time between two whole rolls of this node's people.
const ROLL_EVERY: Duration = Duration::from_secs(1);

/// Why a session ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// Redis refuses or does not answer.
    #[error("Redis: {0}")]
    Redis(#[from] redis::RedisError),
    /// Redis did not confirm all channels.
    #[error("Redis confirmed {confirmed} of {wanted} channels")]
    Unconfirmed { wanted: usize, confirmed: usize },
    /// What this node says does not come back to it.
    #[error("nothing was heard, not even a probe")]
    Deaf,
    /// The connection broke.
    #[error("the connection to Redis broke")]
    Lost,
}

/// A session.
pub(super) struct Session<'a> {
    speaking: MultiplexedConnection,
    hearing: MultiplexedConnection,
    ear: Arc<SessionEar>,
    context: &'a Context,
    listening_for: HashSet<AccountId>,
}

/// What every session of a node works with.
pub(super) struct Context {
    pub(super) client: redis::Client,
    pub(super) log_id: Uuid,
    pub(super) node: NodeId,
    pub(super) peers: Peers,
    pub(super) listener: Arc<Listener>,
}

impl Context {
    fn config() -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN))
    }

    async fn speaking(&self) -> Result<MultiplexedConnection, Ended> {
        Ok(self.client.get_multiplexed_async_connection_with_config(&Self::config()).await?)
    }

    async fn hearing(&self, ear: &Arc<SessionEar>) -> Result<MultiplexedConnection, Ended> {
        let (listener, ear) = (self.listener.clone(), ear.clone());
        let hand_over = move |push| {
            listener.pushed(&ear, push);
            Ok::<_, Infallible>(())
        };
        let config = Self::config().set_push_sender(hand_over);
        Ok(self.client.get_multiplexed_async_connection_with_config(&config).await?)
    }

    async fn publish(
        &self,
        connection: &mut MultiplexedConnection,
        channel: Channel,
        notice: &Notice,
    ) -> Result<(), Ended> {
        let message = self.peers.shared.wire.write(notice);
        let command = redis::cmd("PUBLISH").arg(channel.name(self.log_id)).arg(&message[..]).to_owned();
        Ok(command.exec_async(connection).await?)
    }

    /// Tells the other nodes that this one stops.
    pub(super) async fn leave(&self) -> Result<(), Ended> {
        let mut speaking = self.speaking().await?;
        self.publish(&mut speaking, Channel::Nodes, &Notice::Presence(Presence::Leaving)).await
    }
}

impl<'a> Session<'a> {
    /// Connects, listens for all who are here, and makes sure that it hears.
    pub(super) async fn open(context: &'a Context) -> Result<Self, Ended> {
        let ear = context.listener.new_ear();
        let (speaking, hearing) = tokio::try_join!(context.speaking(), context.hearing(&ear))?;
        let mut session = Self { speaking, hearing, ear, context, listening_for: HashSet::new() };
        session.listen_for(&[Channel::Node(context.node), Channel::Nodes]).await?;
        let here: Vec<_> = {
            let mut here = context.peers.shared.here.lock();
            here.moved.clear();
            here.accounts.iter().copied().collect()
        };
        let channels: Vec<_> = here.iter().map(|account| Channel::Account(*account)).collect();
        session.listen_for(&channels).await?;
        session.listening_for = here.into_iter().collect();
        context.publish(&mut session.speaking, Channel::Node(context.node), &Notice::Probe).await?;
        match timeout(ANSWER_WITHIN, session.ear.probed.notified()).await {
            Ok(()) => Ok(session),
            Err(_late) => Err(Ended::Deaf),
        }
    }

    /// Speaks and hears until something fails.
    pub(super) async fn run(self) -> Ended {
        let Self { speaking, hearing, ear, context, listening_for } = self;
        let announcing = Announcing {
            speaking: speaking.clone(),
            hearing,
            ear: ear.clone(),
            context,
            listening_for,
            number: 0,
            rolled_at: None,
        };
        tokio::select! {
            ended = speak(context, speaking.clone()) => ended,
            ended = announcing.run() => ended,
            ended = probe(context, speaking, &ear) => ended,
            () = ear.lost.notified() => Ended::Lost,
        }
    }

    async fn listen_for(&mut self, channels: &[Channel]) -> Result<(), Ended> {
        subscribe(self.context, &mut self.hearing, &self.ear, channels).await
    }
}

async fn subscribe(
    context: &Context,
    hearing: &mut MultiplexedConnection,
    ear: &SessionEar,
    channels: &[Channel],
) -> Result<(), Ended> {
    for channels in channels.chunks(CHANNELS_PER_COMMAND_MAX) {
        let before = ear.confirmed.load(Ordering::Relaxed);
        let names: Vec<_> = channels.iter().map(|channel| channel.name(context.log_id)).collect();
        hearing.subscribe(&names).await?;
        let confirmed = ear.confirmed.load(Ordering::Relaxed) - before;
        if confirmed != channels.len() {
            return Err(Ended::Unconfirmed { wanted: channels.len(), confirmed });
        }
    }
    Ok(())
}

/// Writes and publishes what waits, batch by batch; while one is under way, the next gathers.
async fn speak(context: &Context, mut speaking: MultiplexedConnection) -> Ended {
    loop {
        let batch = context.peers.shared.queue.take().await;
        let mut commands = redis::pipe();
        for Parcel { to, notice } in &batch {
            let message = context.peers.shared.wire.write(notice);
            for channel in to {
                commands.cmd("PUBLISH").arg(channel.name(context.log_id)).arg(&message[..]).ignore();
            }
        }
        if let Err(error) = commands.exec_async(&mut speaking).await {
            // Some may have been heard all the same.
            context.peers.dropped(Dropped::Shut, batch.len());
            return error.into();
        }
        metrics::fanout_published(batch.len());
    }
}

/// Sends a probe round whenever nothing was heard for a while.
async fn probe(context: &Context, mut speaking: MultiplexedConnection, ear: &SessionEar) -> Ended {
    loop {
        sleep(LOOK_EVERY).await;
        let silent = context.listener.silent_for(ear);
        if silent >= DEAF_AFTER {
            return Ended::Deaf;
        }
        if silent >= IDLE_AFTER
            && let Err(ended) = context.publish(&mut speaking, Channel::Node(context.node), &Notice::Probe).await
        {
            return ended;
        }
    }
}

/// Follows who comes and goes here: listens for them, and says so to the other nodes.
struct Announcing<'a> {
    speaking: MultiplexedConnection,
    hearing: MultiplexedConnection,
    ear: Arc<SessionEar>,
    context: &'a Context,
    listening_for: HashSet<AccountId>,
    number: u64,
    rolled_at: Option<Instant>,
}

impl Announcing<'_> {
    async fn run(mut self) -> Ended {
        match self.announce().await {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    async fn announce(&mut self) -> Result<Infallible, Ended> {
        self.roll().await?;
        let mut beats = interval(BEAT_EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let context = self.context;
        loop {
            tokio::select! {
                () = context.peers.shared.moved.notified() => self.follow().await?,
                () = context.listener.asked.notified() => self.answer_asks().await?,
                _ = beats.tick() => self.say(Presence::Beat { number: self.number }).await?,
            }
        }
    }

    async fn follow(&mut self) -> Result<(), Ended> {
        let (mut came, mut gone) = (Vec::new(), Vec::new());
        {
            let mut here = self.context.peers.shared.here.lock();
            for account in std::mem::take(&mut here.moved) {
                match (here.accounts.contains(&account), self.listening_for.contains(&account)) {
                    (true, false) => came.push(account),
                    (false, true) => gone.push(account),
                    _ => {}
                }
            }
        }
        let channels: Vec<_> = came.iter().map(|account| Channel::Account(*account)).collect();
        subscribe(self.context, &mut self.hearing, &self.ear, &channels).await?;
        for gone in gone.chunks(CHANNELS_PER_COMMAND_MAX) {
            let name = |account: &AccountId| Channel::Account(*account).name(self.context.log_id);
            self.hearing.unsubscribe(&gone.iter().map(name).collect::<Vec<_>>()).await?;
        }
        self.listening_for.extend(came.iter().copied());
        for account in &gone {
            self.listening_for.remove(account);
        }
        let (mut came, mut gone) =
            (came.chunks(ACCOUNTS_PER_MESSAGE_MAX / 2), gone.chunks(ACCOUNTS_PER_MESSAGE_MAX / 2));
        loop {
            let (came, gone) = (came.next().unwrap_or_default(), gone.next().unwrap_or_default());
            if came.is_empty() && gone.is_empty() {
                return Ok(());
            }
            self.number += 1;
            self.say(Presence::Changed { number: self.number, came: came.to_vec(), gone: gone.to_vec() }).await?;
        }
    }

    async fn answer_asks(&mut self) -> Result<(), Ended> {
        let (asks, own) = self.context.listener.take_asks();
        for node in asks {
            self.say(Presence::Ask { node }).await?;
        }
        // Several may ask at once: they are answered together. Whoever still misses something asks again.
        let due = self.rolled_at.is_none_or(|rolled_at| rolled_at.elapsed() >= ROLL_EVERY);
        if own && due { self.roll().await } else { Ok(()) }
    }

    /// Says who is here, whole.
    async fn roll(&mut self) -> Result<(), Ended> {
        self.rolled_at = Some(Instant::now());
        let here: Vec<_> = self.listening_for.iter().copied().collect();
        for part in presence::whole(&here, &mut self.number) {
            self.say(part).await?;
        }
        Ok(())
    }

    async fn say(&mut self, presence: Presence) -> Result<(), Ended> {
        self.context.publish(&mut self.speaking, Channel::Nodes, &Notice::Presence(presence)).await
    }
}
