//! What tests build on: people and ids that read well, sample commands and events, and given-when-then.
//!
//! Only tests see it: it is compiled for this crate's own tests and, for those of other crates, behind the feature
//! `testing`. Boxes made here hold plain text; nothing is encrypted.

pub mod examples;
pub mod given;
pub mod model_log;
pub mod people;
pub mod play;
pub mod samples;
pub mod seal;

pub use examples::examples;
pub use given::{Given, When};
pub use model_log::ModelLog;
pub use people::*;
pub use play::{Step, play};
pub use samples::*;
pub use seal::{PlainOpener, sealed};
