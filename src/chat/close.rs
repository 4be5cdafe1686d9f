//! Why a connection is closed: codes and names of the protocol, with what the client should do.
//!
//! 4000 to 4499 say: reconnect with jitter, then resume. 4500 to 4999 say: stop.

/// The shortest wait that is advised, in milliseconds.
pub const RETURN_MS_MIN: u64 = 250;
/// The longest one.
pub const RETURN_MS_MAX: u64 = 5_000;

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
    /// All of them, by code.
    pub const ALL: [Self; 14] = [
        Self::Goodbye,
        Self::BrokenProtocol,
        Self::Binary,
        Self::NotUtf8,
        Self::TooLong,
        Self::Shutdown,
        Self::Slow,
        Self::NoPong,
        Self::Gap,
        Self::Overloaded,
        Self::NotSignedIn,
        Self::Revoked,
        Self::Version,
        Self::Misbehaving,
    ];

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

    /// The reason that comes with the code, for the connection with this `number`: the name and, where all clients meet
    /// it at the same moment, how long this one should wait, so that they do not all come back at once.
    pub fn reason(self, number: u64) -> String {
        if !matches!(self, Self::Shutdown | Self::Overloaded) {
            return self.name().to_owned();
        }
        // Multiples of the golden ratio spread evenly, whatever numbers are open.
        let lot = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let wait_ms = RETURN_MS_MIN + ((lot * (RETURN_MS_MAX - RETURN_MS_MIN)) >> 32);
        format!("{} retry_after_ms={wait_ms}", self.name())
    }

    /// Whether what waits is dropped, because the peer does not take it or may no longer have it.
    pub fn is_at_once(self) -> bool {
        matches!(self, Self::Slow | Self::NoPong | Self::Revoked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_sent_away_together_come_back_apart() {
        let wait = |number: u64| {
            let reason = Close::Shutdown.reason(number);
            reason.strip_prefix("shutdown retry_after_ms=").unwrap().parse::<u64>().unwrap()
        };
        let mut buckets = [0; 10];
        for number in 1..=1_000 {
            assert!((RETURN_MS_MIN..RETURN_MS_MAX).contains(&wait(number)));
            buckets[usize::try_from((wait(number) - RETURN_MS_MIN) * 10 / (RETURN_MS_MAX - RETURN_MS_MIN)).unwrap()] +=
                1;
        }
        assert!(buckets.iter().all(|count| (80..=120).contains(count)), "{buckets:?}");
        assert_eq!(Close::Slow.reason(7), "slow");
    }
}
