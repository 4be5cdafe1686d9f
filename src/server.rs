//! The HTTP server of a node: what answers under which path. For `palabre serve` and for tests alike.

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, middleware, web};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tracing_actix_web::TracingLogger;

use crate::actors::directory::host_actors_here;
use crate::chat::socket;
use crate::http;
use crate::http::problem::Problem;
use crate::http::whole::whole;
use crate::platform::Platform;
use crate::tcp::Arrivals;
use crate::telemetry::requests::RequestSpan;

/// How long sockets and requests may take to end.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(10);

/// A server that listens. It answers while [`Listening::server`] is awaited.
pub struct Listening {
    /// To be awaited, and stopped by its handle.
    pub server: Server,
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
}

/// Listens where the settings say.
pub fn listen(platform: &Arc<Platform>) -> std::io::Result<Listening> {
    let (listen, workers) = (platform.config.listen, platform.config.workers.max(1));
    let shared = web::Data::from(platform.clone());
    let arrivals = Arrivals::new(&platform.config);
    let server = HttpServer::new(move || {
        // Called once on each thread that serves.
        host_actors_here();
        // Outside of what is wrapped: middleware lives as long as the answer, which here is as long as the socket, and
        // would hold memory for every idle one.
        let chat = web::resource("/ws").route(web::get().to(socket::open)).default_service(web::to(only_get));
        let api = web::scope("")
            .wrap(middleware::Compress::default())
            .wrap(middleware::from_fn(whole))
            .wrap(TracingLogger::<RequestSpan>::new())
            .configure(http::routes);
        App::new().app_data(shared.clone()).service(chat).service(api)
    })
    .on_connect(move |connection, data| arrivals.take(connection, data))
    .workers(workers)
    .shutdown_timeout(SHUTDOWN_WITHIN.as_secs())
    .disable_signals()
    .bind(listen)
    .map_err(|error| std::io::Error::new(error.kind(), format!("cannot listen on {listen}: {error}")))?;
    let addresses = server.addrs();
    Ok(Listening { server: server.run(), addresses })
}

async fn only_get() -> Result<HttpResponse, Problem> {
    Err(Problem::method_not_allowed("GET"))
}
