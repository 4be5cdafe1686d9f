//! What can happen to a cluster, and how it passes.

use anyhow::Result;
use clap::ValueEnum;
use palabre_load_tests::relay::Relay;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::fmt;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::sleep;

use crate::cluster::Cluster;

/// Something that happens, and passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Fault {
    /// A node is killed and started again.
    NodeKilled,
    /// All nodes are killed at once and started again.
    AllNodesKilled,
    /// A node is asked to stop, and started again.
    NodeStopped,
    /// A node stands still for a while.
    NodePaused,
    /// Redis is gone for a while; the next one knows nothing.
    RedisKilled,
    /// Redis stands still for a while.
    RedisPaused,
    /// Redis forgets everything.
    RedisFlushed,
    /// Redis is another one from one moment to the next.
    RedisReplaced,
    /// Redis cuts everybody who listens.
    ListenersCut,
    /// PostgreSQL is killed and started again.
    PostgresRestarted,
    /// A node loses its connections to PostgreSQL.
    PostgresCut,
    /// A node's way to PostgreSQL is slow.
    PostgresDelayed,
    /// A node's way to PostgreSQL lets nothing through.
    PostgresStalled,
    /// A node loses its connections to Redis.
    RedisCut,
    /// A node's way to Redis is slow.
    RedisDelayed,
    /// A node's way to Redis lets nothing through.
    RedisStalled,
    /// Some clients lose their connections.
    ClientsCut,
    /// The clients' way is slow.
    ClientsDelayed,
    /// All clients lose their connections, again and again, and all come back at once.
    ReconnectStorm,
}

/// The part of a cluster that a fault is about: two faults at once are about two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The nodes.
    Nodes,
    /// Redis and the ways to it.
    Redis,
    /// PostgreSQL and the ways to it.
    Postgres,
    /// The way of the clients.
    Clients,
}

/// From when on delivery is to be whole again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// From its beginning: others must take over.
    FromItsBeginning,
    /// From when it has passed.
    FromItsEnd,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("all of them can be chosen");
        f.write_str(value.get_name())
    }
}

impl Fault {
    /// How often it comes, compared with the others.
    pub fn weight(self) -> u32 {
        match self {
            Self::NodeKilled | Self::RedisKilled => 3,
            Self::NodePaused => 2,
            _ => 1,
        }
    }

    /// What it is about.
    pub fn part(self) -> Part {
        use Fault::*;
        match self {
            NodeKilled | AllNodesKilled | NodeStopped | NodePaused => Part::Nodes,
            RedisKilled | RedisPaused | RedisFlushed | RedisReplaced | ListenersCut | RedisCut | RedisDelayed
            | RedisStalled => Part::Redis,
            PostgresRestarted | PostgresCut | PostgresDelayed | PostgresStalled => Part::Postgres,
            ClientsCut | ClientsDelayed | ReconnectStorm => Part::Clients,
        }
    }

    /// Whether Redis was away, for all nodes or for one of them.
    pub fn takes_redis_away(self) -> bool {
        matches!(self, Self::RedisKilled | Self::RedisPaused | Self::RedisReplaced | Self::RedisStalled)
    }

    /// From when on delivery counts.
    pub fn counts(self) -> Counts {
        match self {
            Self::NodeKilled => Counts::FromItsBeginning,
            _ => Counts::FromItsEnd,
        }
    }

    /// Lets it happen to `cluster`, and pass. `begun` is called once it is there.
    pub async fn strike(self, cluster: &Cluster, seed: u64, begun: impl FnOnce()) -> Result<()> {
        let mut rng = StdRng::seed_from_u64(seed);
        let a_while = Duration::from_millis(rng.random_range(50..2_500));
        let number = rng.random_range(0..cluster.nodes.len());
        let slow = Duration::from_millis(rng.random_range(20..200));
        match self {
            Self::NodeKilled => {
                let mut node = cluster.node(number).await;
                node.server.kill()?;
                begun();
                sleep(a_while).await;
                node.server.start().await?;
            }
            Self::AllNodesKilled => {
                for number in 0..cluster.nodes.len() {
                    cluster.node(number).await.server.kill()?;
                }
                begun();
                for number in 0..cluster.nodes.len() {
                    cluster.node(number).await.server.spawn()?;
                }
                cluster.wait_until_ready().await?;
            }
            Self::NodeStopped => {
                let mut node = cluster.node(number).await;
                node.server.stop().await?;
                begun();
                sleep(a_while).await;
                node.server.start().await?;
            }
            Self::NodePaused => {
                let node = cluster.node(number).await;
                node.server.pause()?;
                begun();
                sleep(a_while * 2).await;
                node.server.resume()?;
            }
            Self::RedisKilled => {
                let redis = cluster.redis.lock().await;
                block_in_place(|| redis.kill());
                begun();
                sleep(a_while).await;
                block_in_place(|| redis.start_again());
            }
            Self::RedisPaused => {
                let redis = cluster.redis.lock().await;
                block_in_place(|| redis.pause());
                begun();
                sleep(a_while).await;
                block_in_place(|| redis.resume());
            }
            Self::RedisFlushed => {
                let redis = cluster.redis.lock().await;
                block_in_place(|| redis.command("FLUSHALL"));
                begun();
            }
            Self::RedisReplaced => {
                let redis = cluster.redis.lock().await;
                block_in_place(|| {
                    redis.kill();
                    redis.start_again();
                });
                begun();
            }
            Self::ListenersCut => {
                let redis = cluster.redis.lock().await;
                block_in_place(|| redis.command("CLIENT KILL TYPE pubsub"));
                begun();
            }
            Self::PostgresRestarted => {
                let postgres = cluster.postgres.lock().await;
                begun();
                block_in_place(|| postgres.restart());
            }
            Self::PostgresCut => cut(&cluster.node(number).await.to_postgres, begun),
            Self::PostgresDelayed => delay(&cluster.node(number).await.to_postgres, slow / 4, a_while, begun).await,
            Self::PostgresStalled => stall(&cluster.node(number).await.to_postgres, a_while, begun).await,
            Self::RedisCut => cut(&cluster.node(number).await.to_redis, begun),
            Self::RedisDelayed => delay(&cluster.node(number).await.to_redis, slow, a_while, begun).await,
            Self::RedisStalled => stall(&cluster.node(number).await.to_redis, a_while, begun).await,
            Self::ClientsCut => {
                let share = rng.random_range(0.1..0.9);
                cluster.balancer.cut(|| rng.random_bool(share));
                begun();
            }
            Self::ClientsDelayed => delay(&cluster.balancer, slow, a_while, begun).await,
            Self::ReconnectStorm => {
                begun();
                for _ in 0..rng.random_range(2..8) {
                    cluster.balancer.cut(|| true);
                    sleep(a_while / 10).await;
                }
            }
        }
        Ok(())
    }
}

fn cut(way: &Relay, begun: impl FnOnce()) {
    way.cut(|| true);
    begun();
}

async fn delay(way: &Relay, by: Duration, a_while: Duration, begun: impl FnOnce()) {
    way.delay(by);
    begun();
    sleep(a_while).await;
    way.delay(Duration::ZERO);
}

async fn stall(way: &Relay, a_while: Duration, begun: impl FnOnce()) {
    way.stall(true);
    begun();
    sleep(a_while).await;
    way.stall(false);
}
