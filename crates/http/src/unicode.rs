//! JSON as clients of all kinds send it: UTF-8, UTF-16 or UTF-32, with a byte order mark or without.
//!
//! Start at [`utf8`]. The bytes say which it is, so `charset` is not asked: JSON begins with a character of ASCII and
//! holds no U+0000, hence the zeros among the first four bytes give the width and the byte order (RFC 4627, section 3). A
//! header that says otherwise is wrong, and clients send such headers.

use likeness_base::Secret;

/// How many bytes a character can take that takes one in UTF-8.
pub(crate) const WIDEST: usize = 4;

/// Why bytes are no text. Nothing of them is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotText {
    /// They look like nothing else, and are no UTF-8.
    #[error("it is not valid UTF-8 at byte {0}; send JSON as UTF-8, UTF-16 or UTF-32")]
    Utf8(usize),
    /// A unit that stands for no character.
    #[error("it is not valid {0} at byte {1}; a surrogate stands alone, or a number is no character")]
    Unit(&'static str, usize),
    /// The end comes within a character.
    #[error("it ends within a character of {0}")]
    CutOff(&'static str),
}

/// A text in UTF-8: as it was sent, or made of it.
#[derive(Debug)]
pub enum Text<'b> {
    /// As it was sent.
    AsSent(&'b [u8]),
    /// Made of another form.
    Made(Secret<Vec<u8>>),
}

impl Text<'_> {
    /// Valid UTF-8.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::AsSent(bytes) => bytes,
            Self::Made(bytes) => bytes.expose(),
        }
    }
}

/// The same text in UTF-8, without a byte order mark. UTF-16 grows by half at most, UTF-32 does not grow.
///
/// # Errors
/// [`NotText`], see its variants.
pub fn utf8(bytes: &[u8]) -> Result<Text<'_>, NotText> {
    let (form, mark) = form(bytes);
    let text = &bytes[mark..];
    match form {
        Form::Utf8 => match std::str::from_utf8(text) {
            Ok(text) => Ok(Text::AsSent(text.as_bytes())),
            Err(error) => Err(NotText::Utf8(mark + error.valid_up_to())),
        },
        Form::Utf16(read) => utf16(text, read, mark),
        Form::Utf32(read) => utf32(text, read, mark),
    }
}

/// How characters become bytes, with what reads one unit.
enum Form {
    Utf8,
    Utf16(fn([u8; 2]) -> u16),
    Utf32(fn([u8; 4]) -> u32),
}

/// The form, and how many bytes of a mark stand in front.
fn form(bytes: &[u8]) -> (Form, usize) {
    match bytes {
        [0xef, 0xbb, 0xbf, ..] => (Form::Utf8, 3),
        [0x00, 0x00, 0xfe, 0xff, ..] => (Form::Utf32(u32::from_be_bytes), 4),
        // Before the mark of UTF-16, which is its first half: no JSON goes on with U+0000.
        [0xff, 0xfe, 0x00, 0x00, ..] => (Form::Utf32(u32::from_le_bytes), 4),
        [0xfe, 0xff, ..] => (Form::Utf16(u16::from_be_bytes), 2),
        [0xff, 0xfe, ..] => (Form::Utf16(u16::from_le_bytes), 2),
        [0x00, 0x00, 0x00, _, ..] => (Form::Utf32(u32::from_be_bytes), 0),
        [_, 0x00, 0x00, 0x00, ..] => (Form::Utf32(u32::from_le_bytes), 0),
        [0x00, _, ..] => (Form::Utf16(u16::from_be_bytes), 0),
        [_, 0x00, ..] => (Form::Utf16(u16::from_le_bytes), 0),
        _ => (Form::Utf8, 0),
    }
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16, mark: usize) -> Result<Text<'static>, NotText> {
    const NAME: &str = "UTF-16";
    let (units, rest) = bytes.as_chunks::<2>();
    let mut made = Made::with_room(units.len() * 3);
    let mut place = mark;
    for character in char::decode_utf16(units.iter().map(|unit| read(*unit))) {
        let character = character.map_err(|_| NotText::Unit(NAME, place))?;
        place += 2 * character.len_utf16();
        made.push(character);
    }
    if rest.is_empty() { Ok(made.done()) } else { Err(NotText::CutOff(NAME)) }
}

