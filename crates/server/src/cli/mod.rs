//! The command line. Start at [`run`].
//!
//! Commands print through [`say`] and nothing else does, so that what a person reads can be found in one place.

mod accounts;
mod annotate;
mod apart;
mod audit;
mod bench;
mod calibrate;
mod config;
mod doctor;
mod evaluate;
#[doc(hidden)]
pub mod fuzz_targets;
mod html;
mod keys;
mod labelled;
mod models;
mod photos;
mod privacy;
mod say;
mod serve;
mod store;

use crate::config::Config;
use anyhow::Result;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Face recognition on your own machine that answers the Azure AI Face API.
///
/// First steps: `likeness models install` fetches the networks, `likeness serve` starts the server and prints an
/// address, a key and a line to try. `likeness doctor` tells what is missing.
#[derive(Parser)]
#[command(name = "likeness", version, max_term_width = 100)]
struct Arguments {
    /// Configuration file (TOML); `likeness config check` prints a complete one with the values in force.
    #[arg(long, global = true, env = "LIKENESS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Run model files whose hash this build does not know, as long as they match their own pack's manifest.
    #[arg(long, global = true)]
    allow_unknown_models: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server.
    ///
    /// The first start makes the data folder, the installation key that seals everything in it, and a default
    /// account with two keys, and prints them. Set LIKENESS_KEY1 and LIKENESS_KEY2 beforehand to choose the keys.
    Serve(serve::Serve),
    /// Install and list model packs.
    #[command(subcommand)]
    Models(models::Models),
    /// Make, change and close accounts. Each has people, keys and an audit trail of its own.
    #[command(subcommand)]
    Accounts(accounts::Accounts),
    /// Show the accounts' keys, and replace them.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Check and export the trails of what was done.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Bring the database up to what this program needs. Once per upgrade; servers of the former version may run on.
    Migrate(store::Migrate),
    /// Move an installation between a file and a PostgreSQL database, and tell what made its templates.
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Try every promise of docs/privacy.md against a scratch account of the running server, and write one page.
    PrivacyReport(privacy::PrivacyReport),
    /// Say what works here, what does not, and what to do about it.
    Doctor(doctor::Doctor),
    /// Find faces in photos, without a server.
    ///
    /// A photo that cannot be read is named on standard error, the others are looked at. Then the command ends with exit
    /// code 3; 1 says that it failed, 2 that it was called wrongly.
    Detect(photos::Detect),
    /// Compare the faces of two photos, without a server. Ends with exit code 3 where one of them cannot be read.
    Compare(photos::Compare),
    /// Make a calibration for your own population from a folder of photos. Ends with exit code 3 where some could not be
    /// read; they are named and left out.
    Calibrate(calibrate::Calibrate),
    /// Find out how often people of your own are confused, missed or not found, and write a report.
    ///
    /// Errors of verify, detection and identify on photos of known people, with what so many photos can show; with
    /// groups, also whether the errors differ between them. Needs no server; nothing leaves this machine. Ends with exit
    /// code 3 where some photos could not be read; they are named and left out.
    Evaluate(evaluate::Evaluate),
    /// Measure this machine: one photo, search, store, server; beside floors and, with --peers, other programs.
    Bench(bench::Bench),
    /// Look at the settings.
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

/// What a command ends with that did its work, but not on all of its photos: some could not be read. 1 is for a command
/// that failed, 2 for one that was called wrongly.
const SOME_UNREAD: u8 = 3;

/// How a command ends that did its work and left out so many photos.
fn ended(unread: usize) -> ExitCode {
    if unread == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOME_UNREAD) }
}

/// Runs the command named on the command line.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    // Both TLS sides of the program use the same provider; a second install is a no-op that may be ignored.
    drop(rustls::crypto::ring::default_provider().install_default());
    match dispatch(arguments) {
        Ok(code) => code,
        Err(error) => {
            say::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<ExitCode> {
    let mut config = Config::load(arguments.config.as_deref(), &|name| std::env::var(name).ok())?;
    config.inference.allow_unknown_models |= arguments.allow_unknown_models;
    match arguments.command {
        Command::Serve(command) => command.run(config),
        Command::Models(command) => command.run(&config),
        Command::Accounts(command) => command.run(&config),
        Command::Keys(command) => command.run(&config),
        Command::Audit(command) => command.run(&config),
        Command::Migrate(command) => command.run(&config),
        Command::Store(command) => command.run(&config),
        Command::PrivacyReport(command) => command.run(&config),
        Command::Doctor(command) => command.run(&config),
        Command::Detect(command) => command.run(&config),
        Command::Compare(command) => command.run(&config),
        Command::Calibrate(command) => command.run(&config),
        Command::Evaluate(command) => command.run(&config),
        Command::Bench(command) => command.run(&config),
        Command::Config(command) => command.run(&config),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
