//! Durable writes beside what one append and sync of a plain file costs at that moment.

use super::Row;
use super::command;
use super::measure::{Clock, Pace, Series, quantile, wall};
use anyhow::Result;
use likeness_base::{Clock as _, Randomness, Secret, random_bytes};
use likeness_service::clock::SystemClock;
use likeness_service::randomness::SystemRandomness;
use likeness_store::keys::InstallationKey;
use likeness_store::{
    AccountId, AccountWrite, Applied, ContainerKind, ContainerName, ContainerWrite, DetectedFace, FaceId, FaceIdWrite,
    FaceNumber, FaceWrite, NewFace, SqliteStore, Store, Write,
};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use uuid::Uuid;

const PART: &str = "store";

/// Single writes of each kind.
const ROUNDS: usize = 300;
/// Faces of the bulk import and of the load.
const FACES: usize = 20_000;
/// Bytes of the floor's append: about what one write of ours puts into the log.
const FLOOR_BYTES: usize = 16 * 1024;
/// Numbers in a template.
const NUMBERS: usize = 128;

/// A store of its own in a scratch folder.
#[derive(Clone)]
struct Bench {
    store: Arc<SqliteStore>,
    account: AccountId,
    list: ContainerName,
}

impl Bench {
    async fn open(path: &Path) -> Result<Self> {
        let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
        let key = Arc::new(InstallationKey::generate(&*randomness));
        let store = Arc::new(SqliteStore::open(path, key, &path.with_extension("keys"), randomness).await?);
        let list = ContainerName { kind: ContainerKind::LargeFaceList, id: "bench".to_owned() };
        let bench = Self { store, account: AccountId(id()), list: list.clone() };
        bench.write(AccountWrite::Create(likeness_store::NewAccount::default())).await?;
        let name = Secret::new("bench".to_owned());
        let model = "recognition_04".to_owned();
        bench.write(ContainerWrite::Create { container: list, name, user_data: None, model, limit: None }).await?;
        Ok(bench)
    }

    async fn write(&self, write: impl Into<Write>) -> Result<Applied> {
        Ok(self.store.apply(command(self.account, write)).await?)
    }

    fn add(&self) -> (Uuid, Write) {
        let face = NewFace { id: id(), template: template(), space: "bench/1".to_owned(), user_data: None };
        (face.id, FaceWrite::Add { container: self.list.clone(), person: None, face, limit: None }.into())
    }
}

/// Single durable commits of a store of its own, for what is measured beside them.
pub(super) struct Commits(Bench);

impl Commits {
    pub(super) async fn open(path: &Path) -> Result<Self> {
        Bench::open(path).await.map(Self)
    }

    /// Milliseconds of keeping one faceId.
    pub(super) async fn one(&self) -> Result<f64> {
        let mut times = Vec::new();
        timed(&mut times, self.0.write(keep(new_face_id()))).await?;
        Ok(times[0])
    }

    pub(super) async fn close(self) {
        self.0.store.close().await;
    }
}

/// A faceId that lives for a day.
fn new_face_id() -> DetectedFace {
    let expires_at = SystemClock.now().plus(Duration::from_secs(86_400));
    let id = FaceId::new(expires_at, random_bytes(&SystemRandomness));
    let (space, model) = ("bench/1".to_owned(), "recognition_04".to_owned());
    DetectedFace { id, template: template(), space, model, expires_at }
}

fn keep(face: DetectedFace) -> FaceIdWrite {
    FaceIdWrite::Keep { faces: vec![face] }
}

fn id() -> Uuid {
    likeness_service::randomness::random_id(&SystemRandomness)
}

fn template() -> Secret<Vec<u8>> {
    let mut bytes = vec![0; NUMBERS * 4];
    SystemRandomness.fill(&mut bytes);
    Secret::new(bytes)
}

