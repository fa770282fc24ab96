//! Fair shares of a resource that the whole process has only so much of: seats of workers, bytes, connections to a database.
//!
//! Start at [`Shares::take`]. Whoever wants a part says whose it is; that owner is an account, or the address of somebody
//! whom no account is known for. Three rules keep one owner from standing in the way of another:
//!
//! - No owner holds more than [`Limits::most_each`], and while others are about nobody who holds something already takes
//!   the last [`Limits::reserve`]: whoever comes next finds something free.
//! - Whoever has to wait waits in the queue of its owner, and owners take turns: deficit round robin by cost. Each turn is
//!   worth [`Limits::quantum`]; what something cost beyond what was known beforehand is paid for with turns to come. What
//!   is used while nobody waits costs nothing: it was in nobody's way.
//! - Waiting places and waiting time are bounded for each owner.
//!
//! What there is only one of, and is worked through piece by piece, has [`Turns`] instead.
//!
//! This crate knows neither accounts nor what is shared. A part that is dropped is given back, whatever happened meanwhile.

mod timed;
mod turns;

pub use timed::TimedShare;
pub use turns::{OwnerQueue, Turns};

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long an owner counts as being about after it last asked for something.
const COMPANY: Duration = Duration::from_secs(10);
/// How long an owner that holds nothing and waits for nothing is remembered, with what it owes.
const MEMORY: Duration = Duration::from_secs(60);
/// How often a waiting owner looks whether others have gone, which nobody tells it.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Waiting places that every owner has.
const LEAST_WAITING: usize = 8;
/// Owners that are remembered whether they are about or not.
const MANY_OWNERS: usize = 1_024;

/// How much there is, and how it is shared.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// What is shared, in metrics.
    pub name: &'static str,
    /// Units in all.
    pub capacity: u64,
    /// Units that one owner holds at most.
    pub most_each: u64,
    /// Units that are free for owners who hold nothing, while there is more than one owner about.
    pub reserve: u64,
    /// Callers that may wait, in all; each owner has an equal part of it, and 8 at least.
    pub waiting: usize,
    /// How long a caller waits at most.
    pub longest_wait: Duration,
    /// Cost that one turn is worth.
    pub quantum: i64,
    /// What a unit costs when it is handed out; [`Share::charge`] adds what becomes known later.
    pub cost_of_unit: i64,
}

/// The owner's waiting places are taken, or nothing came free in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing came free in time")]
pub struct Busy;

/// A bounded resource and who has how much of it.
#[derive(Debug)]
pub struct Shares<K: Owner> {
    limits: Limits,
    state: Mutex<State<K>>,
}

/// Whose part it is.
pub trait Owner: Clone + Eq + Hash + Send + std::fmt::Debug + 'static {}
impl<K: Clone + Eq + Hash + Send + std::fmt::Debug + 'static> Owner for K {}

#[derive(Debug)]
struct State<K: Owner> {
    free: u64,
    accounts: HashMap<K, Account<K>>,
    /// Owners with somebody waiting, in the order of their turns.
    turns: VecDeque<K>,
    /// Who asked last, and who asked last before that of all others.
    latest: [Option<(K, Instant)>; 2],
    /// With more owners than this, those that are not about any more are forgotten.
    tidy_above: usize,
}

/// What is known of one owner.
#[derive(Debug)]
struct Account<K: Owner> {
    held: u64,
    /// What is left of its turn; below zero: what it owes.
    credit: i64,
    waiting: VecDeque<Waiter<K>>,
    asked: Instant,
}

#[derive(Debug)]
struct Waiter<K: Owner> {
    units: u64,
    /// What is sent and not received any more gives itself back.
    answer: oneshot::Sender<Share<K>>,
}

/// A part of the resource, given back when dropped.
#[derive(Debug)]
pub struct Share<K: Owner> {
    shares: Arc<Shares<K>>,
    owner: K,
    units: u64,
    is_held: bool,
}

/// Why a waiter is not served.
enum Denied {
    /// Its owner has its share.
    Owner,
    /// There is not as much left; whoever comes after must not take it away bit by bit.
    All,
}

