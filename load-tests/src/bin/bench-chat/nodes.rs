//! The servers that a run measures: one on the embedded store, or several nodes on one log in PostgreSQL, with Redis
//! between them or without.

use anyhow::{Context, Result};
use palabre_load_tests::procfs;
use palabre_load_tests::server::Server;
use palabre_load_tests::services::postgres::PostgresServer;
use palabre_load_tests::services::redis::RedisServer;
use palabre_load_tests::talk::measured::Spent;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One server, or several nodes.
pub struct Nodes {
    servers: Vec<Server>,
    services: Option<Services>,
}

/// What several nodes share.
#[derive(Clone)]
struct Services {
    postgres: Arc<PostgresServer>,
    store: String,
    /// Without it, nodes hear each other by the log alone.
    redis: Option<Arc<RedisServer>>,
}

impl Nodes {
    /// One server on the embedded store.
    pub async fn embedded(binary: &Path) -> Result<Self> {
        Self::start(binary, 1, None).await
    }

    /// `count` nodes on one log in a new PostgreSQL, with a new Redis between them.
    pub async fn joined(binary: &Path, count: usize) -> Result<Self> {
        let started = tokio::task::spawn_blocking(|| (PostgresServer::start(), RedisServer::start()));
        let (postgres, redis) = started.await.context("PostgreSQL and Redis start")?;
        let store = postgres.fresh_database();
        let services = Services { postgres: Arc::new(postgres), store, redis: Some(Arc::new(redis)) };
        Self::start(binary, count, Some(services)).await
    }

    /// Ends the nodes, and starts as many on the same log without Redis.
    pub async fn without_redis(mut self, binary: &Path) -> Result<Self> {
        for server in &mut self.servers {
            server.stop().await?;
        }
        let services = self.services.take().map(|services| Services { redis: None, ..services });
        Self::start(binary, self.servers.len(), services).await
    }

    async fn start(binary: &Path, count: usize, services: Option<Services>) -> Result<Self> {
        let mut servers = Vec::new();
        for _ in 0..count {
            let mut server = Server::new(binary.to_owned())?;
            server.lift_limits();
            if let Some(services) = &services {
                server.set("PALABRE_STORE", &services.store);
                if let Some(redis) = &services.redis {
                    server.set("PALABRE_REDIS", &redis.url());
                }
            }
            server.start().await?;
            servers.push(server);
        }
        Ok(Self { servers, services })
    }

    /// What the report calls them.
    pub fn name(&self) -> String {
        match &self.services {
            None => "palabre".to_owned(),
            Some(Services { redis: Some(_), .. }) => format!("{} nodes", self.servers.len()),
            Some(Services { redis: None, .. }) => format!("{} nodes, log alone", self.servers.len()),
        }
    }

    /// Where they listen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(Server::address).collect()
    }

    /// The first of them.
    pub fn first(&mut self) -> &mut Server {
        &mut self.servers[0]
    }

    /// Where their log lies, or beside it.
    pub fn log_folder(&self) -> PathBuf {
        let postgres = self.services.as_ref().and_then(|services| services.postgres.folder().parent());
        postgres.unwrap_or(self.servers[0].dir()).to_owned()
    }

    /// Processor seconds of all nodes, of PostgreSQL and of Redis.
    pub fn spent(&self) -> Result<Spent> {
        let mut spent = Spent::default();
        for server in &self.servers {
            spent.server += server.cpu_seconds()?;
        }
        if let Some(Services { postgres, redis, .. }) = &self.services {
            spent.postgres = procfs::family_cpu_seconds(postgres_pid(postgres)?)?;
            if let Some(redis) = redis {
                spent.redis = procfs::family_cpu_seconds(redis_pid(redis)?)?;
            }
        }
        Ok(spent)
    }

    /// Resident bytes of all nodes.
    pub fn resident_bytes(&self) -> Result<u64> {
        self.servers.iter().map(Server::resident_bytes).sum()
    }

    /// Keeps the directories and says where they are, and what each server said last.
    pub fn keep(self) -> Result<()> {
        for server in self.servers {
            println!("{}", server.log_tail()?);
            println!("the server's directory is kept: {}", server.keep()?.display());
        }
        Ok(())
    }
}

/// The first process of PostgreSQL, from which all others descend.
fn postgres_pid(postgres: &PostgresServer) -> Result<u32> {
    let text = std::fs::read_to_string(postgres.folder().join("data/postmaster.pid"))?;
    text.lines().next().and_then(|line| line.parse().ok()).context("postmaster.pid begins with the process id")
}

/// The process of Redis, which it tells itself.
fn redis_pid(redis: &RedisServer) -> Result<u32> {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).context("connecting to Redis")?;
    stream.write_all(b"INFO server\r\n")?;
    for line in BufReader::new(stream).lines() {
        if let Some(pid) = line?.strip_prefix("process_id:") {
            return pid.trim().parse().context("a process id is a number");
        }
    }
    anyhow::bail!("Redis does not say which process it is")
}
