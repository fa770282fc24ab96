//! How long does a durable write take, how fast is a container loaded, and how many bytes does a face cost?
//!
//! `cargo bench -p likeness-store`, with a number of faces behind `--` (default 20,000). Prints medians and
//! 99th percentiles. Every write is synced; beside each run stands what one append and sync of a plain file
//! costs at that moment, because that is the floor and other programs move it.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints, and stops where it cannot go on")]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use likeness_base::{Randomness, Timestamp, random_bytes};
use likeness_store::keys::InstallationKey;
use likeness_store::{
    AccountId, Actor, Applied, Command, ContainerKind, ContainerName, DetectedFace, FaceId, FaceKey, NewFace,
    SqliteStore, Store, Write,
};
use tokio::task::JoinSet;
use uuid::Uuid;

struct Dice(AtomicU64);

impl Randomness for Dice {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

#[derive(Clone)]
struct Bench {
    store: Arc<SqliteStore>,
    dice: Arc<Dice>,
    account: AccountId,
}

impl Bench {
    async fn open(path: &Path) -> Self {
        let dice = Arc::new(Dice(1.into()));
        let key = Arc::new(InstallationKey::generate(&*dice));
        let store = SqliteStore::open(path, key, dice.clone()).await.unwrap();
        let bench = Self { store: Arc::new(store), dice, account: AccountId(Uuid::from_u128(1)) };
        bench.write(Write::CreateAccount {}).await;
        bench
    }

    async fn write(&self, write: Write) -> Applied {
        let at = Timestamp::from_millis(1_767_225_600_000);
        let command = Command { account: self.account, actor: Actor::System, at, request_id: Uuid::nil(), write };
        self.store.apply(command).await.unwrap()
    }

    async fn create(&self, id: &str) -> ContainerName {
        let container = ContainerName { kind: ContainerKind::LargeFaceList, id: id.into() };
        let name = "a name".to_owned().into();
        let model = "recognition_04".into();
        self.write(Write::CreateContainer { container: container.clone(), name, user_data: None, model, limit: None })
            .await;
        container
    }

    fn id(&self) -> Uuid {
        uuid::Builder::from_random_bytes(random_bytes(&*self.dice)).into_uuid()
    }

    fn template(&self, numbers: usize) -> Vec<u8> {
        let mut bytes = vec![0; numbers * 4];
        self.dice.fill(&mut bytes);
        bytes
    }

    fn add(&self, container: &ContainerName, numbers: usize) -> Write {
        let template = self.template(numbers).into();
        let face = NewFace { id: self.id(), template, space: "model/form".into(), user_data: None };
        Write::AddFace { container: container.clone(), person: None, face, limit: None }
    }

