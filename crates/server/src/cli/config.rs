//! `likeness config`: the settings in force.

use super::output;
use crate::config::Config;
use anyhow::Result;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Check the configuration file and the environment, and print every setting in force.
    ///
    /// What is printed is a complete configuration file. No secret is a setting, so none is printed.
    Check,
}

impl ConfigCommand {
    pub(super) fn run(&self, config: &Config) -> Result<ExitCode> {
        output::line("# Every setting in force: the file given with --config, overridden by LIKENESS_... variables.");
        output::line(toml::to_string(config)?.trim_end());
        output::line(&format!("# Installation key: {}", config.key_file().display()));
        output::line(&format!("# Model packs:      {}", config.cache().display()));
        output::line(&format!("# Workers:          {}", config.inference.workers()));
        Ok(ExitCode::SUCCESS)
    }
}
