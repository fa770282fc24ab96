//! Forms of several parts (`multipart/form-data`, RFC 7578), read out of a body that is here as a whole.
//!
//! Parts are places in the body: a picture in one stays in the one buffer that is wiped, which no reader of streams offers.
//! What follows a part's name, and every bound, is decided here; what the parts mean is not.

use crate::value::BadValue;
use likeness_base::Secret;
use memchr::memmem;
use std::fmt;
use std::ops::Range;

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "multipart/form-data";

/// A form has no more parts: ten frames with what belongs to them, or two dozen fields.
const MOST_PARTS: usize = 64;
/// Headers of a part take no more bytes.
const MOST_HEADER_BYTES: usize = 2 * 1024;
/// Headers of a part that are looked at.
const MOST_HEADERS: usize = 8;
/// Of RFC 2046.
const LONGEST_BOUNDARY: usize = 70;

/// The parts of a body.
pub struct Form {
    bytes: Secret<Vec<u8>>,
    parts: Vec<Part>,
}

struct Part {
    name: String,
    file_name: Option<String>,
    media_type: Option<String>,
    place: Range<usize>,
}

/// A part as it was sent.
#[derive(Clone, Copy)]
pub struct FormPart<'a> {
    /// The field.
    pub name: &'a str,
    /// The name of the file, where it is one. Some clients leave it out of files too.
    pub file_name: Option<&'a str>,
    /// What it says it is.
    pub media_type: Option<&'a str>,
    /// What is in it.
    pub bytes: &'a [u8],
}

// What a client sent is personal, and may be a picture; a debug print shows nothing of it.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form(..)")
    }
}

impl fmt::Debug for FormPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormPart(..)")
    }
}

impl Form {
    /// Reads a body of this media type, parameters included.
    ///
    /// # Errors
    /// What is wrong with it. Nothing that was sent is quoted.
    pub fn parse(media_type: &str, bytes: Secret<Vec<u8>>) -> Result<Self, BadValue> {
        let boundary = boundary(media_type)
            .ok_or_else(|| wrong("The content type names no boundary, or none of 1 to 70 characters."))?;
        let parts = split(bytes.expose(), &boundary)?;
        Ok(Self { bytes, parts })
    }

    /// The parts, in the order in which they were sent.
    pub fn parts(&self) -> impl Iterator<Item = FormPart<'_>> {
        self.parts.iter().map(|part| FormPart {
            name: &part.name,
            file_name: part.file_name.as_deref(),
            media_type: part.media_type.as_deref(),
            bytes: &self.bytes.expose()[part.place.clone()],
        })
    }

    /// The part of this name, in any letter case. Where there are several, the last counts.
    pub fn part(&self, name: &str) -> Option<FormPart<'_>> {
        self.parts().filter(|part| part.name.eq_ignore_ascii_case(name)).last()
    }

    /// The text of the part of this name.
    ///
    /// # Errors
    /// When it is no UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<&str>, BadValue> {
        let Some(part) = self.part(name) else { return Ok(None) };
        let text = std::str::from_utf8(part.bytes);
        text.map(Some).map_err(|_| BadValue::new(format!("'{name}' is invalid. It must be text.")))
    }
}

fn wrong(what: &str) -> BadValue {
    BadValue::new(format!("Request body is invalid. {what}"))
}

/// The boundary that a content type names.
fn boundary(media_type: &str) -> Option<String> {
    let parameters = media_type.split_once(';')?.1;
    let value = parameter(parameters, "boundary")?;
    let is_usable =
        (1..=LONGEST_BOUNDARY).contains(&value.len()) && value.bytes().all(|byte| (32..127).contains(&byte));
    is_usable.then_some(value)
}

/// A parameter of a header, quoted or not.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    while !rest.trim_start_matches([' ', '\t', ';']).is_empty() {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
    None
}

/// A quoted value up to its closing quote, and what follows.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            // Browsers leave a backslash as it is, in the path of a file; only a quote or another one is escaped.
            '\\' => match characters.clone().next() {
                Some((_, escaped @ ('"' | '\\'))) => {
                    value.push(escaped);
                    characters.next();
                }
                _ => value.push(character),
            },
            _ => value.push(character),
        }
    }
    None
}

