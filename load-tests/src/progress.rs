//! Progress of what takes a while, shown to whoever waits.

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use std::borrow::Cow;
use std::time::{Duration, Instant};

/// Between two moves of a bar that follows time.
const MOVE_EVERY: Duration = Duration::from_millis(200);

/// A progress bar for `count` things.
pub fn bar(count: usize, what: impl Into<Cow<'static, str>>) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}")?;
    Ok(ProgressBar::new(count as u64).with_style(style).with_message(what))
}

/// Does `work`, which should take `span`, under a bar that says how much of that has gone.
pub async fn for_a_while<T>(what: String, span: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    let bar = bar(usize::try_from(span.as_secs())?, what)?;
    let begun = Instant::now();
    let moves = async {
        loop {
            bar.set_position(begun.elapsed().min(span).as_secs());
            tokio::time::sleep(MOVE_EVERY).await;
        }
    };
    let done = tokio::select! {
        done = work => done,
        never = moves => never,
    };
    bar.finish_and_clear();
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_ends_when_it_is_done_and_not_when_it_should_be() {
        let work = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(7)
        };
        assert_eq!(for_a_while("work".to_owned(), Duration::ZERO, work).await.unwrap(), 7);
    }
}