impl<K: Owner> Shares<K> {
    /// All of it is free.
    pub fn new(limits: Limits) -> Arc<Self> {
        let state = State {
            free: limits.capacity,
            accounts: HashMap::new(),
            turns: VecDeque::new(),
            latest: [const { None }; 2],
            tidy_above: MANY_OWNERS,
        };
        Arc::new(Self { limits, state: Mutex::new(state) })
    }

    /// How much there is and how it is shared.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Units that are free.
    pub fn free(&self) -> u64 {
        self.lock().free
    }

    /// Units that an owner holds.
    pub fn held(&self, owner: &K) -> u64 {
        self.lock().accounts.get(owner).map_or(0, |account| account.held)
    }

    /// Takes a part, after a wait if need be. More than one owner may hold is cut down to that.
    ///
    /// # Errors
    /// [`Busy`] when the owner's waiting places are taken or the wait is over.
    pub async fn take(self: &Arc<Self>, owner: K, units: u64) -> Result<Share<K>, Busy> {
        self.take_within(owner, units, self.limits.longest_wait).await
    }

    /// The same with another bound for the wait.
    ///
    /// # Errors
    /// As [`Shares::take`].
    pub async fn take_within(self: &Arc<Self>, owner: K, units: u64, longest_wait: Duration) -> Result<Share<K>, Busy> {
        let units = units.min(self.limits.most_each).min(self.limits.capacity);
        let mut answer = match self.ask(&owner, units)? {
            Asked::Served(share) => return Ok(share),
            Asked::Waits(answer) => answer,
        };
        let begun = Instant::now();
        let end = begun + longest_wait;
        let served = loop {
            // Only a reserve comes free without anybody's giving back.
            let look_every = if self.limits.reserve > 0 { LOOK_EVERY } else { longest_wait };
            let pause = look_every.min(end.saturating_duration_since(Instant::now()));
            if let Ok(served) = tokio::time::timeout(pause, &mut answer).await {
                break served.ok();
            }
            if Instant::now() >= end {
                // It may have been served at this very moment.
                answer.close();
                break answer.try_recv().ok();
            }
            self.dispatch(&mut self.lock());
        };
        let name = self.limits.name;
        metrics::histogram!("likeness_share_wait_seconds", "of" => name).record(begun.elapsed().as_secs_f64());
        if served.is_none() {
            metrics::counter!("likeness_share_refused_total", "of" => name, "reason" => "wait").increment(1);
            self.dispatch(&mut self.lock());
        }
        served.ok_or(Busy)
    }

    /// Takes a part if that needs no wait.
    ///
    /// # Errors
    /// [`Busy`] when it would.
    pub fn try_take(self: &Arc<Self>, owner: K, units: u64) -> Result<Share<K>, Busy> {
        let units = units.min(self.limits.most_each).min(self.limits.capacity);
        match self.ask(&owner, units)? {
            Asked::Served(share) => Ok(share),
            // Who does not wait has no place in the queue.
            Asked::Waits(mut answer) => {
                answer.close();
                answer.try_recv().map_err(|_| Busy)
            }
        }
    }

    /// Serves at once, where nobody is overtaken by it, or queues.
    fn ask(self: &Arc<Self>, owner: &K, units: u64) -> Result<Asked<K>, Busy> {
        let now = Instant::now();
        let mut state = self.lock();
        state.saw(owner, now);
        if state.turns.is_empty() && self.may_have(&state, owner, units, now).is_ok() {
            return Ok(Asked::Served(self.hand_out(&mut state, owner, units, 0)));
        }
        let places = self.limits.waiting / (state.turns.len() + 1).max(1);
        let account = state.account(owner, now);
        account.waiting.retain(|waiter| !waiter.answer.is_closed());
        if account.waiting.len() >= places.max(LEAST_WAITING.min(self.limits.waiting)) {
            metrics::counter!("likeness_share_refused_total", "of" => self.limits.name, "reason" => "queue")
                .increment(1);
            return Err(Busy);
        }
        let (answer, listener) = oneshot::channel();
        account.waiting.push_back(Waiter { units, answer });
        if account.waiting.len() == 1 && !state.turns.contains(owner) {
            state.turns.push_back(owner.clone());
        }
        self.dispatch(&mut state);
        drop(state);
        Ok(Asked::Waits(listener))
    }

