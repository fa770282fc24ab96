//! `likeness serve`: the server.

use super::output;
use crate::config::{Config, LogFormat};
use crate::start::{self, Started};
use anyhow::{Context, Result, bail};
use clap::Args;
use likeness_base::Clock as _;
use likeness_base::Secret;
use likeness_http::listen::{Connections, Listener};
use likeness_http::tls;
use likeness_service::clock::{SystemClock, pause};
use likeness_service::files::{is_open_to_others, private_file, private_folder};
use likeness_service::jobs;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Args)]
pub(super) struct Serve {
    /// Address for HTTP, numbers only, such as 127.0.0.1:8080; also LIKENESS_LISTEN.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Data folder; also LIKENESS_DATA.
    #[arg(long)]
    data: Option<PathBuf>,
}

impl Serve {
    pub(super) fn run(self, mut config: Config) -> Result<ExitCode> {
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        if let Some(data) = self.data {
            config.data = data;
        }
        start_log(&config)?;
        start::block_on(serve(config))??;
        Ok(ExitCode::SUCCESS)
    }
}

fn start_log(config: &Config) -> Result<()> {
    let filter =
        EnvFilter::try_new(&config.log.filter).context("log.filter is not a filter such as info or likeness=debug")?;
    // What other crates say below that may name hosts that callers gave us, whatever the filter asks for.
    let of_others = filter_fn(|about| about.target().starts_with("likeness") || *about.level() <= tracing::Level::INFO);
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let log = tracing_subscriber::registry().with(filter).with(of_others);
    match config.log.format {
        LogFormat::Text => log.with(lines.with_target(false)).init(),
        LogFormat::Json => log.with(lines.json()).init(),
    }
    Ok(())
}

async fn serve(config: Config) -> Result<()> {
    let begun = std::time::Instant::now();
    forbid_dumps();
    lock_memory();
    let stop_order = StopOrder::listen().context("the stop signals cannot be handled")?;
    // Both sockets first: an address in use should be reported at once, not after the networks are loaded.
    let plain = Listener::bind(config.listen, None).await?;
    private_folder(&config.data)
        .with_context(|| format!("the data folder {} cannot be made", config.data.display()))?;
    if is_open_to_others(&config.data) {
        let folder = config.data.display();
        tracing::warn!("Other users of this machine may look into the data folder; `chmod 700 {folder}` shuts it");
    }
    let _lock = lock_folder(&config)?;
    let files = match &config.tls {
        tls if tls.has_files() => Some(tls::Files::read(&tls.certificate, &tls.key)?),
        _ => None,
    };
    let secure = match &files {
        Some(files) => Some(Listener::bind(config.tls.listen, Some(files.current())).await?),
        None if config.tls.development => {
            Some(Listener::bind(config.tls.listen, Some(tls::development(&config.data)?)).await?)
        }
        None => None,
    };
    let Started { app, first_keys, engine } = start::app(&config).await?;
    if let Some(warning) = start::undecided_proxies(&config).filter(|_| start::has_network_rules(&app.access.cache)) {
        tracing::warn!("Accounts have network rules, and {warning}");
    }
    warn_of_unlocked_keys();
    let forgetting = tokio::spawn(forget_journal(config.clone()));
    let (stop, stopped) = watch::channel(false);
    let router = likeness_api::router(app.clone());

    let address = plain.address()?;
    output::line(&format!("Likeness {} listens on http://{address}", env!("CARGO_PKG_VERSION")));
    if let Some(secure) = &secure {
        let trust = if files.is_some() {
            String::new()
        } else {
            format!("  (trust {})", tls::authority_file(&config.data).display())
        };
        output::line(&format!("                    and on https://localhost:{}{trust}", secure.address()?.port()));
    }
    if let Some(folder) = config.liveness.recordings() {
        output::line(&format!(
            "Recordings of captures are kept in {}, of whoever agrees (docs/liveness.md).",
            folder.display()
        ));
    }
    output::line(&format!("Engine: {engine}; ready after {} ms", begun.elapsed().as_millis()));
    if let Some(key) = &first_keys.account {
        output::line("");
        output::line("This is the first start with this data folder. The keys of its account:");
        output::line(&format!("  key1  {}", key[0].expose()));
        output::line(&format!("  key2  {}", key[1].expose()));
        if let Some(operator) = &first_keys.operator {
            output::line(&format!("  operator's key, for accounts and rules at /admin  {}", operator.expose()));
        }
        let program = std::env::args().next().unwrap_or_else(|| "likeness".to_owned());
        output::line(&format!("`{program} keys show` prints them again."));
        if let Some(page) = page(address, "", &key[0]) {
            output::line(&format!("Open in a browser:\n  {page}"));
        }
        output::line("Or try:");
        // A photo that is there, so that the line works as it stands.
        let demo = config.cache().join("demo").join("sample1.jpg");
        let photo = if demo.is_file() { demo.display().to_string() } else { "photo.jpg".to_owned() };
        output::line(&format!(
            "  curl -H 'Ocp-Apim-Subscription-Key: {}' -H 'Content-Type: application/octet-stream' \\\n       --data-binary '@{photo}' 'http://{address}/face/v1.0/detect?recognitionModel=recognition_04'",
            key[0].expose()
        ));
        output::line("");
        output::line(&format!(
            "Keep a copy of {} somewhere safe: without it nothing in the data folder can be read again.",
            config.key_file().display()
        ));
    } else {
        let program = std::env::args().next().unwrap_or_else(|| "likeness".to_owned());
        output::line(&format!("`{program} keys show` prints the keys."));
    }
    output::line("Ready.");

    let files = files.map(|files| tokio::spawn(files.follow(stopped.clone())));
    let jobs = tokio::spawn(jobs::run(app.clone(), stopped.clone()));
    let connections = Connections::new(config.connections.limits(config.access.trusted_proxies.clone()));
    let plain = tokio::spawn(plain.serve(router.clone(), connections.clone(), stopped.clone()));
    let secure = secure.map(|listener| tokio::spawn(listener.serve(router, connections, stopped)));
    stop_order.wait().await;
    tracing::info!("Stopping: finishing the requests under way");
    // Listeners that have ended already need no telling.
    stop.send_replace(true);
    plain.await?;
    if let Some(secure) = secure {
        secure.await?;
    }
    if let Some(files) = files {
        files.await?;
    }
    jobs.await?;
    forgetting.abort();
    app.store.close().await;
    tracing::info!("Stopped");
    Ok(())
}

