//! What waits to be written: a bounded queue for each account, and turns among accounts.
//!
//! Start at [`Turns`]. Whoever has many commands waiting makes others wait for one of them at a time, not for all. It
//! knows nothing of databases; each engine says what waits.

use std::collections::{HashMap, VecDeque};

use crate::error::StoreError;
use crate::id::AccountId;

/// Commands of one account that may wait. It is about what the writer does in a second; whoever has more under way than
/// that is better told so than kept.
const MOST_WAITING: usize = 1_024;

/// What waits of one account, in the order in which it came.
pub(crate) struct AccountQueue<W>(VecDeque<W>);

impl<W> AccountQueue<W> {
    /// Puts something last.
    ///
    /// # Errors
    /// [`StoreError::Busy`] where the account has as much waiting as it may.
    pub(crate) fn push(&mut self, work: W) -> Result<(), StoreError> {
        if self.0.len() >= MOST_WAITING {
            return Err(StoreError::Busy);
        }
        self.0.push_back(work);
        Ok(())
    }

    /// Takes what comes next.
    pub(crate) fn pop(&mut self) -> Option<W> {
        self.0.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<W> Default for AccountQueue<W> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

/// The queues of all accounts for one writer, which takes from them in turn.
pub(crate) struct Turns<W> {
    queues: HashMap<AccountId, AccountQueue<W>>,
    /// Accounts with something waiting, in the order of their turns.
    turns: VecDeque<AccountId>,
    is_closed: bool,
}

impl<W> Turns<W> {
    pub(crate) fn new() -> Self {
        Self { queues: HashMap::new(), turns: VecDeque::new(), is_closed: false }
    }

    /// Puts something last in the queue of its account.
    ///
    /// # Errors
    /// [`StoreError::Closed`], or [`StoreError::Busy`] where the account has as much waiting as it may.
    pub(crate) fn push(&mut self, account: AccountId, work: W) -> Result<(), StoreError> {
        if self.is_closed {
            return Err(StoreError::Closed);
        }
        if !self.queues.contains_key(&account) {
            self.turns.push_back(account);
        }
        self.queues.entry(account).or_default().push(work)
    }

    /// Takes what comes next of the account whose turn it is; the turn then is the next account's.
    pub(crate) fn pop(&mut self) -> Option<W> {
        let account = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&account)?;
        let work = queue.pop();
        if queue.is_empty() {
            self.queues.remove(&account);
        } else {
            self.turns.push_back(account);
        }
        work
    }

    /// Undoes a [`Turns::pop`], so that the same comes next again.
    pub(crate) fn put_back(&mut self, account: AccountId, work: W) {
        self.turns.retain(|other| *other != account);
        self.turns.push_front(account);
        self.queues.entry(account).or_default().0.push_front(work);
    }

    /// Lets nothing more in. What waits can still be taken.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Drops what waits.
    pub(crate) fn clear(&mut self) {
        self.queues.clear();
        self.turns.clear();
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn account(number: u128) -> AccountId {
        AccountId(Uuid::from_u128(number))
    }

    fn drain(turns: &mut Turns<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| turns.pop()).collect()
    }

    #[test]
    fn accounts_take_turns_and_each_keeps_its_order() {
        let mut turns = Turns::new();
        for (owner, work) in [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (3, "c1"), (2, "b2")] {
            turns.push(account(owner), work).expect("there is room");
        }
        assert_eq!(turns.pop(), Some("a1"));
        // Whoever comes back has no turn before those who wait.
        turns.push(account(4), "d1").expect("there is room");
        assert_eq!(drain(&mut turns), ["b1", "c1", "a2", "d1", "b2", "a3"]);
    }

    #[test]
    fn what_is_put_back_comes_next_again() {
        let mut turns = Turns::new();
        for (owner, work) in [(1, "a1"), (1, "a2"), (2, "b1")] {
            turns.push(account(owner), work).expect("there is room");
        }
        let first = turns.pop().expect("something waits");
        turns.put_back(account(1), first);
        assert_eq!(drain(&mut turns), ["a1", "b1", "a2"]);
        turns.put_back(account(2), "b2");
        assert_eq!(drain(&mut turns), ["b2"]);
    }

    #[test]
    fn a_full_queue_is_full_for_its_account_alone() {
        let mut turns = Turns::new();
        for number in 0..MOST_WAITING {
            turns.push(account(1), number).expect("there is room");
        }
        assert!(matches!(turns.push(account(1), 0), Err(StoreError::Busy)));
        turns.push(account(2), 0).expect("it is another account's");
        turns.close();
        assert!(matches!(turns.push(account(2), 0), Err(StoreError::Closed)));
        turns.clear();
        assert_eq!(turns.pop(), None);
    }
}
