//! What people change about themselves: the name that others see, and the language to write to them in.

use palabre_events::StreamId;
use palabre_events::account::{Account, AccountCommand, Language, ProfileChanged};
use palabre_events::sealed::KeyId;
use serde::{Deserialize, Serialize};

use super::ask::{Asked, Done, Refusal, done};
use crate::accounts::check_name;
use crate::platform::Platform;
use crate::wire::words;

/// What to change; absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChangeProfile {
    /// The name that others see, 1 to 80 characters.
    pub name: Option<String>,
    /// In which language to write to them: `fr` or `en`.
    #[schema(value_type = Option<words::Language>, example = "fr")]
    pub language: Option<Language>,
}

/// Changes what others see.
pub async fn change(platform: &Platform, asked: Asked, change: ChangeProfile) -> Result<Done, Refusal> {
    let name = change.name.as_deref().map(check_name).transpose().map_err(|wrong| Refusal::Invalid(vec![wrong]))?;
    let (account, key) = (asked.account, KeyId::Person(asked.account));
    platform.keys_at_hand(&[key]).await?;
    let name = name.map(|name| platform.seal(key, &name)).transpose()?;
    let changed = ProfileChanged { account, name, language: change.language };
    let command = AccountCommand::ChangeProfile(Box::new(changed));
    let stream = StreamId::account(account);
    let done = done(platform.submit::<Account>(&asked, stream, &("profile", &change), command).await?)?;
    if let Some(language) = change.language {
        // Mail goes by the vault. When this fails, the same key sets it again.
        platform.accounts.set_language(account, language).await.map_err(|_| Refusal::Unavailable)?;
    }
    Ok(done)
}
