//! What people ask for, from a request on the wire to a command of an aggregate: validate, authorise what needs the
//! views, seal, fingerprint, submit. The chat socket and the HTTP API both come through here, so that they agree.
//!
//! [`ask`] has who asks and what is answered, [`input`] the bodies, [`rides`], [`requests`], [`talk`], [`negotiation`] and
//! [`bookings`] the commands, [`patch`] a field that a change keeps, clears or sets,
//! [`words`] what is wrong with a field that cannot be read.

pub mod ask;
pub mod bookings;
mod check;
pub mod input;
pub mod negotiation;
pub mod patch;
pub mod profile;
pub mod requests;
pub mod rides;
mod submit;
pub mod talk;
pub mod words;

pub use ask::{Asked, Done, FieldError, Refusal};
pub use check::MESSAGE_CHARS_MAX;