    fn may_have(&self, state: &State<K>, owner: &K, units: u64, now: Instant) -> Result<(), Denied> {
        let held = state.accounts.get(owner).map_or(0, |account| account.held);
        if held + units > self.limits.most_each {
            return Err(Denied::Owner);
        }
        if units > state.free {
            return Err(Denied::All);
        }
        if held > 0 && state.free - units < self.limits.reserve && state.is_in_company(owner, now) {
            return Err(Denied::Owner);
        }
        Ok(())
    }

    fn hand_out(self: &Arc<Self>, state: &mut State<K>, owner: &K, units: u64, cost: i64) -> Share<K> {
        state.free -= units;
        let account = state.account(owner, Instant::now());
        account.held += units;
        account.credit = account.credit.saturating_sub(cost);
        Share { shares: self.clone(), owner: owner.clone(), units, is_held: true }
    }

    /// Serves who waits, owner by owner, for as long as there is something to hand out.
    fn dispatch(self: &Arc<Self>, state: &mut State<K>) {
        let now = Instant::now();
        // Owners in a row that could have nothing.
        let mut denied = 0;
        while denied < state.turns.len() {
            let Some(owner) = state.turns.front().cloned() else { return };
            let account = state.account(&owner, now);
            while account.waiting.front().is_some_and(|waiter| waiter.answer.is_closed()) {
                account.waiting.pop_front();
            }
            let Some(units) = account.waiting.front().map(|waiter| waiter.units) else {
                // A turn that is not used up is not saved for later; what is owed stays owed.
                account.credit = account.credit.min(0);
                state.turns.pop_front();
                continue;
            };
            match self.may_have(state, &owner, units, now) {
                Err(Denied::All) => return,
                Err(Denied::Owner) => {
                    state.turns.rotate_left(1);
                    denied += 1;
                    continue;
                }
                Ok(()) => denied = 0,
            }
            let account = state.account(&owner, now);
            if account.credit <= 0 {
                account.credit = account.credit.saturating_add(self.limits.quantum.max(1));
                if account.credit <= 0 {
                    state.turns.rotate_left(1);
                    continue;
                }
            }
            let Some(waiter) = account.waiting.pop_front() else { continue };
            let share = self.hand_out(state, &owner, units, self.cost_of(units));
            if let Err(mut unwanted) = waiter.answer.send(share) {
                // Not by its drop, which would wait for the lock that is held here.
                unwanted.is_held = false;
                state.take_back(&owner, units);
                state.charge(&owner, -self.cost_of(units), self.limits.quantum);
            } else if state.account(&owner, now).credit <= 0 {
                state.turns.rotate_left(1);
            }
        }
    }

    fn cost_of(&self, units: u64) -> i64 {
        self.limits.cost_of_unit.saturating_mul(i64::try_from(units).unwrap_or(i64::MAX))
    }

