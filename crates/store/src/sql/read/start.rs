//! Where a page of UUIDs begins. A client may name any text as the start, while the database orders ids by their bytes.

use uuid::Uuid;

/// Where in the order of UUIDs a page begins that is to follow any text: the 16 bytes of the last UUID that
/// is not greater than the text when both are compared as text, or nothing when even the first one is greater.
/// Either is right for `id > ?`, because no bytes at all sort before every id.
///
/// Lower-case hyphenated UUIDs sort as text exactly as their bytes do, so a binary search over all 2^128 finds
/// it in 128 steps, whatever the text is.
pub(super) fn last_not_after(text: &str) -> Vec<u8> {
    let is_not_after = |id: u128| {
        let mut buffer = Uuid::encode_buffer();
        &*Uuid::from_u128(id).hyphenated().encode_lower(&mut buffer) <= text
    };
    if !is_not_after(0) {
        return Vec::new();
    }
    let mut last = 0_u128;
    for bit in (0..128).rev() {
        let further = last | (1 << bit);
        if is_not_after(further) {
            last = further;
        }
    }
    last.to_be_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pages_begin_after_any_text() {
        let cases = [
            ("nothing", "", None),
            ("sorts before every digit", "-", None),
            ("a first digit", "5", Some("4fffffff-ffff-ffff-ffff-ffffffffffff")),
            ("an upper-case letter sorts before a to f", "A", Some("9fffffff-ffff-ffff-ffff-ffffffffffff")),
            ("sorts after everything", "zzz", Some("ffffffff-ffff-ffff-ffff-ffffffffffff")),
            ("an id", "67e55044-10b1-426f-9247-bb680e5fe0c8", Some("67e55044-10b1-426f-9247-bb680e5fe0c8")),
            ("an id and more", "67e55044-10b1-426f-9247-bb680e5fe0c8x", Some("67e55044-10b1-426f-9247-bb680e5fe0c8")),
            ("an id cut short", "67e55044-10b1-426f-9247-bb680e5fe0c", Some("67e55044-10b1-426f-9247-bb680e5fe0bf")),
        ];
        for (name, text, expected) in cases {
            let expected = expected.map(|id| Uuid::parse_str(id).unwrap().into_bytes().to_vec()).unwrap_or_default();
            assert_eq!(last_not_after(text), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn an_id_follows_a_text_in_bytes_as_it_does_in_letters(text in "[0-9a-fA-Z\\-]{0,40}", id: u128) {
            let id = Uuid::from_u128(id);
            let by_letters = id.hyphenated().to_string().as_str() > text.as_str();
            prop_assert_eq!(id.as_bytes().as_slice() > last_not_after(&text).as_slice(), by_letters);
        }
    }
}
