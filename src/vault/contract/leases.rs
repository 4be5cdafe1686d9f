//! The contract of leases.

use futures_util::future::join_all;
use std::sync::Arc;
use uuid::Uuid;

use super::at;
use crate::vault::{Acquired, Lease, Vault};

pub(super) async fn hold(vault: &Arc<dyn Vault>) {
    one_of_many_nodes_gets_the_lease(vault).await;
    a_lease_passes_on_when_it_is_over_and_the_former_holder_has_no_say_in_it(vault).await;
    a_holder_extends_its_lease(vault).await;
    a_lease_that_was_given_back_is_free_at_once(vault).await;
    leases_of_different_names_do_not_meet(vault).await;
}

async fn acquire(vault: &Arc<dyn Vault>, name: &'static str, holder: u128, from: i64, until: i64) -> Option<Lease> {
    match vault.acquire_lease(name, Uuid::from_u128(holder), at(from), at(until)).await.unwrap() {
        Acquired::Held(lease) => Some(lease),
        Acquired::HeldByAnother { until } => {
            assert!(until > at(from));
            None
        }
    }
}

async fn one_of_many_nodes_gets_the_lease(vault: &Arc<dyn Vault>) {
    let answers = join_all((1..=20).map(|node| acquire(vault, "contended", node, 0, 30))).await;
    assert_eq!(answers.into_iter().flatten().count(), 1);
}

async fn a_lease_passes_on_when_it_is_over_and_the_former_holder_has_no_say_in_it(vault: &Arc<dyn Vault>) {
    let first = acquire(vault, "passing", 1, 0, 30).await.unwrap();
    assert_eq!(acquire(vault, "passing", 2, 29, 60).await, None);
    let second = acquire(vault, "passing", 2, 30, 60).await.unwrap();
    assert!(second.term > first.term);
    assert_eq!(acquire(vault, "passing", 1, 31, 90).await, None);
    vault.release_lease(first).await.unwrap();
    assert_eq!(acquire(vault, "passing", 3, 59, 90).await, None);
}

async fn a_holder_extends_its_lease(vault: &Arc<dyn Vault>) {
    let lease = acquire(vault, "extended", 1, 0, 30).await.unwrap();
    assert_eq!(acquire(vault, "extended", 1, 29, 60).await, Some(Lease { until: at(60), ..lease }));
    assert_eq!(acquire(vault, "extended", 2, 59, 90).await, None);
    // Also when it was over and nobody else came.
    assert_eq!(acquire(vault, "extended", 1, 70, 100).await, Some(Lease { until: at(100), ..lease }));
}

async fn a_lease_that_was_given_back_is_free_at_once(vault: &Arc<dyn Vault>) {
    let first = acquire(vault, "returned", 1, 0, 30).await.unwrap();
    vault.release_lease(first).await.unwrap();
    let second = acquire(vault, "returned", 2, 1, 31).await.unwrap();
    assert!(second.term > first.term);
    // The same holder, too, begins a new term.
    vault.release_lease(second).await.unwrap();
    let third = acquire(vault, "returned", 2, 2, 32).await.unwrap();
    assert!(third.term > second.term);
}

async fn leases_of_different_names_do_not_meet(vault: &Arc<dyn Vault>) {
    assert!(acquire(vault, "expiry", 1, 0, 30).await.is_some());
    assert!(acquire(vault, "mail", 2, 0, 30).await.is_some());
}
