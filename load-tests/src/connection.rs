//! One WebSocket connection that speaks `palabre.v1`, from the upgrade to the close. It does not reconnect: that is
//! [`crate::chat`].

use anyhow::{Context, Result, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// The subprotocol.
pub const PROTOCOL: &str = "palabre.v1";
/// How long opening may take, the server's welcome included.
const OPEN_BOUND: Duration = Duration::from_secs(10);

/// One open connection.
pub struct Connection {
    socket: WebSocketStream<TcpStream>,
    /// What the server said first.
    pub welcome: Value,
}

impl Connection {
    /// Connects, upgrades and waits for the welcome.
    pub async fn open(server: SocketAddr, token: &str) -> Result<Self> {
        tokio::time::timeout(OPEN_BOUND, Self::open_without_bound(server, token)).await.context("no welcome in time")?
    }

    async fn open_without_bound(server: SocketAddr, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{server}/ws").into_client_request()?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?);
        let (socket, _) = client_async(request, stream).await?;
        let mut connection = Self { socket, welcome: Value::Null };
        let welcome = connection.next().await?.context("closed before the welcome")?;
        ensure!(welcome["type"] == "welcome", "the first frame is no welcome: {welcome}");
        Ok(Self { welcome, ..connection })
    }

    /// Sends one frame.
    pub async fn send(&mut self, frame: &str) -> Result<()> {
        Ok(self.socket.send(Message::text(frame)).await?)
    }

    /// The next frame; none when the server has closed. Safe to cancel. Pings are answered underneath.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        while let Some(message) = self.socket.next().await {
            match message? {
                Message::Text(text) => return Ok(Some(serde_json::from_str(&text).context("a frame is JSON")?)),
                Message::Close(_) => return Ok(None),
                Message::Ping(_) | Message::Pong(_) => {}
                other => anyhow::bail!("not a text frame: {other:?}"),
            }
        }
        Ok(None)
    }

    /// Says goodbye. The connection may be broken already, which is no matter any more.
    pub async fn close(mut self) {
        self.socket.close(None).await.ok();
    }
}
