//! The contract of letters.

use futures_util::future::join_all;
use std::sync::Arc;
use uuid::Uuid;

use super::{at, somebody};
use crate::vault::letters::LETTERS_MAX;
use crate::vault::{KeptLetter, LetterKind, Vault};

pub(super) async fn hold(vault: &Arc<dyn Vault>) {
    a_letter_is_kept_once_until_it_is_dropped(vault).await;
    those_that_are_due_come_in_their_order(vault).await;
    more_than_so_many_are_refused(vault).await;
}

fn letter(kind: LetterKind, due_at: i64) -> KeptLetter {
    let (id, account) = (Uuid::now_v7(), somebody().account);
    KeptLetter { id, account, kind, about: at(0), attempts: 0, due_at: at(due_at) }
}

async fn a_letter_is_kept_once_until_it_is_dropped(vault: &Arc<dyn Vault>) {
    for kind in LetterKind::ALL {
        let letter = letter(kind, 5);
        for _ in 0..2 {
            assert_eq!(vault.keep_letter(letter).await, Ok(true));
        }
        assert_eq!(vault.letters_due(at(4), 10).await, Ok(vec![]));
        assert_eq!(vault.letters_due(at(5), 10).await, Ok(vec![letter]));
        for _ in 0..2 {
            vault.drop_letter(letter.id).await.unwrap();
        }
        assert_eq!(vault.letters_due(at(5), 10).await, Ok(vec![]));
    }
}

async fn those_that_are_due_come_in_their_order(vault: &Arc<dyn Vault>) {
    let letters = [3, 1, 2].map(|due_at| letter(LetterKind::PasswordReset, due_at));
    for letter in letters {
        assert_eq!(vault.keep_letter(letter).await, Ok(true));
    }
    assert_eq!(vault.letters_due(at(3), 2).await, Ok(vec![letters[1], letters[2]]));
    vault.put_off_letter(letters[1].id, 1, at(9)).await.unwrap();
    assert_eq!(vault.letters_due(at(8), 10).await, Ok(vec![letters[2], letters[0]]));
    let put_off = KeptLetter { attempts: 1, due_at: at(9), ..letters[1] };
    assert_eq!(vault.letters_due(at(9), 10).await, Ok(vec![letters[2], letters[0], put_off]));
    drop_all(vault, &letters).await;
}

async fn more_than_so_many_are_refused(vault: &Arc<dyn Vault>) {
    let letters: Vec<_> = (0..LETTERS_MAX).map(|_| letter(LetterKind::PasswordChanged, 0)).collect();
    for some in letters.chunks(100) {
        let kept = join_all(some.iter().map(|letter| vault.keep_letter(*letter))).await;
        assert!(kept.into_iter().all(|kept| kept == Ok(true)));
    }
    let too_many = letter(LetterKind::PasswordReset, 0);
    assert_eq!(vault.keep_letter(too_many).await, Ok(false));
    assert_eq!(vault.keep_letter(letters[0]).await, Ok(true), "it is there already");
    vault.drop_letter(letters[0].id).await.unwrap();
    assert_eq!(vault.keep_letter(too_many).await, Ok(true));
    drop_all(vault, &letters).await;
    drop_all(vault, &[too_many]).await;
}

async fn drop_all(vault: &Arc<dyn Vault>, letters: &[KeptLetter]) {
    for some in letters.chunks(100) {
        assert!(join_all(some.iter().map(|letter| vault.drop_letter(letter.id))).await.iter().all(Result::is_ok));
    }
}
