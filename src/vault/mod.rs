//! The vault: what must be shared and must be forgettable.
