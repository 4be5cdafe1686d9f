//! `palabre admin create`.

use clap::{Args, Subcommand};
use palabre_events::account::Language;
use std::process::ExitCode;

use super::offline::Offline;
use super::{Settings, in_system};
use crate::clock;
use crate::telemetry::traces;
use crate::vault::Email;

#[derive(Args)]
pub(super) struct Admin {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make somebody an administrator; who has no account yet gets one, with a password that is shown once.
    Create {
        /// The e-mail address.
        email: Email,
        /// The name others see.
        #[arg(long, default_value = "Administration")]
        name: String,
    },
}

impl Admin {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let config = settings.config()?;
        traces::begin_lines(&config);
        let Action::Create { email, name } = &self.action;
        let introduced = in_system(async {
            let offline = Offline::open(&config)?;
            let made = offline.accounts.create_admin(email.clone(), name, Language::default(), clock::now()).await;
            made.map_err(|refusal| anyhow::anyhow!("{}", refusal.message()))
        })?;
        println!("Account {} may administer the platform.", introduced.account);
        match introduced.password {
            Some(password) => println!("Its password, shown only now: {}", *password),
            None => println!("It keeps the password that it has."),
        }
        Ok(ExitCode::SUCCESS)
    }
}
