//! The last steps that all commands share: keys at hand, fingerprint, submission.

use palabre_events::log::KeyedCommand;
use palabre_events::sealed::{KeyId, Sealable};
use palabre_events::shell::{Answer, Submission};
use palabre_events::{Actor, CommandKey, ExactPlace, Place, Sealed, StreamId};
use serde::Serialize;
use uuid::Uuid;

use super::ask::{Asked, Refusal};
use crate::actors::directory::Listed;
use crate::places::Places;
use crate::platform::Platform;

impl Platform {
    /// Has an aggregate decide what `asked` asks. `body` is what the client wrote: the same key with another body is
    /// noticed by it.
    pub(super) async fn submit<A: Listed>(
        &self,
        asked: &Asked,
        stream: impl Into<StreamId>,
        body: &impl Serialize,
        command: A::Command,
    ) -> Result<Answer<A::Rejection>, Refusal> {
        let stream = stream.into();
        let written = serde_json::to_vec(&(stream, body)).expect("bodies of commands are plain JSON");
        let account = asked.account;
        self.keys_at_hand(&[KeyId::Person(account)]).await?;
        let fingerprint = self.keyring.fingerprint(account, &written).map_err(|_| Refusal::Unavailable)?;
        let command_id = Uuid::now_v7();
        let submission = Submission {
            command,
            by: Actor::Person(account),
            key: Some(KeyedCommand { account, key: asked.key, fingerprint }),
            command_id,
            correlation_id: command_id,
            causation_id: None,
            traceparent: asked.traceparent.clone(),
            now: crate::clock::now(),
        };
        Ok(self.directory.submit::<A>(stream, submission).await)
    }

    /// Loads or makes data keys, so that sealing needs no waiting.
    pub(super) async fn keys_at_hand(&self, keys: &[KeyId]) -> Result<(), Refusal> {
        self.keyring.ready(keys).await.map_err(|failure| {
            tracing::warn!(%failure, "the vault does not answer");
            Refusal::Unavailable
        })
    }

    /// Seals a place with a key that is at hand; its town stays clear, and comes from the gazetteer.
    pub(super) fn seal_place(&self, key: KeyId, exact: &ExactPlace) -> Result<Place, Refusal> {
        let town = Places::embedded().town_of(exact.point).map(str::to_owned);
        Ok(Place { town, exact: self.seal(key, exact)? })
    }

    /// Seals `value` with a key that is at hand.
    pub(super) fn seal<T: Sealable>(&self, key: KeyId, value: &T) -> Result<Sealed<T>, Refusal> {
        self.keyring.seal(key, value).map_err(|_| Refusal::Unavailable)
    }
}

/// The key of a further command within one that people see as one: the same time, other random bits.
pub(super) fn sub_key(key: CommandKey, number: u8) -> CommandKey {
    let mut bytes = *key.0.as_bytes();
    bytes[15] ^= number;
    CommandKey(Uuid::from_bytes(bytes))
}
