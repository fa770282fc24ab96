//! What waits for one worker: a bounded queue for each owner, and turns among owners.
//!
//! Start at [`Turns`]. Whoever has much waiting makes others wait for one piece of it at a time, not for all.

use std::collections::{HashMap, VecDeque};

use crate::{Busy, Owner};

/// What waits of one owner: pieces of work in the order in which they came, and those that go on in parts. Each gets every
/// second turn of the owner, and of those in parts one after the other is finished.
#[derive(Debug)]
pub struct OwnerQueue<W> {
    new: VecDeque<W>,
    in_parts: VecDeque<W>,
    part_is_next: bool,
    most: usize,
}

impl<W> OwnerQueue<W> {
    /// Nothing waits, and no more than so much may.
    pub const fn new(most: usize) -> Self {
        Self { new: VecDeque::new(), in_parts: VecDeque::new(), part_is_next: false, most }
    }

    /// Puts something last.
    ///
    /// # Errors
    /// [`Busy`] where the owner has as much waiting as it may.
    pub fn push(&mut self, work: W) -> Result<(), Busy> {
        if self.new.len() + self.in_parts.len() >= self.most {
            return Err(Busy);
        }
        self.new.push_back(work);
        Ok(())
    }

    /// Takes what comes next.
    pub fn pop(&mut self) -> Option<W> {
        let is_part = self.new.is_empty() || (self.part_is_next && !self.in_parts.is_empty());
        self.part_is_next = !is_part;
        if is_part { self.in_parts.pop_front() } else { self.new.pop_front() }
    }

    /// Undoes a [`OwnerQueue::pop`]; `is_part`: of something that goes on in parts.
    pub fn put_back(&mut self, work: W, is_part: bool) {
        self.part_is_next = is_part;
        if is_part { self.in_parts.push_front(work) } else { self.new.push_front(work) }
    }

    /// Something that was taken goes on; `was_part`: it did so before, and is the first of them.
    pub fn go_on(&mut self, work: W, was_part: bool) {
        if was_part { self.in_parts.push_front(work) } else { self.in_parts.push_back(work) }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.in_parts.is_empty()
    }
}

/// The queues of all owners for one worker, which takes from them in turn.
#[derive(Debug)]
pub struct Turns<K: Owner, W> {
    queues: HashMap<K, OwnerQueue<W>>,
    /// Owners with something waiting, in the order of their turns.
    order: VecDeque<K>,
    most_each: usize,
}

impl<K: Owner, W> Turns<K, W> {
    /// Nothing waits, and of each owner no more than so much may.
    pub fn new(most_each: usize) -> Self {
        Self { queues: HashMap::new(), order: VecDeque::new(), most_each }
    }

    /// Puts something last in the queue of its owner.
    ///
    /// # Errors
    /// [`Busy`] where the owner has as much waiting as it may.
    pub fn push(&mut self, owner: K, work: W) -> Result<(), Busy> {
        self.queue(owner).push(work)
    }

    /// Takes what comes next of the owner whose turn it is; the turn then is the next owner's.
    pub fn pop(&mut self) -> Option<W> {
        let owner = self.order.pop_front()?;
        let queue = self.queues.get_mut(&owner)?;
        let work = queue.pop();
        if queue.is_empty() {
            self.queues.remove(&owner);
        } else {
            self.order.push_back(owner);
        }
        work
    }

    /// Undoes a [`Turns::pop`], so that the same comes next again; see [`OwnerQueue::put_back`].
    pub fn put_back(&mut self, owner: K, work: W, is_part: bool) {
        self.queue(owner.clone()).put_back(work, is_part);
        self.order.retain(|other| *other != owner);
        self.order.push_front(owner);
    }

    /// Something that was taken goes on when its owner has a turn again; see [`OwnerQueue::go_on`].
    pub fn go_on(&mut self, owner: K, work: W, was_part: bool) {
        self.queue(owner).go_on(work, was_part);
    }

    /// Drops what waits.
    pub fn clear(&mut self) {
        self.queues.clear();
        self.order.clear();
    }

    fn queue(&mut self, owner: K) -> &mut OwnerQueue<W> {
        let (order, most_each) = (&mut self.order, self.most_each);
        self.queues.entry(owner.clone()).or_insert_with(|| {
            order.push_back(owner);
            OwnerQueue::new(most_each)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Waiting = Turns<&'static str, &'static str>;

    fn waiting(all: &[(&'static str, &'static str)]) -> Waiting {
        let mut turns = Turns::new(100);
        for &(owner, work) in all {
            turns.push(owner, work).expect("there is room");
        }
        turns
    }

    fn drain(turns: &mut Waiting) -> Vec<&'static str> {
        std::iter::from_fn(|| turns.pop()).collect()
    }

    #[test]
    fn owners_take_turns_and_each_keeps_its_order() {
        let mut turns = waiting(&[("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1"), ("b", "b2")]);
        assert_eq!(turns.pop(), Some("a1"));
        // Whoever comes back has no turn before those who wait.
        turns.push("d", "d1").expect("there is room");
        assert_eq!(drain(&mut turns), ["b1", "c1", "a2", "d1", "b2", "a3"]);
    }

    #[test]
    fn what_is_put_back_comes_next_again() {
        let mut turns = waiting(&[("a", "a1"), ("a", "a2"), ("b", "b1")]);
        let first = turns.pop().expect("something waits");
        turns.put_back("a", first, false);
        assert_eq!(drain(&mut turns), ["a1", "b1", "a2"]);
        turns.put_back("b", "b2", false);
        assert_eq!(drain(&mut turns), ["b2"]);
    }

    #[test]
    fn what_goes_on_in_parts_alternates_with_what_is_new() {
        let mut turns = waiting(&[("a", "large"), ("a", "second"), ("a", "a1"), ("a", "a2")]);
        assert_eq!(turns.pop(), Some("large"));
        turns.go_on("a", "large", false);
        assert_eq!(turns.pop(), Some("large"));
        turns.go_on("a", "large", true);
        assert_eq!(turns.pop(), Some("second"));
        turns.go_on("a", "second", false);
        turns.push("b", "b1").expect("there is room");
        assert_eq!((turns.pop(), turns.pop()), (Some("large"), Some("b1")));
        turns.go_on("a", "large", true);
        assert_eq!((turns.pop(), turns.pop()), (Some("a1"), Some("large")));
        turns.put_back("a", "large", true);
        assert_eq!(drain(&mut turns), ["large", "a2", "second"]);
        turns.go_on("a", "second", true);
        assert_eq!(drain(&mut turns), ["second"]);
    }

    #[test]
    fn a_full_queue_is_full_for_its_owner_alone() {
        let mut turns = Turns::new(2);
        for (owner, room) in [("a", true), ("a", true), ("a", false), ("b", true)] {
            assert_eq!(turns.push(owner, ()).is_ok(), room, "{owner}");
        }
        turns.clear();
        assert_eq!(turns.pop(), None);
        turns.push("a", ()).expect("there is room again");
    }
}
