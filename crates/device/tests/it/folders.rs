//! Folders as sources.

use super::lead::{Wanted, capture_of, pictures};
use likeness_device::{Device, Folder, Honest, Source as _, Way};
use likeness_liveness::AttemptCode;

#[test]
fn files_are_played_in_the_order_of_their_names() {
    let folder = pictures(3);
    std::fs::write(folder.path().join("notes.txt"), "no picture").unwrap();
    let files: Vec<Vec<u8>> =
        ["000.jpg", "001.jpg", "002.jpg"].map(|name| std::fs::read(folder.path().join(name)).unwrap()).into();
    let mut once = Folder::open(folder.path(), false).unwrap();
    assert_eq!((once.count(), once.size()), (3, (64, 48)));
    for file in &files {
        assert_eq!(once.frame(0.0).unwrap().as_ref(), Some(file));
    }
    assert_eq!(once.frame(0.0).unwrap(), None);
    let mut again = Folder::open(folder.path(), true).unwrap();
    for file in files.iter().cycle().take(7) {
        assert_eq!(again.frame(0.0).unwrap().as_ref(), Some(file));
    }
}

#[test]
fn what_cannot_be_played_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let error = |text: &str| {
        let error = Folder::open(folder.path(), true).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    };
    error("holds no JPEG files");
    std::fs::write(folder.path().join("1.jpg"), "no picture").unwrap();
    error("is no JPEG");
    let wide = [0xff, 0xd8, 0xff, 0xc0, 0, 8, 8, 1, 0, 8, 0, 1];
    std::fs::write(folder.path().join("1.jpg"), wide).unwrap();
    error("2048 x 256 pixels");
    assert!(Folder::open(&folder.path().join("missing"), true).is_err());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_given_up_when_the_files_are_over() {
    for way in [Way::Socket, Way::Requests] {
        let folder = pictures(15);
        let mut source = Folder::open(folder.path(), false).unwrap();
        let (outcome, _) = capture_of(way, Device::default(), Wanted::default(), &mut source, &mut Honest).await;
        let outcome = outcome.unwrap();
        assert_eq!((outcome.code, outcome.frames), (Some(AttemptCode::TimedOut), 15), "{way:?}");
        assert!(outcome.is_own_digest);
    }
}
