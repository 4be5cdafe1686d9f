//! `hostile`: clients that mean no good, one kind after the other, while others talk steadily. Shows what these notice, and
//! what the server holds meanwhile and afterwards.
//!
//! Ends with 1 when a kind is not answered as it should be, when memory grows beyond what such clients may cost, or when
//! a message of the others is lost. How long messages take is told and not judged: that depends on the machine.

mod crowd;
mod dribbling;
mod huge;
mod report;
mod silent;
mod sipping;
mod visit;
mod world;

use anyhow::Result;
use clap::Parser;
use palabre_load_tests::server::{self, Server};
use palabre_load_tests::talk::rooms::{self, Room};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::report::Figures;
use crate::world::World;

/// Puts a server under clients that never read, dribble, declare too much or come by thousands, while others talk.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The server's program; default: the one beside this one.
    #[arg(long)]
    palabre: Option<PathBuf>,
    /// Seconds of steady talk before each kind of client, and at least as many under it.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Conversations of two in which others talk.
    #[arg(long, default_value_t = 50)]
    conversations: usize,
    /// Messages a second of the others.
    #[arg(long, default_value_t = 60)]
    rate: u32,
    /// Hostile clients of each kind but the last.
    #[arg(long, default_value_t = 20)]
    clients: usize,
    /// Connections from one address.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    server::raise_open_files()?;
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(run(&arguments))
}

async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut server = Server::new(server::binary(arguments.palabre.as_deref())?)?;
    let mut figures = Figures::begin();
    match measure(arguments, &mut server, &mut figures).await {
        Ok(()) => {
            let markdown = figures.markdown();
            println!("\n{markdown}");
            palabre_load_tests::report::write("hostile", &figures, &markdown)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            println!("\n  ✗ {error:#}\n\nThe last that the server said:\n{}", server.log_tail().unwrap_or_default());
            println!("Its directory is kept: {}", server.keep()?.display());
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn measure(arguments: &Arguments, server: &mut Server, figures: &mut Figures) -> Result<()> {
    server.lift_limits();
    server.start().await?;
    let mut rooms = rooms::pairs(server.address(), arguments.conversations + arguments.clients).await?;
    let hostile = rooms.split_off(arguments.conversations);
    let (clients, connections) = (hostile.len(), arguments.connections);

    let unchanged = |_: &mut Server| {};
    let world = begin(arguments, server, &rooms, Server::unset_all).await?;
    // Both on one server: what talk itself fills, such as caches, is full before memory is watched for the second.
    figures.push(world.under(silent::READ, clients, silent::read(&world, &hostile)).await?);
    figures.push(world.under(silent::NEVER_READ, clients, silent::never_read(&world, &hostile)).await?);
    drop(world);
    let world = begin(arguments, server, &rooms, unchanged).await?;
    figures.push(world.under(huge::FRAMES, clients, huge::frames(&world, &hostile)).await?);
    drop(world);
    let world = begin(arguments, server, &rooms, unchanged).await?;
    figures.push(world.under(crowd::REFUSED, connections, crowd::refused(&world, &hostile, connections)).await?);
    drop(world);

    // Silence is noticed after 2.4 times as long.
    let world = begin(arguments, server, &rooms, |server| server.set("PALABRE_PING_EVERY_S", "2")).await?;
    figures.push(world.under(silent::ASK_AND_NEVER_READ, clients, silent::ask_and_never_read(&world, &hostile)).await?);
    drop(world);
    let world = begin(arguments, server, &rooms, unchanged).await?;
    figures.push(world.under(dribbling::REQUESTS, clients, dribbling::requests(&world, clients)).await?);
    drop(world);
    let world = begin(arguments, server, &rooms, unchanged).await?;
    figures.push(world.under(dribbling::FRAMES, clients, dribbling::frames(&world, &hostile)).await?);
    drop(world);

    let capped = |server: &mut Server| {
        server.unset_all();
        server.lift_limits();
        server.unset("PALABRE_SOCKETS_PER_ADDRESS");
    };
    let world = begin(arguments, server, &rooms, capped).await?;
    figures
        .push(world.under(crowd::TOO_MANY, connections, crowd::beyond_the_cap(&world, &hostile, connections)).await?);
    drop(world);
    let world = begin(arguments, server, &rooms, unchanged).await?;
    let sipping = sipping::CONNECTIONS_PER_ADDRESS * 2;
    figures.push(world.under(sipping::ANSWERS, sipping, sipping::answers(&world)).await?);
    drop(world);

    let world = begin(arguments, server, &rooms, Server::lift_limits).await?;
    figures.push(world.under(crowd::LET_IN, connections, crowd::all_are_let_in(&world, &hostile, connections)).await?);
    drop(world);
    server.stop().await
}

/// Starts the server again with `change`d settings, so that nothing is left of those who came before, and has the others
/// connect.
async fn begin<T>(
    arguments: &Arguments,
    server: &mut Server,
    rooms: &[Room],
    change: impl FnOnce(&mut Server) -> T,
) -> Result<World> {
    server.stop().await?;
    change(server);
    server.start().await?;
    World::begin(arguments, server, rooms).await
}