/// Asks the operating system for no core dumps and no tracing by others of the same user: templates and keys are in the
/// memory of this process.
fn forbid_dumps() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "Core dumps of this process cannot be disabled");
    }
}

/// Keeps everything in memory where there is no limit of locked memory; keys lie on locked pages anyhow.
fn lock_memory() {
    #[cfg(target_os = "linux")]
    {
        use rustix::mm::{MlockAllFlags, mlockall};
        use rustix::process::{Resource, getrlimit};
        // Only without a limit: with one, memory that comes later would be refused.
        if getrlimit(Resource::Memlock).current.is_none() {
            let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
            if let Err(error) = mlockall(flags) {
                tracing::debug!(%error, "Memory cannot be locked as a whole");
            }
        }
    }
}

/// Says so where not even the keys are kept from being swapped out.
fn warn_of_unlocked_keys() {
    if !likeness_store::keys::are_locked() {
        tracing::warn!(
            "Keys could be swapped out: the limit of locked memory is too low. Raise it (ulimit -l, LimitMEMLOCK), or switch swap off"
        );
    }
}

/// Removes what is too old of the journal of deletions, once a day.
async fn forget_journal(config: Config) {
    loop {
        let before = SystemClock.now().minus(config.journal_kept());
        if let Err(error) = likeness_backup::forget(&config.journal(), before) {
            tracing::warn!(%error, "Old files of the journal could not be removed; trying again tomorrow");
        }
        pause(std::time::Duration::from_secs(86_400)).await;
    }
}

/// Keeps a second server away from a file; nodes that share a database need no such thing. The lock ends with the
/// process, however it ends.
fn lock_folder(config: &Config) -> Result<Option<std::fs::File>> {
    if config.store.target()?.is_some() {
        return Ok(None);
    }
    let path = config.data.join("serving.lock");
    let file = private_file(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => bail!(
            "another server serves the data folder {}; stop it, or let both share a PostgreSQL database (LIKENESS_STORE)",
            config.data.display()
        ),
        Err(std::fs::TryLockError::Error(error)) => Err(error).context("the data folder cannot be locked"),
    }
}

/// The address of the studio (an empty path) or of another page, with a key in the part that a browser keeps to itself;
/// `None` in a build without pages.
pub(super) fn page(address: SocketAddr, path: &str, key: &Secret<String>) -> Option<String> {
    likeness_pages::find("index.html", |_| false)?;
    let key: String = url::form_urlencoded::byte_serialize(key.expose().as_bytes()).collect();
    Some(format!("http://{address}/{path}#key={key}"))
}

/// The order to stop: Ctrl-C, or the polite signal of a service manager.
struct StopOrder {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl StopOrder {
    /// Listens from now on. Before this, the signal would end the program on the spot.
    fn listen() -> Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn wait(self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
