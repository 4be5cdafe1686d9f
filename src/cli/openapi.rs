//! `palabre openapi`.

use clap::Args;
use std::io::Write;
use std::process::ExitCode;

use crate::http::docs;

#[derive(Args)]
pub(super) struct Openapi {}

impl Openapi {
    #[expect(clippy::unused_self, reason = "like every command")]
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        writeln!(std::io::stdout().lock(), "{}", docs::written())?;
        Ok(ExitCode::SUCCESS)
    }
}
