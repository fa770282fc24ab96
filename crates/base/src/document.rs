//! JSON documents that say in which format they are written, so that a program refuses what is newer than itself instead of
//! dropping members that it does not know.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Bytes that are no document that this program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentProblem {
    /// No document, or a damaged one. Without the library's own message, which may quote the document.
    Unreadable {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Written by a newer program, in this format.
    Newer(u32),
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Serialize)]
struct Written<'a, T> {
    format: u32,
    #[serde(flatten)]
    document: &'a T,
}

/// Writes a document, which becomes a JSON object, and its format beside its members.
///
/// # Panics
/// When the document is no JSON object. Texts, numbers and lists of them always are members of one.
pub fn write_document<T: Serialize>(format: u32, document: &T) -> Vec<u8> {
    serde_json::to_vec(&Written { format, document }).expect("text, numbers and lists always become JSON")
}

/// Reads what [`write_document`] wrote in the format `newest` or an older one.
///
/// # Errors
/// [`DocumentProblem`].
pub fn read_document<T: DeserializeOwned>(newest: u32, bytes: &[u8]) -> Result<T, DocumentProblem> {
    let unreadable =
        |error: serde_json::Error| DocumentProblem::Unreadable { line: error.line(), column: error.column() };
    // The format first: of what is newer, nothing else can be relied upon.
    let Format { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
    if format > newest {
        return Err(DocumentProblem::Newer(format));
    }
    serde_json::from_slice(bytes).map_err(unreadable)
}