/// Measures in a folder whose disk is the one that counts.
///
/// # Errors
/// When the store cannot be made or written there.
pub(crate) async fn measure(scratch: &Path, pace: Pace, progress: &dyn Fn(usize)) -> Result<Vec<Row>> {
    let bench = Bench::open(&scratch.join("bench.db")).await?;
    let mut rows = singles(&bench, scratch, pace.of(ROUNDS)).await?;
    rows.extend(bulk(&bench, pace.of(FACES), progress).await?);
    bench.store.close().await;
    Ok(rows)
}

async fn singles(bench: &Bench, scratch: &Path, rounds: usize) -> Result<Vec<Row>> {
    let mut file = File::create(scratch.join("floor"))?;
    let block = vec![7; FLOOR_BYTES];
    let (mut floor, mut add, mut delete, mut keeping, mut look) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..rounds {
        push(&mut floor, || {
            file.write_all(&block)?;
            Ok(file.sync_data()?)
        })?;
        let (face, write) = bench.add();
        timed(&mut add, bench.write(write)).await?;
        timed(&mut delete, bench.write(FaceWrite::Delete { container: bench.list.clone(), person: None, face }))
            .await?;
        let kept = new_face_id();
        let face = kept.id.as_uuid();
        timed(&mut keeping, bench.write(keep(kept))).await?;
        let begun = Instant::now();
        bench.store.face_ids(bench.account, &[face], SystemClock.now()).await?;
        look.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let floor = Series::wall(floor);
    let tail = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        Series::wall(vec![quantile(&times, 0.99)])
    };
    let mut rows = Vec::new();
    for (what, times) in
        [("add a face", add), ("delete a face, gone from every file", delete), ("keep a faceId", keeping)]
    {
        rows.push(Row::alone(PART, format!("{what}, 99th percentile"), tail(times.clone())));
        rows.push(Row::alone(PART, what, Series::wall(times)).beside("append and sync", floor.clone()).at_most(5.0));
        let last = rows.len() - 1;
        rows.swap(last - 1, last);
    }
    rows.push(Row::alone(PART, "look up a faceId and open its template", Series::wall(look)));
    Ok(rows)
}

async fn timed(times: &mut Vec<f64>, write: impl Future<Output = Result<Applied>>) -> Result<()> {
    let begun = Instant::now();
    write.await?;
    times.push(begun.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

fn push(times: &mut Vec<f64>, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let (time, outcome) = wall(work);
    times.push(time);
    outcome
}

/// An import, and the load of a gallery from it.
#[expect(clippy::cast_precision_loss, reason = "some thousand faces")]
async fn bulk(bench: &Bench, faces: usize, progress: &dyn Fn(usize)) -> Result<Vec<Row>> {
    let begun = Instant::now();
    let mut under_way: JoinSet<Result<Applied>> = JoinSet::new();
    for face in 0..faces {
        while under_way.len() >= 256 {
            if let Some(done) = under_way.join_next().await {
                done??;
            }
        }
        let (bench, (_, write)) = (bench.clone(), bench.add());
        under_way.spawn(async move { bench.write(write).await });
        progress(face);
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    let rate = |begun: Instant| faces as f64 / begun.elapsed().as_secs_f64();
    let per_second = |rate: f64| Series::of("faces/s", Clock::Wall, vec![rate]);
    let import = per_second(rate(begun));
    let container = bench.store.container(bench.account, &bench.list).await?;
    let number = container.map_or(0, |container| container.number);
    let begun = Instant::now();
    let (mut after, mut loaded) = (FaceNumber(0), 0);
    loop {
        let rows = bench.store.rows_after(bench.account, number, after, 4_096).await?;
        let Some(last) = rows.last() else { break };
        after = last.face;
        loaded += rows.len();
    }
    anyhow::ensure!(loaded == faces, "{loaded} of {faces} faces were there");
    Ok(vec![
        Row::alone(PART, format!("add {faces} faces, 256 at a time"), import),
        Row::alone(PART, format!("read {faces} faces for a gallery"), per_second(rate(begun))),
    ])
}
