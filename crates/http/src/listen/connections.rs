//! Who has a place among the connections: a share for each address, and the one that idles longest goes first.
//!
//! Start at [`Connections::enter`]. A new connection is always let in. An address at its share loses its own
//! longest-idle connection for it; where all places are taken, the connection that idles longest of all goes. An address
//! is that of the caller: behind a proxy that the settings trust, the one that the proxy names with each request, and a
//! whole /64 of IPv6. Connections that ask for the server's health have places of their own, so that a full room is not
//! taken for a server that is down.

use ipnet::IpNet;
use likeness_rules::{is_within, network_of};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Files that the store, the pages and outgoing calls may need beside the connections.
const OTHER_FILES: usize = 256;
/// Connections at once, where the operating system allows as many files.
const MOST_CONNECTIONS: usize = 8_192;
/// The part of all places that one address may have.
const SHARE: usize = 8;
/// Connections beside the others that ask for nothing but the server's health.
const HEALTH_CHECKS: usize = 16;

/// Microseconds between two warnings.
const WARN_EVERY: u64 = 3_600_000_000;

/// How many connections, and how long one may stand still.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Connections at once.
    pub most: usize,
    /// Connections at once of one address.
    pub most_of_an_address: usize,
    /// The proxies that name the address they were called from; `None`: nobody has decided whether there are any.
    pub trusted_proxies: Option<Vec<IpNet>>,
    /// A client has this long for its headers, or to finish the TLS handshake.
    pub for_headers: Duration,
    /// A client that reads no byte of its answer for this long loses the connection.
    pub for_reading: Duration,
    /// Bytes per second that a client reads at least of an answer, beyond [`ConnectionLimits::for_reading`].
    pub least_rate: u64,
    /// A connection without a request ends after this.
    pub for_next_request: Duration,
}

impl ConnectionLimits {
    /// The limits unless settings say otherwise, where the operating system sets none.
    pub const fn usual() -> Self {
        Self {
            most: MOST_CONNECTIONS,
            most_of_an_address: MOST_CONNECTIONS / SHARE,
            trusted_proxies: None,
            for_headers: Duration::from_secs(15),
            for_reading: Duration::from_secs(20),
            least_rate: 4 * 1024,
            for_next_request: Duration::from_secs(60),
        }
    }

    /// The proxies that are trusted.
    pub(super) fn proxies(&self) -> &[IpNet] {
        self.trusted_proxies.as_deref().unwrap_or_default()
    }

    /// The same with as many connections as there are files for.
    pub fn of_this_process(trusted_proxies: Option<Vec<IpNet>>) -> Self {
        let most = files_allowed().saturating_sub(OTHER_FILES).clamp(64, MOST_CONNECTIONS);
        Self { trusted_proxies, ..Self::usual().with_most(most) }
    }

    /// The same for so many connections, with the usual share for one address.
    #[must_use]
    pub fn with_most(self, most: usize) -> Self {
        let share = if most < SHARE { 1 } else { most / SHARE };
        Self { most, most_of_an_address: share, ..self }
    }
}

/// Raises the soft limit of open files to the hard one, as far as connections can make use of it, and returns it.
#[cfg(unix)]
fn files_allowed() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(MOST_CONNECTIONS + 2 * OTHER_FILES).unwrap_or(u64::MAX);
    let raised = limit.maximum.map_or(wanted, |hard| hard.min(wanted));
    let mut allowed = limit.current;
    if allowed.is_some_and(|soft| soft < raised)
        && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }).is_ok()
    {
        allowed = Some(raised);
    }
    allowed.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
const fn files_allowed() -> usize {
    usize::MAX
}

/// All connections of a server.
#[derive(Debug)]
pub struct Connections {
    pub(super) limits: ConnectionLimits,
    begun: Instant,
    /// Microseconds after the start from which on the operator is warned again.
    warn_from: AtomicU64,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    ordinary: HashMap<u64, Entry>,
    of_address: HashMap<IpAddr, Vec<u64>>,
    health_checks: usize,
}

#[derive(Debug)]
struct Entry {
    connection: Arc<Connection>,
    /// Whose share it counts in; a trusted proxy has none.
    address: Option<IpAddr>,
}

