//! Several nodes on one PostgreSQL and one Redis, behind a balancer. Every connection goes by a way that can be made worse.

use anyhow::{Context as _, Result};
use palabre_load_tests::relay::{Filters, Relay};
use palabre_load_tests::server::Server;
use palabre_load_tests::services::postgres::PostgresServer;
use palabre_load_tests::services::redis::RedisServer;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use tokio::sync::{Mutex, MutexGuard};

/// A node and its ways to what all nodes share.
pub struct Node {
    /// The node.
    pub server: Server,
    /// Its way to PostgreSQL.
    pub to_postgres: Relay,
    /// Its way to Redis.
    pub to_redis: Relay,
}

/// The whole of it. Each part is locked while something is done to it.
pub struct Cluster {
    /// The nodes.
    pub nodes: Vec<Mutex<Node>>,
    /// The log and the vault.
    pub postgres: Mutex<PostgresServer>,
    /// The fast path between nodes.
    pub redis: Mutex<RedisServer>,
    /// Where the clients connect.
    pub balancer: Relay,
}

impl Cluster {
    /// Starts all of it.
    pub async fn start(binary: &Path, nodes: usize, filters: Option<Filters>) -> Result<Self> {
        let (postgres, redis) = tokio::task::block_in_place(|| (PostgresServer::start(), RedisServer::start()));
        let database = postgres.fresh_database_over_tcp();
        let postgres_at = SocketAddr::from((Ipv4Addr::LOCALHOST, postgres.port()));
        let redis_at: SocketAddr = redis.url().trim_start_matches("redis://").trim_end_matches('/').parse()?;
        let (mut started, mut addresses) = (Vec::new(), Vec::new());
        for _ in 0..nodes {
            let (to_postgres, to_redis) = (Relay::to(postgres_at).await?, Relay::to(redis_at).await?);
            let mut server = Server::new(binary.to_owned())?;
            server.lift_limits();
            server
                .set("PALABRE_STORE", &database.replace(&postgres_at.to_string(), &to_postgres.address().to_string()));
            server.set("PALABRE_REDIS", &format!("redis://{}/", to_redis.address()));
            server.start().await?;
            addresses.push(server.address());
            started.push(Mutex::new(Node { server, to_postgres, to_redis }));
        }
        let balancer = Relay::balance(&addresses, filters).await?;
        Ok(Self { nodes: started, postgres: Mutex::new(postgres), redis: Mutex::new(redis), balancer })
    }

    /// Waits until every node says that it is well.
    pub async fn wait_until_ready(&self) -> Result<()> {
        for (number, node) in self.nodes.iter().enumerate() {
            node.lock().await.server.wait_until_ready().await.with_context(|| format!("node {number}"))?;
        }
        Ok(())
    }

    /// Fails when a node has ended by itself.
    pub async fn check(&self) -> Result<()> {
        for (number, node) in self.nodes.iter().enumerate() {
            node.lock().await.server.check().with_context(|| format!("node {number}"))?;
        }
        Ok(())
    }

    /// The node of that number.
    pub async fn node(&self, number: usize) -> MutexGuard<'_, Node> {
        self.nodes[number].lock().await
    }

    /// What each node said last.
    pub async fn last_words(&self) -> String {
        let mut words = String::new();
        for (number, node) in self.nodes.iter().enumerate() {
            let tail = node.lock().await.server.log_tail().unwrap_or_default();
            words += &format!("The last that node {number} said:\n{tail}\n");
        }
        words
    }
}
