//! Rows of route tables, and how a path finds its row.
//!
//! Literal segments match in any letter case and one trailing slash is accepted, because public samples disagree about
//! both (`face-api.md` section 1).

use crate::pipeline::{Api, Call, Handling};
use axum::http::Method;
use percent_encoding::percent_decode_str;

/// What a route reads from the request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// Nothing; a body is ignored unread.
    Nothing,
    /// Bytes of any kind, which the handler makes sense of.
    Bytes,
    /// A JSON object.
    Json,
    /// A picture as bytes, or a JSON object that says where the picture is.
    Picture,
    /// A form of several parts.
    Form,
    /// A form of several parts, or a JSON object.
    FormOrJson,
    /// Nothing; the connection becomes something else than HTTP once the reply is 101.
    Upgrade,
}

/// One row of an API's table: the only place where its path is written.
pub struct Route<A: Api> {
    /// HTTP method.
    pub method: Method,
    /// Path below what [`Api::scope`] takes off, with `{}` for a parameter.
    pub path: &'static str,
    /// Name of the operation, for logs and metrics.
    pub operation: &'static str,
    /// What it reads.
    pub body: BodyKind,
    /// Who may, and what else the API has to know of it.
    pub rule: A::Rule,
    /// What answers.
    pub handler: fn(Call<A>) -> Handling<A>,
}

/// Why a request has no row.
#[derive(Debug, PartialEq, Eq)]
pub enum Misrouted {
    /// No such path.
    Nowhere,
    /// The path exists for these methods only, as the header `Allow` names them.
    OtherMethods(String),
}

/// Finds the row of a path, and its parameters in order.
///
/// # Errors
/// [`Misrouted`], see its variants.
pub fn find<A: Api>(method: &Method, path: &str) -> Result<(&'static Route<A>, Vec<String>), Misrouted> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut others = Vec::new();
    for route in A::routes() {
        let Some(parameters) = parameters(route.path, path) else { continue };
        if route.method == *method {
            return Ok((route, parameters));
        }
        others.push(route.method.as_str());
    }
    Err(if others.is_empty() { Misrouted::Nowhere } else { Misrouted::OtherMethods(others.join(", ")) })
}

/// The values of the parameters if the path fits the pattern.
fn parameters(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut parameters = Vec::new();
    let mut given = path.split('/');
    for expected in pattern.split('/') {
        let segment = given.next()?;
        if expected == "{}" {
            let decoded = decoded(segment)?;
            if decoded.is_empty() {
                return None;
            }
            parameters.push(decoded);
        } else if !segment.eq_ignore_ascii_case(expected) {
            return None;
        }
    }
    given.next().is_none().then_some(parameters)
}

/// Decodes `%XX`. A broken escape or bytes that are no UTF-8 match no route; the library leaves the former as they are.
fn decoded(segment: &str) -> Option<String> {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = segment.as_bytes();
    let is_broken =
        |(at, byte): (usize, &u8)| *byte == b'%' && !(is_digit(bytes.get(at + 1)) && is_digit(bytes.get(at + 2)));
    if bytes.iter().enumerate().any(is_broken) {
        return None;
    }
    percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_in_any_letter_case_parameters_as_given() {
        let cases: [(&str, &str, Option<&[&str]>); 10] = [
            ("detect", "Detect", Some(&[])),
            ("detect", "detect/x", None),
            ("facelists/{}/persistedfaces", "facelists/Mine/persistedFaces", Some(&["Mine"])),
            ("persongroups/{}", "persongroups/a%2Db", Some(&["a-b"])),
            ("persongroups/{}", "persongroups/%zz", None),
            ("persongroups/{}", "persongroups/%4", None),
            ("persongroups/{}", "persongroups/%+4", None),
            ("persongroups/{}", "persongroups/%ff", None),
            ("persongroups/{}/persons", "persongroups//persons", None),
            ("", "", Some(&[])),
        ];
        for (pattern, path, expected) in cases {
            let expected = expected.map(|expected| expected.iter().map(|&one| one.to_owned()).collect::<Vec<_>>());
            assert_eq!(parameters(pattern, path), expected, "{path}");
        }
    }
}
