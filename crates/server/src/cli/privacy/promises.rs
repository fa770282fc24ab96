//! The promises, each with the test that holds it and the check that tries it. `docs/privacy.md` has the same list.

use super::CheckOutcome;
use super::checks;
use super::scratch::Scratch;
use anyhow::Result;
use std::future::Future;
use std::pin::Pin;

type Check = for<'a> fn(&'a mut Scratch) -> Pin<Box<dyn Future<Output = Result<CheckOutcome>> + Send + 'a>>;

/// One promise.
pub(super) struct Promise {
    /// Its id in the document and the report; never used for another.
    pub(super) id: &'static str,
    /// What is promised, in one sentence.
    pub(super) promise: &'static str,
    /// The test that holds it, by file and function.
    pub(super) test: &'static str,
    /// The check that is run for it.
    pub(super) check: Check,
}

macro_rules! promises {
    ($($id:literal $promise:literal $test:literal => $check:path;)*) => {
        /// All of them, in the order in which they are tried: what destroys comes last.
        pub(super) const PROMISES: &[Promise] = &[$(Promise {
            id: $id,
            promise: $promise,
            test: $test,
            check: |scratch| Box::pin($check(scratch)),
        }),*];
    };
}

promises! {
    "P1" "No picture outlives its request." "retention.rs every_row_of_the_table_holds" => checks::no_picture;
    "P2" "Names, user data and templates are in no file in the clear." "sealing.rs nothing_personal_is_in_the_files_in_clear" => checks::sealed;
    "P3" "An account sees nothing of another." "isolation.rs nothing_of_one_account_is_anything_in_another" => checks::isolated;
    "P4" "Nobody is recognised for an account that is not approved for it." "tokens.rs a_door_device_recognises_people_with_a_token_of_its_vendor" => checks::gated;
    "P5" "A replaced key is invalid when the call returns." "custody.rs keys_are_replaced_one_at_a_time" => checks::replaced;
    "P6" "A deleted face is in no answer when the call returns." "deletion.rs a_search_never_names_who_was_deleted" => checks::face;
    "P7" "Deleting a person deletes all their templates, and no search names them any more." "deletion.rs a_search_never_names_who_was_deleted" => checks::person;
    "P8" "What is stored about a person can be reported and erased, across all containers." "deletion.rs a_person_is_erased_from_snapshots_and_found_by_their_faces" => checks::erased;
    "P9" "A template behind a faceId is unusable at the instant it expires, and its bytes are gone within a minute." "retention.rs every_row_of_the_table_holds" => checks::expired;
    "P10" "The key that sealed it is destroyed within the hour." "retention.rs every_row_of_the_table_holds" => checks::hours;
    "P11" "People get the notice before a camera starts, and their decision is recorded." "custody.rs the_trail_tells_and_holds" => checks::notice_first;
    "P12" "Every change, and every refusal of an authenticated caller, is recorded in an audit log, linked row by row under a key, without names, keys, templates or scores." "custody.rs the_trail_tells_and_holds" => checks::audit_log;
    "P13" "A vendor learns nothing of its client but the use of what it lent." "tokens.rs a_door_device_recognises_people_with_a_token_of_its_vendor" => checks::vendor;
    "P15" "What was deleted is in no file of the database." "deletion.rs deleted_bytes_are_in_no_file" => checks::no_bytes;
    "P16" "The log shows no name, text of a client, key, token or score, at whatever level." "logs.rs nothing_personal_and_no_secret_is_logged" => checks::log;
    "P17" "A deleted liveness session is gone with its picture, its templates and its links, and its token is dead." "liveness.rs a_session_goes_with_all_that_belongs_to_it" => checks::session_deleted;
    "P18" "No template of a liveness session is kept unless the account switched abuse monitoring on, and then its notice says so." "liveness.rs the_same_face_behind_two_ids_is_flagged" => checks::no_template_of_sessions;
    "P14" "A closed account is suspended at once, and its key and records are destroyed." "custody.rs a_closed_account_is_suspended_and_then_destroyed" => checks::closed;
}

#[cfg(test)]
mod tests {
    use super::PROMISES;
    use std::path::Path;

    /// The document says the same in the same words, and names tests that are there.
    #[test]
    fn the_document_has_every_promise_and_every_test_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let document = std::fs::read_to_string(root.join("docs/privacy.md")).unwrap();
        let mut ids = std::collections::HashSet::new();
        for promise in PROMISES {
            assert!(ids.insert(promise.id), "{} twice", promise.id);
            let row = format!("| {} | {} | `{}` |", promise.id, promise.promise, promise.test);
            assert!(document.contains(&row), "docs/privacy.md lacks the row\n{row}");
            let (file, function) = promise.test.split_once(' ').unwrap();
            let places = ["crates/server/tests/it", "crates/store/tests/it/sqlite"];
            let is_there = places.iter().any(|place| {
                let text = std::fs::read_to_string(root.join(place).join(file)).unwrap_or_default();
                text.contains(&format!("fn {function}("))
            });
            assert!(is_there, "{}: no such test", promise.test);
        }
        let rows = document.lines().filter(|line| line.starts_with("| P")).count();
        assert_eq!(rows, PROMISES.len(), "docs/privacy.md promises more than is held");
    }
}