    /// Adds many at once, as a bulk import does.
    async fn fill(&self, container: &ContainerName, faces: usize, numbers: usize) -> Duration {
        let begin = Instant::now();
        let mut under_way = JoinSet::new();
        for _ in 0..faces {
            while under_way.len() >= 256 {
                under_way.join_next().await.unwrap().unwrap();
            }
            let (bench, write) = (self.clone(), self.add(container, numbers));
            under_way.spawn(async move { bench.write(write).await });
        }
        under_way.join_all().await;
        begin.elapsed()
    }
}

fn tell(question: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{question:<58} p50 {:>8.3} ms   p99 {:>8.3} ms", at(0.5), at(0.99));
}

fn sync_floor(folder: &Path, bytes: usize) -> Vec<Duration> {
    let mut file = File::create(folder.join("floor")).unwrap();
    let block = vec![7; bytes];
    (0..200)
        .map(|_| {
            let begin = Instant::now();
            file.write_all(&block).unwrap();
            file.sync_data().unwrap();
            begin.elapsed()
        })
        .collect()
}

async fn measure(faces: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("likeness.db");
    let bench = Bench::open(&path).await;
    let list = bench.create("faces").await;

    tell("floor: append 64 KiB to a file and sync it", sync_floor(folder.path(), 65_536));

    let took = bench.fill(&list, faces, 128).await;
    println!(
        "{:<58} {:>12.0} faces/s",
        format!("add {faces} faces of 128 numbers, 256 at a time"),
        faces as f64 / took.as_secs_f64()
    );

    let mut times = Vec::new();
    let mut added = Vec::new();
    for _ in 0..300 {
        let write = bench.add(&list, 128);
        let Write::AddFace { face, .. } = &write else { unreachable!() };
        added.push(face.id);
        let begin = Instant::now();
        bench.write(write).await;
        times.push(begin.elapsed());
    }
    tell("add one face", times);

    let mut times = Vec::new();
    for face in added {
        let begin = Instant::now();
        bench.write(Write::DeleteFace { container: list.clone(), person: None, face }).await;
        times.push(begin.elapsed());
    }
    tell("delete one face, its bytes gone from every file", times);

    let expires_at = Timestamp::from_millis(1_767_225_600_000 + 86_400_000);
    let (mut times, mut ids) = (Vec::new(), Vec::new());
    for _ in 0..300 {
        let id = FaceId::new(expires_at, random_bytes(&*bench.dice));
        ids.push(id.as_uuid());
        let (space, model) = ("model/form".into(), "recognition_04".into());
        let template = bench.template(128).into();
        let begin = Instant::now();
        bench.write(Write::KeepFaceIds { faces: vec![DetectedFace { id, template, space, model, expires_at }] }).await;
        times.push(begin.elapsed());
    }
    tell("keep the faceId of one detected face", times);

    let now = Timestamp::from_millis(1_767_225_600_000);
    let (mut one, mut many, mut names, mut versions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let keys: Vec<FaceKey> = (1..=100).map(FaceKey).collect();
    for turn in 0..300 {
        let begin = Instant::now();
        assert!(bench.store.face_ids(bench.account, &ids[turn..=turn], now).await.unwrap()[0].is_some());
        one.push(begin.elapsed());
        let begin = Instant::now();
        assert!(bench.store.face_ids(bench.account, &ids, now).await.unwrap().iter().all(Option::is_some));
        many.push(begin.elapsed());
        let begin = Instant::now();
        assert_eq!(bench.store.recheck(bench.account, 1, &keys).await.unwrap().len(), 100);
        names.push(begin.elapsed());
        let begin = Instant::now();
        assert!(bench.store.version_of(bench.account, 1).await.unwrap().is_some());
        versions.push(begin.elapsed());
    }
    tell("look up one faceId and open its template", one);
    tell("look up 300 faceIds and open their templates", many);
    tell("recheck 100 candidates", names);
    tell("read the version of a container", versions);

    let begin = Instant::now();
    let (mut after, mut loaded) = (FaceKey(0), 0);
    loop {
        let rows = bench.store.rows_after(bench.account, 1, after, 4_096).await.unwrap();
        let Some(last) = rows.last() else { break };
        after = last.face;
        loaded += rows.len();
    }
    assert_eq!(loaded, faces);
    println!(
        "{:<58} {:>12.0} faces/s",
        format!("load {faces} faces for a gallery"),
        faces as f64 / begin.elapsed().as_secs_f64()
    );

    let begin = Instant::now();
    let removed = bench.write(Write::DeleteContainer { container: list }).await.removed;
    println!(
        "{:<58} {:>12.0} faces/s",
        format!("delete a list of {faces} faces"),
        removed as f64 / begin.elapsed().as_secs_f64()
    );
    bench.store.close().await;

    for numbers in [128, 512, 1_024] {
        let path = folder.path().join(format!("{numbers}.db"));
        let bench = Bench::open(&path).await;
        let list = bench.create("faces").await;
        bench.fill(&list, faces / 4, numbers).await;
        bench.store.close().await;
        let bytes = std::fs::metadata(&path).unwrap().len() as usize / (faces / 4);
        println!(
            "{:<58} {bytes:>12} bytes (its template: {})",
            format!("a face of {numbers} numbers on disk"),
            numbers * 4
        );
    }
}

fn main() {
    let faces = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(20_000);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(measure(faces));
}
