//! What every vault must do, as tests that run against each adapter.

mod keys;

use std::sync::Arc;

use super::Vault;

/// Runs the whole contract against one empty vault.
pub(super) async fn holds_for(vault: Arc<dyn Vault>) {
    keys::hold(&vault).await;
}