/// What is known of one connection.
#[derive(Debug)]
struct Connection {
    number: u64,
    /// Microseconds after the server's start at which a byte moved last.
    moved: AtomicU64,
    /// Microseconds after the server's start at which it came, or at which its last answer ended. What else moves on the
    /// connection, such as the pings of HTTP/2, asks for nothing and keeps nothing open.
    rested: AtomicU64,
    /// Requests that are not answered to the end yet.
    under_way: AtomicUsize,
    has_asked: AtomicBool,
    lost: watch::Sender<bool>,
}

/// Where a connection counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    /// Among all, and for this address if there is one.
    For(Option<IpAddr>),
    AsHealthCheck,
}

/// A connection's place among all, given back when the last of its holders is gone, and the order to stop. A connection that
/// becomes something else than HTTP holds it for as long as it lives, and ends when the order comes.
#[derive(Clone, Debug)]
pub struct Seat {
    place: Arc<Place>,
    lost: watch::Receiver<bool>,
    stop: watch::Receiver<bool>,
}

#[derive(Debug)]
struct Place {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
    counted: Mutex<Counted>,
}

impl Connections {
    /// No connection yet.
    pub fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, begun: Instant::now(), warn_from: AtomicU64::new(0), table: Mutex::default() })
    }

    /// How many there are, beside health checks.
    pub fn count(&self) -> usize {
        self.lock().ordinary.len()
    }

    /// How many of them wait for the end of an answer.
    pub fn count_under_way(&self) -> usize {
        let is_under_way = |entry: &&Entry| entry.connection.under_way.load(Ordering::Relaxed) > 0;
        self.lock().ordinary.values().filter(is_under_way).count()
    }

    /// Warns, once an hour, of a request that came through a proxy where nobody has said which are trusted: every caller then
    /// has the proxy's address, so that network rules and the count of wrong keys are blind.
    pub(super) fn warn_of_unknown_proxy(&self) {
        let now = self.microseconds();
        let from = self.warn_from.load(Ordering::Relaxed);
        let is_due = self.limits.trusted_proxies.is_none() && now >= from;
        if is_due
            && self.warn_from.compare_exchange(from, now + WARN_EVERY, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            tracing::warn!(
                "A request has the header X-Forwarded-For, and no proxy is trusted: network rules and the count of wrong keys \
                 see one address for all who come that way. Name your proxies in LIKENESS_TRUSTED_PROXIES, or set it to none"
            );
        }
    }

    /// Lets a connection in, at the cost of another where there is no place for it.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr, stop: watch::Receiver<bool>) -> Seat {
        let peer = peer.to_canonical();
        let (lost, is_lost) = watch::channel(false);
        let mut table = self.lock();
        let number = table.next;
        table.next += 1;
        let now = self.microseconds();
        let connection = Arc::new(Connection {
            number,
            moved: AtomicU64::new(now),
            rested: AtomicU64::new(now),
            under_way: AtomicUsize::new(0),
            has_asked: AtomicBool::new(false),
            lost,
        });
        let address = self.share_of(peer);
        table.admit(&connection, address, &self.limits);
        drop(table);
        let place = Place { connections: self.clone(), connection, counted: Mutex::new(Counted::For(address)) };
        Seat { place: Arc::new(place), lost: is_lost, stop }
    }

    /// Whose share a connection from there counts in.
    fn share_of(&self, peer: IpAddr) -> Option<IpAddr> {
        let is_proxy = self.limits.proxies().iter().any(|proxy| is_within(proxy, peer));
        (!is_proxy).then(|| network_of(peer))
    }

    fn microseconds(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn admit(&mut self, connection: &Arc<Connection>, address: Option<IpAddr>, limits: &ConnectionLimits) {
        if let Some(own) = address.and_then(|address| self.of_address.get(&address))
            && own.len() >= limits.most_of_an_address.max(1)
        {
            let idle = own.iter().filter_map(|number| self.ordinary.get(number)).min_by_key(|entry| entry.idleness());
            let idle = idle.map(|entry| entry.connection.number);
            self.end(idle, "address");
        }
        if self.ordinary.len() >= limits.most.max(1) {
            let idle = self.ordinary.values().min_by_key(|entry| entry.idleness());
            let idle = idle.map(|entry| entry.connection.number);
            self.end(idle, "all");
        }
        self.ordinary.insert(connection.number, Entry { connection: connection.clone(), address });
        if let Some(address) = address {
            self.of_address.entry(address).or_default().push(connection.number);
        }
    }

    /// Takes the place of a connection away. Its task sees it and ends; until then it is over the count, by one file.
    fn end(&mut self, number: Option<u64>, whose: &'static str) {
        let Some(entry) = number.and_then(|number| self.leave(number)) else { return };
        entry.connection.lost.send_replace(true);
        metrics::counter!("likeness_connections_ended_total", "share" => whose).increment(1);
    }

    fn leave(&mut self, number: u64) -> Option<Entry> {
        let entry = self.ordinary.remove(&number)?;
        if let Some(address) = entry.address
            && let Some(own) = self.of_address.get_mut(&address)
        {
            own.retain(|other| *other != number);
            if own.is_empty() {
                self.of_address.remove(&address);
            }
        }
        Some(entry)
    }

    fn stop_counting(&mut self, number: u64, counted: Counted) {
        match counted {
            Counted::For(_) => drop(self.leave(number)),
            Counted::AsHealthCheck => self.health_checks -= 1,
        }
    }
}