fn utf32(bytes: &[u8], read: fn([u8; 4]) -> u32, mark: usize) -> Result<Text<'static>, NotText> {
    const NAME: &str = "UTF-32";
    let (units, rest) = bytes.as_chunks::<4>();
    let mut made = Made::with_room(bytes.len());
    for (number, unit) in units.iter().enumerate() {
        made.push(char::from_u32(read(*unit)).ok_or(NotText::Unit(NAME, mark + 4 * number))?);
    }
    if rest.is_empty() { Ok(made.done()) } else { Err(NotText::CutOff(NAME)) }
}

/// A text that is being made, in a buffer that never grows: one that grows leaves unwiped copies behind.
struct Made(Secret<Vec<u8>>);

impl Made {
    fn with_room(bytes: usize) -> Self {
        Self(Secret::new(Vec::with_capacity(bytes)))
    }

    fn push(&mut self, character: char) {
        let mut bytes = [0; 4];
        self.0.expose_mut().extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
    }

    fn done(self) -> Text<'static> {
        Text::Made(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A text in all the forms that clients send, with what each is called.
    fn forms(text: &str) -> Vec<(String, Vec<u8>)> {
        let utf16 = |order: fn(u16) -> [u8; 2], text: &str| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let utf32 = |order: fn(u32) -> [u8; 4], text: &str| text.chars().flat_map(|c| order(c as u32)).collect();
        let marked = format!("\u{feff}{text}");
        [("no mark", text), ("mark", marked.as_str())]
            .into_iter()
            .flat_map(|(mark, text)| {
                [
                    (format!("UTF-8, {mark}"), text.as_bytes().to_vec()),
                    (format!("UTF-16LE, {mark}"), utf16(u16::to_le_bytes, text)),
                    (format!("UTF-16BE, {mark}"), utf16(u16::to_be_bytes, text)),
                    (format!("UTF-32LE, {mark}"), utf32(u32::to_le_bytes, text)),
                    (format!("UTF-32BE, {mark}"), utf32(u32::to_be_bytes, text)),
                ]
            })
            .collect()
    }

    #[test]
    fn every_form_of_the_same_text_is_the_same() {
        for text in ["{}", " {}", "[]", "{\"name\": \"Grün \u{1f600} 名\"}", "\n{\"a\":1}"] {
            for (form, bytes) in forms(text) {
                assert_eq!(
                    utf8(&bytes).map(|text| text.bytes().to_vec()),
                    Ok(text.as_bytes().to_vec()),
                    "{form}: {text}"
                );
            }
        }
        for nothing in [&b""[..], b"\xef\xbb\xbf", b"\xff\xfe", b"\0\0\xfe\xff"] {
            assert_eq!(utf8(nothing).map(|text| text.bytes().len()), Ok(0), "{nothing:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        let cases: [(&str, &[u8], NotText); 7] = [
            ("Latin-1", b"{\"n\": \"Gr\xfcn\"}", NotText::Utf8(9)),
            ("a surrogate alone", b"\xff\xfe{\0\x00\xd8}\0", NotText::Unit("UTF-16", 4)),
            ("the second half first", b"\0{\xdc\x00\0}", NotText::Unit("UTF-16", 2)),
            ("a surrogate in UTF-32", b"{\0\0\0\0\xd8\0\0", NotText::Unit("UTF-32", 4)),
            ("beyond the last character", b"\0\0\0{\0\x11\0\0", NotText::Unit("UTF-32", 4)),
            ("half a unit", b"{\0}\0\n", NotText::CutOff("UTF-16")),
            ("a quarter", b"{\0\0\0}", NotText::CutOff("UTF-32")),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(utf8(bytes).map(drop), Err(expected), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_utf8_afterwards_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(text) = utf8(&bytes) {
                prop_assert!(std::str::from_utf8(text.bytes()).is_ok());
                prop_assert!(text.bytes().len() <= bytes.len() * 3 / 2);
            }
        }

        #[test]
        fn any_text_that_begins_as_json_does_arrives(text in "[{\\[ ]\"?[^\u{0}]{0,40}") {
            for (form, bytes) in forms(&text) {
                prop_assert_eq!(utf8(&bytes).map(|text| text.bytes().to_vec()), Ok(text.clone().into_bytes()), "{}", form);
            }
        }
    }
}
