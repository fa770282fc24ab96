//! The command line. Start at [`run`].
//!
//! Commands print through [`say`] and nothing else does, so that what a person reads can be found in one place.

mod accounts;
mod annotate;
mod audit;
mod backup;
mod bench;
mod calibrate;
mod chart;
mod config;
mod doctor;
mod evaluate;
mod exclusions;
#[doc(hidden)]
pub mod fuzz_targets;
mod html;
mod keys;
mod labelled;
mod liveness_client;
mod models;
mod output;
mod pad;
mod photos;
mod privacy;
mod serve;
mod store;

use crate::config::Config;
use anyhow::Result;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Self-hosted face recognition with the Azure AI Face API.
///
/// First steps: `likeness models install` fetches the networks, `likeness serve` starts the server and prints an
/// address, a key and a command to try. `likeness doctor` reports what is missing.
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
    /// Make, change and close accounts. Each has its own data, keys and audit log.
    #[command(subcommand)]
    Accounts(accounts::Accounts),
    /// Show the accounts' keys and replace them; say who holds the keys that seal their data, rotate and disable those.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Check and export the audit logs.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Make backups, check them, and put them back.
    #[command(subcommand)]
    Backup(backup::Backup),
    /// Upgrade the schema of the database. Once per upgrade; servers of the former version may keep running.
    Migrate(store::Migrate),
    /// Copy an installation between a file and a PostgreSQL database, and count its templates by recogniser.
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Presentation attack detection.
    #[command(subcommand)]
    Pad(pad::Pad),
    /// Check every promise of docs/privacy.md against a scratch account of the running server, and write a report.
    PrivacyReport(privacy::PrivacyReport),
    /// Check this installation: what works, what does not, and how to fix it.
    Doctor(doctor::Doctor),
    /// Find faces in photos, without a server.
    ///
    /// A photo that cannot be read is named on standard error, the others are analysed. The exit code is then 3; 1 means that
    /// the command failed, 2 that its arguments were wrong.
    Detect(photos::Detect),
    /// Compare the faces of two photos, without a server. The exit code is 3 if one of them cannot be read.
    Compare(photos::Compare),
    /// Make a calibration for your own population from a folder of photos. Photos that cannot be read are named and left out;
    /// the exit code is then 3.
    Calibrate(calibrate::Calibrate),
    /// Measure how often your own people are confused, missed or not detected, and write a report.
    ///
    /// Errors of verify, detection and identify on photos of known people, with what so many photos can show; with
    /// groups, also whether the errors differ between them. Needs no server; nothing leaves this machine. Photos that
    /// cannot be read are named and left out; the exit code is then 3.
    Evaluate(evaluate::Evaluate),
    /// Benchmark this machine: one photo, search, store, server; compared with lower bounds and, with --peers, other programs.
    Bench(bench::Bench),
    /// Play a folder of pictures as the device of a liveness session.
    ///
    /// Speaks docs/device-protocol.md to any server and prints what it asks and how the attempt ends. For those who write a
    /// client of their own, and to see that sessions can be captured here. Files answer no prompt, so they end `uncertain` at
    /// best, and an attempt that asks for a turn fails. The exit code is 0 if the attempt yielded a decision, 3 if it did not;
    /// 1 means that the command failed, 2 that its arguments were wrong.
    LivenessClient(liveness_client::LivenessClient),
    /// Print the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

/// The exit code of a command that did its work, but not on all of its photos: some could not be read. 1 is for a command
/// that failed, 2 for wrong arguments.
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
            output::error(&format!("{error:#}"));
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
        Command::Backup(command) => command.run(&config),
        Command::Migrate(command) => command.run(&config),
        Command::Store(command) => command.run(&config),
        Command::Pad(command) => command.run(&config),
        Command::PrivacyReport(command) => command.run(&config),
        Command::Doctor(command) => command.run(&config),
        Command::Detect(command) => command.run(&config),
        Command::Compare(command) => command.run(&config),
        Command::Calibrate(command) => command.run(&config),
        Command::Evaluate(command) => command.run(&config),
        Command::Bench(command) => command.run(&config),
        Command::LivenessClient(command) => command.run(),
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