impl Entry {
    /// The least goes first: who waits for no answer before who does, and then who has stood still for longer,
    /// or came before.
    fn idleness(&self) -> (bool, u64, u64) {
        let connection = &self.connection;
        match connection.under_way.load(Ordering::Relaxed) {
            0 => (false, connection.rested.load(Ordering::Relaxed), connection.number),
            _ => (true, connection.moved.load(Ordering::Relaxed), connection.number),
        }
    }
}

impl Seat {
    /// Returns when the server stops, or when the place is lost to another connection.
    pub async fn stopped(&mut self) {
        // An error says that nobody can give the order any more: the server is gone.
        tokio::select! {
            _ = self.stop.wait_for(|stopped| *stopped) => {}
            _ = self.lost.wait_for(|lost| *lost) => {}
        }
    }

    /// Returns when the place is lost to another connection.
    pub(super) async fn lost(&mut self) {
        drop(self.lost.wait_for(|lost| *lost).await);
    }

    /// A byte moved.
    pub(super) fn moved(&self) {
        let now = self.place.connections.microseconds();
        self.place.connection.moved.store(now, Ordering::Relaxed);
    }

    /// A request came from `client`; whether it only asks for the server's health decides where the connection counts.
    pub(super) fn request(&self, client: IpAddr, is_health_check: bool) -> UnderWay {
        self.place.connection.under_way.fetch_add(1, Ordering::Relaxed);
        self.place.connection.has_asked.store(true, Ordering::Relaxed);
        self.moved();
        self.place.count(client, is_health_check);
        UnderWay(self.clone())
    }

    /// When the connection has stood without a request for too long; `None` while one is under way, or before the first.
    pub(super) fn idle_until(&self) -> Option<Instant> {
        let (connection, connections) = (&self.place.connection, &self.place.connections);
        if connection.under_way.load(Ordering::Relaxed) > 0 || !self.has_asked() {
            return None;
        }
        let rested = Duration::from_micros(connection.rested.load(Ordering::Relaxed));
        Some(connections.begun + rested + connections.limits.for_next_request)
    }

    /// Whether a request has come.
    pub(super) fn has_asked(&self) -> bool {
        self.place.connection.has_asked.load(Ordering::Relaxed)
    }
}

impl Place {
    fn count(&self, client: IpAddr, is_health_check: bool) {
        let limits = &self.connections.limits;
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = self.connections.lock();
        let has_place = is_health_check && (*counted == Counted::AsHealthCheck || table.health_checks < HEALTH_CHECKS);
        let now = if has_place { Counted::AsHealthCheck } else { Counted::For(self.connections.share_of(client)) };
        if now == *counted || *self.connection.lost.borrow() {
            return;
        }
        table.stop_counting(self.connection.number, *counted);
        match now {
            Counted::AsHealthCheck => table.health_checks += 1,
            Counted::For(address) => table.admit(&self.connection, address, limits),
        }
        *counted = now;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let counted = *self.counted.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.connections.lock().stop_counting(self.connection.number, counted);
    }
}

/// A request that is not answered to the end yet.
pub(super) struct UnderWay(Seat);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let place = &self.0.place;
        place.connection.rested.store(place.connections.microseconds(), Ordering::Relaxed);
        place.connection.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
