//! Runs a command beside a private PostgreSQL server that ends with it: `likeness-test-postgres COMMAND [ARGUMENT...]`.
//!
//! The command finds the addresses of two empty databases in `LIKENESS_BENCH_DATABASES`, parted by spaces, and the client
//! of the database in `LIKENESS_BENCH_PSQL`.

use likeness_test_postgres::{Durability, PostgresError, TestPostgres};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            // Nothing depends on what is printed; a closed stream is no reason to fail differently.
            drop(std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("likeness-test-postgres: {error}\n")));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, PostgresError> {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        return Err(std::io::Error::other("name the command to run").into());
    };
    let postgres = TestPostgres::start(Durability::Full)?;
    let databases = [postgres.database()?, postgres.database()?].join(" ");
    let mut command = Command::new(program);
    command.args(arguments).env("LIKENESS_BENCH_DATABASES", databases).env("LIKENESS_BENCH_PSQL", postgres.psql());
    let status = command.status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
