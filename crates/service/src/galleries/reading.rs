//! Reading all rows of a container, by several readers side by side: to read and unseal them takes longer than the rest of
//! a load, and a start waits for it.

use likeness_store::{AccountId, FaceNumber, GalleryRow, Store, StoreError};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Rows fetched at once while loading or following: some megabytes of templates.
pub(super) const PAGE: usize = 4096;

/// Readers of a large container.
const READERS: usize = 4;

/// Some rows, or why there are none.
type Page = Result<Vec<GalleryRow>, StoreError>;

/// Begins to read all rows of a container, in no order.
pub(super) async fn read_all(
    store: &Arc<dyn Store>,
    account: AccountId,
    number: i64,
) -> Result<mpsc::Receiver<Page>, StoreError> {
    let (sender, pages) = mpsc::channel(READERS);
    for (after, until) in spans(store.face_numbers(account, number).await?) {
        let reader = Reader { store: store.clone(), account, number, until, pages: sender.clone() };
        tokio::spawn(reader.read(after));
    }
    Ok(pages)
}

/// Reads the rows of a span of faces, beside others that read other spans.
struct Reader {
    store: Arc<dyn Store>,
    account: AccountId,
    number: i64,
    until: FaceNumber,
    pages: mpsc::Sender<Page>,
}

impl Reader {
    /// Reads what comes after a face. It ends early when nobody takes the pages any more.
    async fn read(self, mut after: FaceNumber) {
        while after.0 < self.until.0 {
            let mut page = self.store.rows_after(self.account, self.number, after, PAGE).await;
            match &mut page {
                Ok(rows) if rows.is_empty() => return,
                Ok(rows) => {
                    after = rows.last().map_or(self.until, |row| row.face);
                    rows.retain(|row| row.face.0 <= self.until.0);
                }
                Err(_) => after = self.until,
            }
            if self.pages.send(page).await.is_err() {
                return;
            }
        }
    }
}

/// Spans of faces that are read side by side: the last before each, and its last.
fn spans(faces: Option<(FaceNumber, FaceNumber)>) -> Vec<(FaceNumber, FaceNumber)> {
    let Some((first, last)) = faces else { return Vec::new() };
    let width = last.0 - first.0 + 1;
    let readers = if width <= PAGE as i64 { 1 } else { READERS as i64 };
    let edge = |reader: i64| FaceNumber(first.0 - 1 + width * reader / readers);
    (0..readers).map(|reader| (edge(reader), edge(reader + 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_name_every_face_once() {
        assert!(spans(None).is_empty());
        for (first, last) in [(1, 1), (7, 7), (1, 4096), (1, 4097), (3, 10_000), (1_000_000, 2_999_999)] {
            let spans = spans(Some((FaceNumber(first), FaceNumber(last))));
            assert_eq!(spans.first().map(|span| span.0.0), Some(first - 1));
            assert_eq!(spans.last().map(|span| span.1.0), Some(last));
            assert!(spans.windows(2).all(|pair| pair[0].1.0 == pair[1].0.0), "{first} to {last}");
            assert_eq!(spans.len(), if last - first < 4096 { 1 } else { READERS });
        }
    }
}
