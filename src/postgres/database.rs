//! A few connections on a runtime of their own.
//!
//! Callers come from actors, from plain threads and from threads with a small runtime of another kind; so nothing here
//! runs on the caller's runtime, which only waits for an answer.

use deadpool_postgres::{Connect, Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config};

use super::session::{ANSWER_WITHIN, LET_IN_WITHIN, connect, ignore};
use super::{Address, NoAnswer, OpenFailure, explained, is_damage};

/// The most questions that wait for a connection; more are answered [`Unanswered::Unavailable`] at once.
const WAITING_MAX: usize = 4096;
/// How long a question waits for others to give a connection back.
const CONNECTION_WITHIN: Duration = Duration::from_secs(4);
/// How long a question that blocks its caller may take.
const BLOCKING_WITHIN: Duration = Duration::from_secs(2);

/// After a silence, questions that block are refused for so long, so that few threads ever wait for it.
const REFUSED_FOR: Duration = Duration::from_secs(2);

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// The database does not answer at present; what was asked may have been done or not.
    Unavailable,
    /// What is stored cannot be right.
    Damaged(String),
}

impl Unanswered {
    /// What is in a column cannot be right.
    pub fn wrong(column: usize, why: impl std::fmt::Display) -> Self {
        Self::Damaged(format!("column {column}: {why}"))
    }
}

impl From<tokio_postgres::Error> for Unanswered {
    fn from(error: tokio_postgres::Error) -> Self {
        let why = explained(&error);
        if is_damage(&error) {
            return Self::Damaged(why);
        }
        tracing::warn!(error = why, "the database does not answer");
        Self::Unavailable
    }
}

/// A question on its way over a connection.
pub(crate) type Asking<'a, T> = BoxFuture<'a, Result<T, Unanswered>>;

/// A database, ready to be asked.
pub(crate) struct Database {
    /// Gone only while it is dropped.
    runtime: Option<Runtime>,
    pool: Pool,
    waiting: Arc<Semaphore>,
    /// Until when questions that block are refused.
    refused_until: Mutex<Option<Instant>>,
}

impl Database {
    /// At most `connections` to `address`, each made when it is needed.
    pub fn new(address: &Address, connections: usize) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("palabre-postgres")
            .enable_all()
            .build()?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        // The address says how to connect, host by host.
        let manager = Manager::from_connect(Config::new(), Connecting(address.clone()), recycling);
        let hosts = u32::try_from(address.hosts().len()).expect("an address is short");
        let pool = Pool::builder(manager)
            .max_size(connections)
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .wait_timeout(Some(CONNECTION_WITHIN))
            .create_timeout(Some(LET_IN_WITHIN * hosts))
            .build()
            .expect("a runtime is given for the timeouts");
        Ok(Self {
            runtime: Some(runtime),
            pool,
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            refused_until: Mutex::default(),
        })
    }

    /// The runtime of the connections.
    pub fn runtime(&self) -> &Handle {
        self.runtime.as_ref().expect("it goes last").handle()
    }

    /// Looks after `address` by `work` over a connection of its own, blocking the caller.
    pub fn set_up<T: Send + 'static>(
        &self,
        address: &Address,
        work: impl FnOnce(Client, Address) -> BoxFuture<'static, Result<T, OpenFailure>> + Send + 'static,
    ) -> Result<T, OpenFailure> {
        let (own, (reply, answer)) = (address.clone(), std::sync::mpsc::sync_channel(1));
        self.runtime().spawn(async move {
            let done = match connect(&own, |messages| drop(tokio::spawn(ignore(messages)))).await {
                Ok(client) => work(client, own).await,
                Err(error) => Err(OpenFailure::of(&own, &error)),
            };
            // Whoever opens waits for it.
            drop(reply.send(done));
        });
        let ended = || OpenFailure::Database { address: address.to_string(), why: "opening it panicked".to_owned() };
        answer.recv().unwrap_or_else(|_| Err(ended()))
    }

    /// Asks on one of the connections. When the connection turns out to be lost, as after a restart of the server, a
    /// question is asked once more on another: so ask only what may be asked twice.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&mut Object) -> Asking<'_, T> + Send + Sync + 'static,
    ) -> BoxFuture<'static, Result<T, Unanswered>> {
        let pool = self.pool.clone();
        self.answer(async move { ask_twice(&pool, &question).await })
    }

    /// The same for what must not be asked twice, because the second answer would hide what the first one did. When the
    /// connection is lost, nobody knows whether it was done.
    pub fn ask_once<T: Send + 'static>(
        &self,
        question: impl Fn(&mut Object) -> Asking<'_, T> + Send + Sync + 'static,
    ) -> BoxFuture<'static, Result<T, Unanswered>> {
        let pool = self.pool.clone();
        self.answer(async move { Ok(ask_on_one(&pool, &question).await?) })
    }

    fn answer<T: Send + 'static>(
        &self,
        asking: impl Future<Output = Result<T, Unanswered>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, Unanswered>> {
        let Ok(permit) = self.waiting.clone().try_acquire_owned() else {
            return Box::pin(std::future::ready(Err(Unanswered::Unavailable)));
        };
        let (reply, answer) = oneshot::channel();
        self.runtime().spawn(async move {
            let answer = asking.await;
            drop(permit);
            // Whoever asked may have gone meanwhile.
            drop(reply.send(answer));
        });
        Box::pin(async { answer.await.unwrap_or(Err(Unanswered::Unavailable)) })
    }

    /// As [`Database::ask`], blocking the caller for the way there and back, and at most [`BLOCKING_WITHIN`]. Once the
    /// database was silent for so long, the answer is no at once for [`REFUSED_FOR`].
    pub fn ask_now<T: Send + 'static>(
        &self,
        question: impl Fn(&mut Object) -> Asking<'_, T> + Send + Sync + 'static,
    ) -> Result<T, Unanswered> {
        if self.refused_until.lock().is_some_and(|until| Instant::now() < until) {
            return Err(Unanswered::Unavailable);
        }
        let (pool, (reply, answer)) = (self.pool.clone(), std::sync::mpsc::sync_channel(1));
        self.runtime().spawn(async move {
            // Whoever asked may have given up.
            drop(reply.send(ask_twice(&pool, &question).await));
        });
        answer.recv_timeout(BLOCKING_WITHIN).unwrap_or_else(|_| {
            *self.refused_until.lock() = Some(Instant::now() + REFUSED_FOR);
            Err(Unanswered::Unavailable)
        })
    }
}

