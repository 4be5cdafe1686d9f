//! Opening sealed values while folding. What was erased is absent; a vault that does not answer stops the batch, to be
//! folded later; a box that does not match its key stops the projection.

use palabre_events::sealed::CannotOpen;
use palabre_events::{Opener, Sealable, Sealed};

use crate::FoldError;

/// What is in the box; `None` when its key was destroyed.
pub(crate) fn open<T: Sealable>(sealed: &Sealed<T>, opener: &dyn Opener) -> Result<Option<T>, FoldError> {
    match sealed.open(opener) {
        Ok(content) => Ok(Some(content)),
        Err(CannotOpen::Erased) => Ok(None),
        Err(CannotOpen::Unavailable) => Err(FoldError::VaultUnavailable),
        Err(CannotOpen::Forged) => {
            Err(FoldError::DoesNotFit(format!("a sealed {} does not match its key {}", T::PURPOSE, sealed.key)))
        }
    }
}

/// What is in the box, where there is one; `None` when there is none or its key was destroyed.
pub(crate) fn open_option<T: Sealable>(
    sealed: Option<&Sealed<T>>,
    opener: &dyn Opener,
) -> Result<Option<T>, FoldError> {
    sealed.map_or(Ok(None), |sealed| open(sealed, opener))
}