fn split(body: &[u8], boundary: &str) -> Result<Vec<Part>, BadValue> {
    let broken = || wrong("It breaks off before the end of the form.");
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(delimiter.as_bytes());
    // The first delimiter may stand at the very start, without a line break before it.
    let opening = &delimiter.as_bytes()[2..];
    let mut at = if body.starts_with(opening) {
        opening.len()
    } else {
        finder.find(body).ok_or_else(|| wrong("It does not begin with the boundary."))? + delimiter.len()
    };
    let mut parts = Vec::new();
    loop {
        if body[at..].starts_with(b"--") {
            return Ok(parts);
        }
        let line = memmem::find(&body[at..], b"\r\n").ok_or_else(broken)?;
        if body[at..at + line].iter().any(|byte| !matches!(byte, b' ' | b'\t')) {
            return Err(wrong("A line begins like the boundary and is none."));
        }
        if parts.len() == MOST_PARTS {
            return Err(wrong(&format!("A form has at most {MOST_PARTS} parts.")));
        }
        let head_start = at + line + 2;
        let window = &body[head_start..body.len().min(head_start + MOST_HEADER_BYTES)];
        let head = memmem::find(window, b"\r\n\r\n").ok_or_else(|| wrong("A part has no end of its headers."))?;
        let start = head_start + head + 4;
        let length = finder.find(&body[start..]).ok_or_else(broken)?;
        parts.push(part(&body[head_start..start], start..start + length)?);
        at = start + length + delimiter.len();
    }
}

fn part(head: &[u8], place: Range<usize>) -> Result<Part, BadValue> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let parsed = httparse::parse_headers(head, &mut headers);
    let Ok(httparse::Status::Complete((_, headers))) = parsed else {
        return Err(wrong("The headers of a part cannot be read."));
    };
    let header = |name: &str| {
        let found = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let disposition = header("content-disposition").unwrap_or_default();
    let (kind, parameters) = disposition.split_once(';').unwrap_or((disposition, ""));
    let name = parameter(parameters, "name").filter(|_| kind.trim().eq_ignore_ascii_case("form-data"));
    Ok(Part {
        name: name.ok_or_else(|| wrong("A part has no name."))?,
        file_name: parameter(parameters, "filename"),
        media_type: header("content-type").map(str::to_owned),
        place,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=xyz";

    fn parse(media_type: &str, body: &[u8]) -> Result<Form, BadValue> {
        Form::parse(media_type, Secret::new(body.to_vec()))
    }

    #[test]
    fn what_clients_send() {
        let body = b"--xyz\r\nContent-Disposition: form-data; name=\"Parameters\"\r\nContent-Type: application/json\r\n\r\n{}\r\n\
            --xyz \r\ncontent-disposition: form-data; name=VerifyImage; filename=\"C:\\a \\\"b\\\".jpg\"\r\n\r\n\x00\xff\r\n--xy\r\n\r\n--xyz--\r\n";
        for media_type in
            [TYPE, "multipart/form-data; charset=utf-8; boundary=\"xyz\"", "Multipart/Form-Data;boundary=xyz;a=b"]
        {
            let form = parse(media_type, body).expect("it is a form");
            let parts: Vec<_> = form.parts().collect();
            assert_eq!(parts.len(), 2);
            assert_eq!(
                (parts[0].name, parts[0].media_type, parts[0].bytes),
                ("Parameters", Some("application/json"), &b"{}"[..])
            );
            assert_eq!(parts[1].file_name, Some(r#"C:\a "b".jpg"#));
            assert_eq!(form.part("verifyimage").map(|part| part.bytes), Some(&b"\x00\xff\r\n--xy\r\n"[..]));
            assert_eq!(form.text("parameters").ok().flatten(), Some("{}"));
            assert!(form.text("VerifyImage").is_err());
            assert_eq!(form.text("other").ok().flatten(), None);
        }
    }

    #[test]
    fn preambles_empty_parts_and_empty_forms() {
        let form =
            parse(TYPE, b"before\r\n--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--xyz--after");
        assert_eq!(form.expect("it is a form").part("a").map(|part| part.bytes.len()), Some(0));
        assert_eq!(parse(TYPE, b"--xyz--").expect("it is a form").parts().count(), 0);
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let named = "Content-Disposition: form-data; name=\"a\"\r\n\r\n";
        let many = format!("--xyz\r\n{named}\r\n").repeat(MOST_PARTS + 1) + "--xyz--";
        let long = format!("--xyz\r\nX: {}\r\n{named}\r\n--xyz--", "x".repeat(MOST_HEADER_BYTES));
        let cases: [(&str, &str); 11] = [
            ("multipart/form-data", "--xyz--"),
            ("multipart/form-data; boundary=", "--xyz--"),
            ("multipart/form-data; boundary=\"xyz", "--xyz--"),
            (TYPE, ""),
            (TYPE, "no form"),
            (TYPE, "--xyz\r\n"),
            (TYPE, &format!("--xyz\r\n{named}never ends")),
            (TYPE, "--xyz\r\nContent-Disposition: form-data\r\n\r\n\r\n--xyz--"),
            (TYPE, "--xyz\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n\r\n--xyz--"),
            (TYPE, &many),
            (TYPE, &long),
        ];
        for (media_type, body) in cases {
            assert!(parse(media_type, body.as_bytes()).is_err(), "{media_type}: {}", &body[..body.len().min(60)]);
        }
        assert!(parse("multipart/form-data; boundary=é", b"--\xc3\xa9--").is_err());
    }
}