/// Makes the pool's connections.
struct Connecting(Address);

impl Connect for Connecting {
    fn connect(&self, _: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        Box::pin(async {
            let mut driver = None;
            match connect(&self.0, |messages| driver = Some(tokio::spawn(ignore(messages)))).await {
                Ok(client) => Ok((client, driver.expect("a connection comes with what drives it"))),
                Err(NoAnswer::Said(error)) => Err(error),
                // The driver has no error for it. The pool has waited as long by now, and has one.
                Err(NoAnswer::Silent) => std::future::pending().await,
            }
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Drops may happen on a thread that must not block; connections end by themselves.
            runtime.shutdown_background();
        }
    }
}

async fn ask_twice<T>(pool: &Pool, question: &(impl Fn(&mut Object) -> Asking<'_, T> + Sync)) -> Result<T, Unanswered> {
    match ask_on_one(pool, question).await {
        Err(Failed::Lost) => Ok(ask_on_one(pool, question).await?),
        answered => Ok(answered?),
    }
}

enum Failed {
    /// The connection is gone.
    Lost,
    Unanswered(Unanswered),
}

impl From<Failed> for Unanswered {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Lost => Self::Unavailable,
            Failed::Unanswered(why) => why,
        }
    }
}

async fn ask_on_one<T>(pool: &Pool, question: &(impl Fn(&mut Object) -> Asking<'_, T> + Sync)) -> Result<T, Failed> {
    let mut client = pool.get().await.map_err(|error| {
        tracing::warn!(error = explained(&error), "there is no connection to the database");
        Failed::Unanswered(Unanswered::Unavailable)
    })?;
    match tokio::time::timeout(ANSWER_WITHIN, question(&mut client)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) if client.is_closed() => Err(Failed::Lost),
        Ok(Err(why)) => Err(Failed::Unanswered(why)),
        Err(_) => {
            // Nobody knows what this connection still does; it must not come back to the pool.
            drop(Object::take(client));
            tracing::warn!("the database is silent");
            Err(Failed::Unanswered(Unanswered::Unavailable))
        }
    }
}
