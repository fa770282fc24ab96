//! What the whole process has only so much of, and whose part of it is whose.
//!
//! Start at [`FairShares`]. Workers have theirs in [`crate::inference`], connections to the database in the store. A part
//! belongs to the account of the call; where there is none, such as for operators and strangers, to the address that the
//! call comes from.

use crate::config::SharesConfig;
use crate::fetch::{FetchError, Fetcher};
use likeness_base::Secret;
use likeness_rules::network_of;
use likeness_shares::{Limits, Shares};
use likeness_store::AccountId;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Whose part it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// An account's.
    Account(AccountId),
    /// Somebody's whom no account is known for: an address of IPv4, or a /64 of IPv6.
    Address(IpAddr),
    /// The program's own.
    Program,
}

impl Owner {
    /// The owner of what a call takes.
    pub fn of(account: Option<AccountId>, client: IpAddr) -> Self {
        account.map_or_else(|| Self::Address(network_of(client)), Self::Account)
    }
}

/// A part of something.
pub type Share = likeness_shares::Share<Owner>;

/// Bytes that a call may have in memory without taking a part: they are bounded by the number of connections.
pub const FREE_BYTES: usize = 64 * 1024;

/// Bytes that an answer in pieces has in memory at most, or a little more: the piece that is read and the one that is sent.
pub const PIECE_BYTES: u64 = 4 * 1024 * 1024;

/// An owner's part of something is a quarter, so that no three of them have it all.
const PART_EACH: u64 = 4;
/// What is kept for owners who hold nothing is an eighth.
const PART_RESERVED: u64 = 8;
/// An answer may wait this long for room: whoever asks for a long one can wait for it.
const ANSWER_WAIT: Duration = Duration::from_secs(20);
/// One byte less than a turn is worth would make a picture of 6 MB wait for seven turns.
const BYTES_OF_A_TURN: i64 = 1024 * 1024;

/// What all calls share beside the workers.
pub struct FairShares {
    /// Bytes of bodies that are read, and of pictures that are fetched.
    pub bodies: Arc<Shares<Owner>>,
    /// Bytes of answers under way.
    pub answers: Arc<Shares<Owner>>,
    /// Pictures that are being fetched by address.
    pub fetches: Arc<Shares<Owner>>,
    /// Reports that read all that an account has.
    pub reports: Arc<Shares<Owner>>,
    /// Slices of long answers that are read, opened and written at this moment: work for the processor, of which one account
    /// leaves a thread to others.
    pub slices: Arc<Shares<Owner>>,
    /// Work in the background that callers ask for, such as trainings; it waits as long as it takes.
    pub background: Arc<Shares<Owner>>,
}

/// Longer than any process runs.
const EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// Microseconds that a turn at making slices is worth.
const SLICE_TURN: i64 = 20_000;

/// Reports at once, of all accounts; each has one at a time.
const REPORTS: u64 = 2;

impl FairShares {
    /// All of it is free. Who waits for room for a body, or for a fetch, waits for `patience`.
    pub fn new(config: &SharesConfig, patience: Duration) -> Self {
        let bytes = |name, megabytes: u64, longest_wait| {
            let capacity = megabytes * 1024 * 1024;
            Shares::new(Limits {
                name,
                capacity,
                most_each: capacity / PART_EACH,
                reserve: capacity / PART_RESERVED,
                waiting: 1_024,
                longest_wait,
                quantum: BYTES_OF_A_TURN,
                cost_of_unit: 1,
            })
        };
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
        Self {
            bodies: bytes("bodies", config.body_megabytes, patience),
            answers: bytes("answers", config.answer_megabytes, ANSWER_WAIT),
            fetches: Shares::new(Limits {
                name: "fetches",
                capacity: config.fetches,
                most_each: (config.fetches / PART_EACH).max(1),
                reserve: config.fetches / PART_RESERVED,
                waiting: 256,
                longest_wait: patience,
                quantum: 1,
                cost_of_unit: 1,
            }),
            reports: Shares::new(Limits {
                name: "reports",
                capacity: REPORTS,
                most_each: 1,
                reserve: 1,
                waiting: 64,
                longest_wait: ANSWER_WAIT,
                quantum: 1,
                cost_of_unit: 1,
            }),
            slices: Shares::new(Limits {
                name: "slices",
                capacity: threads,
                most_each: (threads - 1).max(1),
                reserve: 0,
                waiting: 1_024,
                longest_wait: ANSWER_WAIT,
                quantum: SLICE_TURN,
                cost_of_unit: 1_000,
            }),
            background: Shares::new(Limits {
                name: "background",
                capacity: threads,
                most_each: (threads - 1).max(1),
                reserve: 0,
                waiting: usize::MAX,
                longest_wait: EVER,
                quantum: SLICE_TURN,
                cost_of_unit: 1_000,
            }),
        }
    }
}

/// Something that was fetched, and the memory that it takes.
pub struct Fetched {
    /// The bytes.
    pub bytes: Secret<Vec<u8>>,
    /// Their part of the owner's share.
    pub room: Share,
}

impl FairShares {
    /// Fetches an address that an owner gave us.
    ///
    /// # Errors
    /// [`FetchError`], see its variants; [`FetchError::Busy`] where the owner has as many fetches or bytes as it may.
    pub async fn fetch(
        &self,
        fetcher: &Fetcher,
        owner: Owner,
        address: &str,
        most_bytes: usize,
    ) -> Result<Fetched, FetchError> {
        let _fetch = self.fetches.take(owner, 1).await.map_err(|_| FetchError::Busy)?;
        let mut room = self.bodies.take(owner, most_bytes as u64).await.map_err(|_| FetchError::Busy)?;
        let bytes = fetcher.get(address, most_bytes).await?;
        room.shrink_to(bytes.expose().len() as u64);
        Ok(Fetched { bytes, room })
    }
}
