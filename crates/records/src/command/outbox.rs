//! Deliveries: work that another command caused and that is done afterwards, in order, until it succeeds or is given up.

use std::time::Duration;

use likeness_base::{Secret, Timestamp};
use uuid::Uuid;

use super::{Applied, Domain};

/// What can be done to a delivery. None of it leaves an audit row; what caused the delivery does.
#[derive(Clone, Debug)]
pub enum OutboxWrite {
    /// Puts a delivery at the end of its queue. [`Applied::version`] gives its number. In the transaction of what caused
    /// it this is done by [`Write::Accompanied`](crate::Write::Accompanied).
    Append(NewDelivery),
    /// Takes the first delivery of its queue for a while, or keeps it longer. Refused with
    /// [`DeliveryNotHeld`](crate::StoreError::DeliveryNotHeld) when it is not the first, is not due or is somebody else's.
    Lease {
        /// Its number.
        number: i64,
        /// Who takes it; drawn by each worker.
        holder: Uuid,
        /// Until when nobody else may take it.
        until: Timestamp,
    },
    /// It was delivered and goes. Refused with [`DeliveryNotHeld`](crate::StoreError::DeliveryNotHeld) when somebody else
    /// has taken it meanwhile: then they deliver it again, so that whoever receives must know it by its content.
    Complete {
        /// Its number.
        number: i64,
        /// Who took it.
        holder: Uuid,
    },
    /// It failed and is tried again later; what stands behind it in the queue waits. Refused like completing it.
    Retry {
        /// Its number.
        number: i64,
        /// Who took it.
        holder: Uuid,
        /// Not before then; see [`back_off`].
        due_at: Timestamp,
    },
}

/// A delivery to be made.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Its queue, 1 to 200 bytes: deliveries of one queue are made one at a time, in the order in which they came. Kept in
    /// the clear: nothing personal.
    pub queue: String,
    /// What is delivered; sealed.
    pub payload: Secret<Vec<u8>>,
    /// Not before then.
    pub due_at: Timestamp,
    /// From this very instant on it does not exist, delivered or not.
    pub gives_up_at: Timestamp,
    /// Most deliveries that wait in the account.
    pub limit: Option<u64>,
}

impl Domain for OutboxWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Append(_) => "append_delivery",
            Self::Lease { .. } => "lease_delivery",
            Self::Complete { .. } => "complete_delivery",
            Self::Retry { .. } => "retry_delivery",
        }
    }

    fn erases(&self, applied: &Applied) -> bool {
        applied.removed > 0
    }
}

/// How long to wait after an attempt that failed: twice as long after each, up to the longest, of which between half and
/// all, by chance, so that what failed together is not tried together again.
pub fn back_off(attempts: u32, first: Duration, longest: Duration, chance: u32) -> Duration {
    let whole = first.saturating_mul(1 << attempts.saturating_sub(1).min(31)).min(longest);
    whole / 2 + whole.mul_f64(f64::from(chance) / f64::from(u32::MAX)) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_never_less_than_half() {
        let (first, longest) = (Duration::from_secs(2), Duration::from_secs(60));
        for (attempts, whole) in [(0, 2), (1, 2), (2, 4), (3, 8), (5, 32), (6, 60), (40, 60), (u32::MAX, 60)] {
            let whole = Duration::from_secs(whole);
            assert_eq!(back_off(attempts, first, longest, 0), whole / 2, "{attempts}");
            assert_eq!(back_off(attempts, first, longest, u32::MAX), whole, "{attempts}");
            let between = back_off(attempts, first, longest, u32::MAX / 2);
            assert!(between > whole / 2 && between < whole, "{attempts}");
        }
    }
}
