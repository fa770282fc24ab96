//! The query string of a call: names in any letter case, unknown names ignored, the first of a repeated name wins.

use crate::value::BadValue;

/// Parsed query parameters.
#[derive(Default)]
pub struct Query(Vec<(String, String)>);

// What a client sent or gets is personal; a debug print shows nothing of it.
impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Query(..)")
    }
}

impl Query {
    /// Splits and percent-decodes. Never fails: what makes no sense is refused by the getter that needs it.
    pub fn parse(raw: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(raw.unwrap_or_default().as_bytes());
        Self(pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.into_owned())).collect())
    }

    /// The value of a parameter; an empty value counts as absent, because `top=` means the default.
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Whether a value is named and left out, as in `top=`.
    pub fn is_blank(&self, name: &str) -> bool {
        self.0.iter().any(|(given, value)| given.eq_ignore_ascii_case(name) && value.is_empty())
    }

    /// `true` or `false` in any letter case, since Python clients write `True`.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, BadValue> {
        match self.text(name) {
            None => Ok(default),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(BadValue::new(format!("'{name}' must be true or false."))),
        }
    }

    /// A whole number within bounds.
    pub fn integer(&self, name: &str, default: i64, least: i64, most: i64) -> Result<i64, BadValue> {
        let Some(value) = self.text(name) else { return Ok(default) };
        match value.trim().parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(BadValue::new(format!("'{name}' is invalid. It must be a whole number from {least} to {most}."))),
        }
    }

    /// `start` and `top` of a paged list.
    pub fn page(&self) -> Result<Page, BadValue> {
        let start = self.text("start").unwrap_or_default();
        if start.chars().count() > 64 {
            return Err(BadValue::new("'start' is too long. It may have at most 64 characters."));
        }
        let top = self.integer("top", 1000, 1, 1000)?;
        Ok(Page { start: start.to_owned(), top: usize::try_from(top).unwrap_or(1000) })
    }
}

/// One page of a list: entries whose id is greater than `start`, at most `top` of them.
#[derive(Debug)]
pub struct Page {
    /// The last id already seen; empty for the first page.
    pub start: String,
    /// 1 to 1000.
    pub top: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_in_every_letter_case() {
        let cases =
            [("a=True", Some(true)), ("A=false", Some(false)), ("a=", Some(true)), ("", Some(true)), ("a=1", None)];
        for (raw, expected) in cases {
            assert_eq!(Query::parse(Some(raw)).flag("a", true).ok(), expected, "{raw}");
        }
    }

    #[test]
    fn page_bounds() {
        let cases = [
            ("", Some(1000)),
            ("top=", Some(1000)),
            ("top=1", Some(1)),
            ("top=1000", Some(1000)),
            ("top=0", None),
            ("top=1001", None),
            ("top=ten", None),
        ];
        for (raw, expected) in cases {
            assert_eq!(Query::parse(Some(raw)).page().ok().map(|page| page.top), expected, "{raw}");
        }
        assert!(Query::parse(Some(&format!("start={}", "x".repeat(65)))).page().is_err());
    }
}
