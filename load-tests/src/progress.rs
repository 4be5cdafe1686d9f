//! Progress of what takes a while, shown to whoever waits.

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar for `count` things.
pub fn bar(count: usize, what: &'static str) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}")?;
    Ok(ProgressBar::new(count as u64).with_style(style).with_message(what))
}
