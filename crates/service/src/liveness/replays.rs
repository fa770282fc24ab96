//! Frames that came before: digests of some frames of every attempt that was judged, by which stored material is known again.
//!
//! Start at [`sampled`]. A camera never gives the same bytes twice. Which digests are kept depends on the digests alone, so whoever sends
//! frames again is measured by the same ones. They are kept under a key of the account, in records that name no session and no person.

use super::LivenessSessions;
use crate::randomness::random_id;
use likeness_base::{Secret, Timestamp};
use likeness_liveness::Evidence;
use likeness_store::{AccountId, NewRecord, PageStart, RecordKind, RecordWrite, StoreError, Tag};
use std::collections::BTreeSet;

const KIND: RecordKind = RecordKind::FrameDigest;
const FRAME: &str = "frame";
/// Of so many frames one is kept.
const ONE_OF: u8 = 4;
/// Digests of one attempt.
const MOST: usize = 24;

/// A digest of a frame.
type Digest = [u8; 16];

/// The digests by which an attempt's frames are known again: of frames in which one face was seen, for what is black is black every
/// time.
pub(super) fn sampled(evidence: &Evidence) -> BTreeSet<Digest> {
    let with_face = evidence.observations.iter().filter(|seen| seen.faces == 1 && seen.face.is_some());
    let digests = with_face.filter_map(|seen| {
        let at = usize::try_from(seen.seq.checked_sub(1)?).ok()?;
        evidence.frames.get(at).map(|frame| frame.digest)
    });
    digests.filter(|digest| digest[0].is_multiple_of(ONE_OF)).take(MOST).collect()
}

fn tag(digest: &Digest) -> Tag {
    Tag::new(FRAME, hex::encode(digest))
}

impl LivenessSessions {
    /// Which of these digests are of frames that came in an earlier attempt of the account.
    pub(super) async fn seen_before(
        &self,
        account: AccountId,
        digests: &BTreeSet<Digest>,
    ) -> Result<BTreeSet<Digest>, StoreError> {
        let (first, now) = (PageStart { after: String::new(), top: 1 }, self.clock.now());
        let mut found = BTreeSet::new();
        for digest in digests {
            if !self.store.records_tagged(account, KIND, &tag(digest), &first, now).await?.is_empty() {
                found.insert(*digest);
            }
        }
        Ok(found)
    }

    /// Records of digests that are new.
    pub(super) fn digest_records<'a>(
        &self,
        digests: impl Iterator<Item = &'a Digest>,
        until: Timestamp,
    ) -> Vec<RecordWrite> {
        let record = |digest: &Digest| {
            let id = random_id(&*self.randomness).to_string();
            let record = NewRecord::new(KIND, id, Secret::new(vec![1])).until(until);
            RecordWrite::Put(record.tagged(FRAME, tag(digest).value.expose()))
        };
        digests.map(record).collect()
    }
}
