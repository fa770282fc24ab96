//! The last line of a report: its signature. What is signed is every byte before that line.

use crate::cli::output;
use crate::config::Config;
use crate::start;
use anyhow::{Context, Result, bail};
use likeness_service::accounts::reports::SignatureCheck;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

/// Longer files are no reports.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
const BEGINS: &str = "Signature: ";

#[derive(Serialize, Deserialize)]
struct Line {
    signature: String,
}

/// A report with its signature in the last line, in words or as JSON like the report itself.
pub(super) fn below(text: &str, signature: &str, as_json: bool) -> Result<String> {
    let line = match as_json {
        true => serde_json::to_string(&Line { signature: signature.to_owned() })?,
        false => format!("{BEGINS}{signature}"),
    };
    Ok(format!("{text}{line}\n"))
}

/// What was signed, and the signature; `None` where the last line is none.
fn apart(document: &str) -> Option<(&str, String)> {
    let document = document.trim_end();
    let begins = document.rfind('\n')? + 1;
    let (text, line) = document.split_at(begins);
    let signature = match line.strip_prefix(BEGINS) {
        Some(signature) => signature.to_owned(),
        None => serde_json::from_str::<Line>(line).ok()?.signature,
    };
    Some((text, signature))
}

/// Checks the signature under a report in a file.
///
/// # Errors
/// When the file is no report, the signature does not stand for it, or the store cannot be opened.
pub(in crate::cli::privacy) fn verify(config: &Config, file: &Path) -> Result<ExitCode> {
    let shown = file.display();
    let mut document = String::new();
    let opened = std::fs::File::open(file).with_context(|| format!("{shown} cannot be read"))?;
    opened.take(MOST_BYTES).read_to_string(&mut document).with_context(|| format!("{shown} is no text"))?;
    let Some((text, signature)) = apart(&document) else {
        bail!("the last line of {shown} is no signature; `likeness privacy-report --live` writes one");
    };
    let check = start::block_on(async {
        let service = start::local_account_service(config).await?;
        let check = service.check_report(text, &signature).await;
        service.store.close().await;
        anyhow::Ok(check?)
    })??;
    match check {
        SignatureCheck::Signed(at) => output::line(&format!("This installation signed {shown} at {at}.")),
        SignatureCheck::Noted(at) => output::line(&format!(
            "The key that signed {shown} is published no more. The audit log of this installation says that it signed this text at {at}."
        )),
        SignatureCheck::OtherText => {
            bail!("{shown} is not the text that was signed: somebody changed it, or a program changed its line ends")
        }
        SignatureCheck::Worthless(problem) => bail!("{shown} was not signed by this installation: {problem}"),
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_comes_apart_again() {
        for as_json in [false, true] {
            let document = below("one\ntwo\n", "a.b.c", as_json).expect("it is written");
            assert_eq!(apart(&document), Some(("one\ntwo\n", "a.b.c".to_owned())), "{document}");
            assert_eq!(apart(&document.replace('\n', "")), None);
        }
        assert_eq!(apart("one\ntwo\n"), None);
        assert_eq!(apart(""), None);
    }
}
