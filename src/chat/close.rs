//! Why a connection is closed: codes and names of the protocol, with what the client should do.
//!
//! 4000 to 4499 say: reconnect with jitter, then resume. 4500 to 4999 say: stop.

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    /// The client said goodbye.
    Goodbye,
    /// The server stops or restarts.
    Shutdown,
    /// The peer takes less than it is sent.
    Slow,
    /// Nothing came for [`super::watchdog::Pace::silent_after`].
    NoPong,
    /// Something committed could not be told in time.
    Gap,
    /// Too many connections.
    Overloaded,
    /// There is no session, or it has ended.
    NotSignedIn,
    /// The session was ended while connected.
    Revoked,
    /// The client speaks another version.
    Version,
    /// Too many unreadable frames.
    Misbehaving,
    /// The peer breaks the rules of WebSocket.
    BrokenProtocol,
    /// Binary frames are not spoken here.
    Binary,
    /// A text is not UTF-8.
    NotUtf8,
    /// A frame or message is too long.
    TooLong,
}

impl Close {
    /// The close code.
    pub fn code(self) -> u16 {
        match self {
            Self::Goodbye => 1000,
            Self::BrokenProtocol => 1002,
            Self::Binary => 1003,
            Self::NotUtf8 => 1007,
            Self::TooLong => 1009,
            Self::Shutdown => 4000,
            Self::Slow => 4001,
            Self::NoPong => 4002,
            Self::Gap => 4003,
            Self::Overloaded => 4004,
            Self::NotSignedIn => 4500,
            Self::Revoked => 4501,
            Self::Version => 4502,
            Self::Misbehaving => 4503,
        }
    }

    /// The name that comes with the code.
    pub fn name(self) -> &'static str {
        match self {
            Self::Goodbye => "",
            Self::BrokenProtocol => "broken_protocol",
            Self::Binary => "binary",
            Self::NotUtf8 => "not_utf8",
            Self::TooLong => "too_long",
            Self::Shutdown => "shutdown",
            Self::Slow => "slow",
            Self::NoPong => "no_pong",
            Self::Gap => "gap",
            Self::Overloaded => "overloaded",
            Self::NotSignedIn => "not_signed_in",
            Self::Revoked => "revoked",
            Self::Version => "version",
            Self::Misbehaving => "misbehaving",
        }
    }

    /// Whether all clients may meet it at the same moment, so that the server spreads their return.
    pub fn wants_jitter(self) -> bool {
        matches!(self, Self::Shutdown | Self::Overloaded)
    }

    /// Whether what waits is dropped, because the peer does not take it or may no longer have it.
    pub fn is_at_once(self) -> bool {
        matches!(self, Self::Slow | Self::NoPong | Self::Revoked)
    }
}
