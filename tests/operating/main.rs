//! What operators rely on: the image, the page that tells them everything, spans at a collector, several nodes
//! at once, and stopping in order.

#[expect(dead_code, reason = "other test programs use more of it")]
#[path = "../chat/client.rs"]
mod client;
mod cluster;
mod image;
mod page;
#[expect(dead_code, reason = "other test programs use more of it")]
#[path = "../support/process.rs"]
mod process;
mod spans;
mod stopping;
#[expect(dead_code, reason = "other test programs use more of it")]
#[path = "../support/mod.rs"]
mod support;
mod together;