    fn give_back(self: &Arc<Self>, owner: &K, units: u64, cost: i64) {
        let mut state = self.lock();
        state.take_back(owner, units);
        if !state.turns.is_empty() {
            state.charge(owner, cost, self.limits.quantum);
        }
        self.dispatch(&mut state);
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of asking for a part.
enum Asked<K: Owner> {
    Served(Share<K>),
    Waits(oneshot::Receiver<Share<K>>),
}

impl<K: Owner> State<K> {
    fn take_back(&mut self, owner: &K, units: u64) {
        self.free += units;
        if let Some(account) = self.accounts.get_mut(owner) {
            account.held -= units;
        }
    }

    /// Adds to what the owner has had. What it gets back makes a turn of it at most: it may have cost nothing before.
    fn charge(&mut self, owner: &K, cost: i64, quantum: i64) {
        if let Some(account) = self.accounts.get_mut(owner) {
            let most = account.credit.max(quantum);
            account.credit = account.credit.saturating_sub(cost).min(most);
        }
    }

    fn saw(&mut self, owner: &K, now: Instant) {
        match &mut self.latest {
            [Some((latest, at)), _] if latest == owner => *at = now,
            [latest, before] => {
                *before = latest.replace((owner.clone(), now));
            }
        }
        self.account(owner, now).asked = now;
        if self.accounts.len() > self.tidy_above {
            self.accounts.retain(|_, account| {
                account.held > 0 || !account.waiting.is_empty() || now.duration_since(account.asked) < MEMORY
            });
            self.tidy_above = MANY_OWNERS.max(self.accounts.len() * 2);
        }
    }

    fn is_in_company(&self, owner: &K, now: Instant) -> bool {
        let others = self.latest.iter().flatten().filter(|(other, _)| other != owner);
        others.into_iter().any(|(_, at)| now.duration_since(*at) < COMPANY)
    }

    fn account(&mut self, owner: &K, now: Instant) -> &mut Account<K> {
        let new = || Account { held: 0, credit: 0, waiting: VecDeque::new(), asked: now };
        self.accounts.entry(owner.clone()).or_insert_with(new)
    }
}

impl<K: Owner> Share<K> {
    /// Whose part it is.
    pub const fn owner(&self) -> &K {
        &self.owner
    }

    /// How much it is.
    pub const fn units(&self) -> u64 {
        self.units
    }

    /// Adds to what the owner has had: a cost that is known only now. It counts if somebody waits.
    pub fn charge(&self, cost: i64) {
        self.shares.give_back(&self.owner, 0, cost);
    }

    /// Gives a part of it back.
    pub fn shrink_to(&mut self, units: u64) {
        let less = self.units.saturating_sub(units);
        self.units -= less;
        self.shares.give_back(&self.owner, less, 0);
    }
}

impl<K: Owner> Drop for Share<K> {
    fn drop(&mut self) {
        if self.is_held {
            self.shares.give_back(&self.owner, self.units, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::task::JoinHandle;

    const LONG: Duration = Duration::from_secs(3_600);

    fn limits(capacity: u64) -> Limits {
        Limits {
            name: "tests",
            capacity,
            most_each: capacity,
            reserve: 0,
            waiting: 64,
            longest_wait: LONG,
            quantum: 1,
            cost_of_unit: 1,
        }
    }

    type Shared = Arc<Shares<&'static str>>;

    /// Waits in the queue of `owner`; the returned end says in which order the waiters were served.
    async fn queue(
        shares: &Shared,
        owner: &'static str,
        units: u64,
        order: &mpsc::Sender<&'static str>,
    ) -> JoinHandle<()> {
        let (shares, order) = (shares.clone(), order.clone());
        let task = tokio::spawn(async move {
            let share = shares.take(owner, units).await.expect("it comes free");
            order.send(owner).expect("the test listens");
            tokio::task::yield_now().await;
            drop(share);
        });
        tokio::task::yield_now().await;
        task
    }

    #[tokio::test]
    async fn owners_take_turns_however_many_wait_for_each() {
        let shares = Shares::new(limits(1));
        let first = shares.take("a", 1).await.expect("it is free");
        let (order, served) = mpsc::channel();
        let mut tasks = Vec::new();
        for owner in ["a", "a", "a", "a", "b", "c"] {
            tasks.push(queue(&shares, owner, 1, &order).await);
        }
        drop(first);
        for task in tasks {
            task.await.expect("no panic");
        }
        let order: Vec<&str> = served.try_iter().collect();
        assert_eq!(order[..3].iter().filter(|owner| **owner == "a").count(), 1, "{order:?}");
        assert_eq!(shares.free(), 1);
    }

    #[tokio::test]
    async fn what_costs_more_takes_fewer_turns() {
        let shares = Shares::new(Limits { cost_of_unit: 1, quantum: 10, ..limits(1) });
        let (order, served) = mpsc::channel();
        let costly = shares.take("costly", 1).await.expect("it is free");
        let mut tasks = Vec::new();
        for _ in 0..6 {
            tasks.push(queue(&shares, "costly", 1, &order).await);
            tasks.push(queue(&shares, "cheap", 1, &order).await);
        }
        // What was done for it took as long as five of its turns are worth.
        costly.charge(50);
        drop(costly);
        for task in tasks {
            task.await.expect("no panic");
        }
        let order: Vec<&str> = served.try_iter().collect();
        assert_eq!(order[..6], ["cheap"; 6], "{order:?}");
    }

    #[tokio::test]
    async fn what_was_used_while_nobody_waited_is_not_owed() {
        let shares = Shares::new(Limits { cost_of_unit: 1, quantum: 10, ..limits(1) });
        for _ in 0..100 {
            let alone = shares.take("alone before", 1).await.expect("it is free");
            alone.charge(1_000);
        }
        let (order, served) = mpsc::channel();
        let held = shares.take("new", 1).await.expect("it is free");
        let mut tasks = Vec::new();
        for owner in ["alone before", "new", "new", "new"] {
            tasks.push(queue(&shares, owner, 1, &order).await);
        }
        drop(held);
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(served.try_iter().next(), Some("alone before"));
    }

    #[tokio::test]
    async fn nobody_holds_more_than_its_share_and_the_last_is_left_for_others() {
        let shares = Shares::new(Limits { most_each: 3, reserve: 1, waiting: 0, ..limits(4) });
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(shares.take("a", 1).await.expect("nobody else is about"));
        }
        assert_eq!(shares.try_take("a", 1).expect_err("it has its share"), Busy);
        held.push(shares.take("b", 1).await.expect("it is left"));
        held.truncate(2);
        // Two are free now; one of them is for whoever holds nothing.
        held.push(shares.take("a", 1).await.expect("one is left beside it"));
        assert_eq!(shares.try_take("a", 1).expect_err("others are about"), Busy);
        assert_eq!(shares.try_take("b", 2).expect_err("more than is free"), Busy);
        held.push(shares.take("b", 1).await.expect("it holds nothing"));
        assert_eq!(shares.free(), 0);
        held.clear();
        assert_eq!((shares.free(), shares.held(&"a")), (4, 0));
    }

    #[tokio::test]
    async fn who_wants_much_is_not_passed_by_for_ever() {
        let shares = Shares::new(limits(10));
        let small = shares.take("small", 5).await.expect("it is free");
        let (order, served) = mpsc::channel();
        let large = queue(&shares, "large", 10, &order).await;
        let others = queue(&shares, "small", 5, &order).await;
        drop(small);
        large.await.expect("no panic");
        others.await.expect("no panic");
        assert_eq!(served.try_iter().collect::<Vec<_>>(), ["large", "small"]);
    }

    #[tokio::test]
    async fn who_goes_away_leaves_nothing_behind() {
        let shares = Shares::new(limits(1));
        let held = shares.take("a", 1).await.expect("it is free");
        let waiting = tokio::spawn({
            let shares = shares.clone();
            async move { shares.take("b", 1).await.map(drop) }
        });
        tokio::task::yield_now().await;
        waiting.abort();
        assert!(waiting.await.is_err_and(|error| error.is_cancelled()));
        drop(held);
        assert_eq!(shares.free(), 1);
        assert!(shares.take("c", 1).await.is_ok());
    }

    #[tokio::test]
    async fn a_wait_has_an_end_and_so_has_a_queue() {
        let shares = Shares::new(Limits { waiting: 2, longest_wait: Duration::from_millis(20), ..limits(1) });
        let held = shares.take("a", 1).await.expect("it is free");
        let (first, second, third) = tokio::join!(shares.take("b", 1), shares.take("b", 1), shares.take("b", 1));
        assert_eq!([first.err(), second.err(), third.err()], [Some(Busy); 3]);
        drop(held);
        assert_eq!(shares.free(), 1);
        assert!(shares.take("b", 1).await.is_ok());
    }

    /// Whatever is asked for and dropped in whatever order: nothing is lost, and nobody has more than its share.
    #[tokio::test]
    async fn nothing_is_lost_under_many_owners() {
        let shares = Shares::new(Limits { most_each: 8, reserve: 2, quantum: 4, ..limits(16) });
        let tasks: Vec<_> = (0..400_u64)
            .map(|number| {
                let shares = shares.clone();
                tokio::spawn(async move {
                    let owner = ["a", "b", "c", "d", "e"][(number % 5) as usize];
                    let taking = shares.take(owner, 1 + number % 7);
                    if number % 11 == 0 {
                        drop(tokio::time::timeout(Duration::from_micros(number), taking).await);
                        return;
                    }
                    if let Ok(mut share) = taking.await {
                        assert!(shares.held(&owner) <= 8);
                        share.charge((number % 13) as i64);
                        tokio::task::yield_now().await;
                        share.shrink_to(1);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(shares.free(), 16);
        for owner in ["a", "b", "c", "d", "e"] {
            assert_eq!(shares.held(&owner), 0);
        }
    }
}
