//! When correlation ids close, and when they open again.

use likeness_base::Timestamp;
use likeness_liveness::message::CancelReason;
use likeness_liveness::{
    AttemptCode, CorrelationLimits, CorrelationProblem, CorrelationRecord, CorrelationState, Counted, CountedAs, Stage,
};
use std::time::Duration;

const LIFE: Duration = Duration::from_secs(48 * 3600);
const USUAL: CorrelationLimits = CorrelationLimits { spoofs: 3, failures: 10 };

fn hour(hours: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + hours * 3_600_000)
}

#[test]
fn an_id_closes_by_counts_and_opens_when_they_have_expired() {
    use CorrelationState::{ClosedByCount, Open};
    use CountedAs::{Failure, Spoof};
    let many = |kind, number: usize| vec![(kind, 0); number];
    let never = CorrelationLimits { spoofs: 0, failures: 0 };
    type Case<'a> = (&'a str, CorrelationLimits, Vec<(CountedAs, i64)>, i64, CorrelationState);
    let cases: Vec<Case<'_>> = vec![
        ("nothing", USUAL, vec![], 0, Open),
        ("two spoofs", USUAL, many(Spoof, 2), 0, Open),
        ("three spoofs", USUAL, many(Spoof, 3), 0, ClosedByCount),
        ("three spoofs, long ago", USUAL, many(Spoof, 3), 48, Open),
        ("three spoofs, not so long ago", USUAL, many(Spoof, 3), 47, ClosedByCount),
        ("one of three expired", USUAL, vec![(Spoof, 0), (Spoof, 30), (Spoof, 31)], 48, Open),
        ("nine failures and two spoofs", USUAL, [many(Failure, 9), many(Spoof, 2)].concat(), 0, Open),
        ("ten failures", USUAL, many(Failure, 10), 0, ClosedByCount),
        ("never", never, [many(Failure, 99), many(Spoof, 99)].concat(), 0, Open),
        ("one spoof closes", CorrelationLimits { spoofs: 1, ..USUAL }, many(Spoof, 1), 0, ClosedByCount),
        (
            "a limit beyond all counting",
            CorrelationLimits { spoofs: 9_999, ..USUAL },
            many(Spoof, 200),
            0,
            ClosedByCount,
        ),
    ];
    for (name, limits, counted, now, expected) in cases {
        let mut record = CorrelationRecord::default();
        let mut closed = 0;
        for (kind, at) in counted {
            closed += usize::from(record.count(kind, limits, hour(at), LIFE) == Counted::Closed);
        }
        assert_eq!(record.state(limits, hour(now), LIFE), expected, "{name}");
        assert!(closed <= 1, "{name}: the closing is told once");
        assert_eq!(CorrelationRecord::from_bytes(&record.to_bytes()), Ok(record), "{name}");
    }
}

#[test]
fn a_person_closes_and_opens_an_id() {
    let mut record = CorrelationRecord::default();
    record.close(&"seen with Ada's mask ".repeat(50), hour(0));
    assert_eq!(record.state(USUAL, hour(47), LIFE), CorrelationState::ClosedByHand);
    assert_eq!(record.state(USUAL, hour(48), LIFE), CorrelationState::Open, "no link is kept longer");
    assert_eq!(record.reason().map(str::len), Some(200));
    assert!(!format!("{record:?}").contains("Ada"));
    for _ in 0..5 {
        assert_eq!(record.count(CountedAs::Spoof, USUAL, hour(1), LIFE), Counted::Unchanged);
    }
    assert_eq!((record.counts(hour(1), LIFE), record.expires_at(LIFE)), ((5, 0), Some(hour(49))));
    record.reopen();
    assert_eq!((record.state(USUAL, hour(1), LIFE), record.expires_at(LIFE)), (CorrelationState::Open, None));
}

#[test]
fn what_counts_is_what_somebody_failed_at() {
    let failed = |code| Stage::Failed { ended_at: hour(0), code };
    let cases = [
        (failed(AttemptCode::TimedOut), Some(CountedAs::Failure)),
        (failed(AttemptCode::ProtocolBroken), Some(CountedAs::Failure)),
        (failed(AttemptCode::UnexpectedServerError), None),
        (failed(AttemptCode::AssuranceTooLow), None),
        (Stage::Canceled { ended_at: hour(0), reason: CancelReason::Person }, None),
    ];
    for (stage, expected) in cases {
        assert_eq!(CountedAs::of(&stage), expected, "{stage:?}");
    }
}

#[test]
fn what_is_no_record_is_refused() {
    let newer = br#"{"format":2,"counted":"in another way"}"#;
    assert_eq!(CorrelationRecord::from_bytes(newer), Err(CorrelationProblem::Newer(2)));
    for bytes in [&b""[..], b"{}", b"[]", br#"{"format":1,"counted":[{"at":1}]}"#, &[b' '; 20_000]] {
        assert_eq!(CorrelationRecord::from_bytes(bytes), Err(CorrelationProblem::Damaged));
    }
}
