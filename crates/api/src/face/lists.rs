//! Lists, sent in slices of what is stored.
//!
//! Start at [`array`]. A list holds every record that its page promises: clients take a short page for the last one. It is
//! therefore not cut short where it is long, but read and sent slice by slice, so that neither this process nor the
//! store's readers hold more than a slice of it.

use super::call::{Call, Permitted};
use crate::azure::{Refusal, from_store};
use axum::body::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use likeness_http::Reply;
use likeness_service::shares::{PIECE_BYTES, Share};
use likeness_store::{ContainerKind, PageStart, Store, StoreError};
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// Records of the first slice: with the longest user data they are some 4 MB.
const FIRST_SLICE: usize = 64;
/// Bytes that a later slice should have.
const SLICE_BYTES: usize = 1024 * 1024;
/// Records of a slice at most.
const MOST_RECORDS: usize = 4_096;

/// What reads a slice: the records after `after`, at most `top` of them.
type Read<T> = Box<dyn Fn(Arc<dyn Store>, PageStart) -> BoxFuture<'static, Result<Vec<T>, StoreError>> + Send + Sync>;

/// How a list is read and shown.
pub(super) struct List<T> {
    /// Reads a slice.
    pub read: Read<T>,
    /// The id by which the list is sorted.
    pub id: fn(&T) -> String,
    /// A record on the wire.
    pub show: Box<dyn Fn(&T) -> serde_json::Value + Send + Sync>,
    /// Which of the records are shown.
    pub wanted: Box<dyn Fn(&T) -> bool + Send + Sync>,
    /// What stands before the records.
    pub opening: &'static str,
    /// What stands after them.
    pub closing: &'static str,
    /// Of what kind its refusals speak.
    pub kind: ContainerKind,
}

impl<T> List<T> {
    /// A list that is a JSON array.
    pub(super) fn array<F>(
        kind: ContainerKind,
        read: F,
        id: fn(&T) -> String,
        show: impl Fn(&T) -> serde_json::Value + Send + Sync + 'static,
    ) -> Self
    where
        F: Fn(Arc<dyn Store>, PageStart) -> BoxFuture<'static, Result<Vec<T>, StoreError>> + Send + Sync + 'static,
        T: 'static,
    {
        Self {
            read: Box::new(read),
            id,
            show: Box::new(show),
            wanted: Box::new(|_| true),
            opening: "[",
            closing: "]",
            kind,
        }
    }
}

/// Answers a list.
pub(super) async fn answer<T: Send + Sync + 'static>(
    call: Call<Permitted>,
    page: PageStart,
    list: List<T>,
) -> Result<Reply, Refusal> {
    let mut room = call.app().shares.answers.take(call.owner(), PIECE_BYTES).await.map_err(|_| Refusal::Busy)?;
    let kind = list.kind;
    let mut rest = Slices { call, page, list, next: FIRST_SLICE, is_first: true, has_shown: false };
    let (first, is_last) = rest.read().await.map_err(|problem| match problem {
        Problem::Store(error) => from_store(error, kind),
        Problem::Refused(refusal) => refusal,
    })?;
    if is_last {
        room.shrink_to(first.len() as u64);
        return Ok(rest.call.answer_bytes(first, room));
    }
    Ok(in_pieces(first, rest, room))
}

fn in_pieces<T: Send + Sync + 'static>(first: Vec<u8>, rest: Slices<T>, room: Share) -> Reply {
    let first = stream::once(async move { Ok(Bytes::from(first)) });
    let rest = stream::unfold(Some(rest), |rest| async {
        let mut rest = rest?;
        // Whoever was let in may have been shut out while the client read.
        let slice = match rest.call.recheck_access().await {
            Ok(()) => rest.read().await,
            Err(refusal) => Err(Problem::Refused(refusal)),
        };
        match slice {
            Ok((bytes, is_last)) => Some((Ok(Bytes::from(bytes)), (!is_last).then_some(rest))),
            Err(_) => Some((Err("the list could not be read to its end"), None)),
        }
    });
    Call::answer_in_pieces(stream::StreamExt::chain(first, rest), room)
}

/// Why a slice could not be read.
enum Problem {
    Store(StoreError),
    Refused(Refusal),
}

/// What is still to be sent.
struct Slices<T> {
    call: Call<Permitted>,
    page: PageStart,
    list: List<T>,
    /// How many records to read next.
    next: usize,
    is_first: bool,
    /// Whether a record was shown.
    has_shown: bool,
}

impl<T> Slices<T> {
    /// The next slice as it is sent, and whether it is the last.
    async fn read(&mut self) -> Result<(Vec<u8>, bool), Problem> {
        let wanted = self.next.min(self.page.top);
        let slice = PageStart { after: self.page.after.clone(), top: wanted };
        let slices = self.call.app().shares.slices.clone();
        let turn = slices.take(self.call.owner(), 1).await.map_err(|_| Problem::Refused(Refusal::Busy))?;
        let begun = Instant::now();
        let records = (self.list.read)(self.call.shared_store(), slice).await.map_err(Problem::Store)?;
        self.page.top -= records.len().min(self.page.top);
        let is_last = records.len() < wanted || self.page.top == 0;
        if let Some(last) = records.last() {
            self.page.after = (self.list.id)(last);
        }
        let mut bytes = Vec::new();
        if self.is_first {
            bytes.extend_from_slice(self.list.opening.as_bytes());
        }
        for record in records.iter().filter(|record| (self.list.wanted)(record)) {
            if std::mem::replace(&mut self.has_shown, true) {
                bytes.push(b',');
            }
            let shown = (self.list.show)(record);
            let written = shown.serialize(&mut serde_json::Serializer::new(&mut bytes));
            written.map_err(|error| Problem::Refused(error.into()))?;
        }
        turn.charge(i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX));
        self.next = (SLICE_BYTES * records.len() / bytes.len().max(1)).clamp(FIRST_SLICE / 4, MOST_RECORDS);
        self.is_first = false;
        if is_last {
            bytes.extend_from_slice(self.list.closing.as_bytes());
        }
        Ok((bytes, is_last))
    }
}
