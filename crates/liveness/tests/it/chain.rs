//! Frames and their chain, against values that another implementation computed:
//!
//! ```python
//! t = sha256(b"likeness-frames-v1" + b"0f8fad5b-d9cb-469f-a165-70867728950e" + bytes(range(16))).digest()
//! t = sha256(t + struct.pack(">IdH", 1, 1234.5, 0) + b"\xff\xd8first").digest()
//! t = sha256(t + struct.pack(">IdH", 2, 1334.25, 1) + b"\xff\xd8second").digest()
//! ```

use likeness_liveness::{
    Chain, ChainProblem, FRAME_HEAD_BYTES, FrameHead, FrameProblem, capture_challenge, capture_statement,
    enrolment_challenge,
};
use uuid::Uuid;

const TAILS: [&str; 3] = [
    "b3545ed5de828dd18215f30f7e4f8ae55271459985e50d7023152ad337f5941c",
    "2633c0b30907e2d4a261cb624508cd0712e19d23db21a678da60e6fc81517815",
    "238f90b8b3704c8b23e149d7ecd43e1d72363bc6a9be8b4c5000d7b8cd4f813a",
];
const FRAMES: [&str; 2] = [
    "0000000140934a000000000000002633c0b30907e2d4a261cb624508cd07ffd86669727374",
    "000000024094d900000000000001238f90b8b3704c8b23e149d7ecd43e1dffd87365636f6e64",
];

fn begin() -> Chain {
    let session = Uuid::parse_str("0f8fad5b-d9cb-469f-a165-70867728950e").unwrap();
    Chain::begin(session, &std::array::from_fn(|byte| byte as u8))
}

#[test]
fn a_chain_is_the_one_that_another_implementation_computes() {
    let mut chain = begin();
    assert_eq!(hex::encode(chain.tail()), TAILS[0]);
    for (frame, tail) in FRAMES.iter().zip(&TAILS[1..]) {
        let bytes = hex::decode(frame).unwrap();
        let (head, jpeg) = FrameHead::parse(&bytes).unwrap();
        assert_eq!(head.to_bytes(), bytes[..FRAME_HEAD_BYTES]);
        chain.push(&head, jpeg).unwrap();
        assert_eq!(hex::encode(chain.tail()), *tail);
    }
    assert_eq!(chain.digest_hex(), TAILS[2].to_uppercase());
    assert_eq!(chain.count(), 2);
    assert!(!format!("{chain:?}").contains("238f"));
}

#[test]
fn every_bit_of_a_frame_and_of_its_head_is_in_the_chain() {
    let bytes = hex::decode(FRAMES[0]).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let mut chain = begin();
        if let Ok((head, jpeg)) = FrameHead::parse(&changed) {
            assert_eq!(chain.push(&head, jpeg), Err(ChainProblem), "bit {bit}");
        }
        assert_eq!(chain, begin(), "a refused frame changes nothing");
    }
}

#[test]
fn a_device_and_the_server_make_the_same_chain() {
    let (mut device, mut server) = (begin(), begin());
    for seq in 1..=5 {
        let mut head = FrameHead { seq, capture_ms: f64::from(seq) * 99.9, step: 1, tail: [0; 16] };
        device.extend(&mut head, b"jpeg");
        server.push(&head, b"jpeg").unwrap();
    }
    assert_eq!(device, server);
    assert_ne!(device, begin());
}

#[test]
fn what_is_no_frame_is_refused() {
    let frame = |seq: u32, capture_ms: f64| {
        let head = FrameHead { seq, capture_ms, step: 0, tail: [0; 16] };
        [head.to_bytes().as_slice(), b"x"].concat()
    };
    let cases = [
        ("nothing", Vec::new(), FrameProblem::TooShort),
        ("a head alone", frame(1, 1.0)[..FRAME_HEAD_BYTES].to_vec(), FrameProblem::TooShort),
        ("number 0", frame(0, 1.0), FrameProblem::NoNumber),
        ("no number of time", frame(1, f64::NAN), FrameProblem::NoTime),
        ("an endless time", frame(1, f64::INFINITY), FrameProblem::NoTime),
        ("before the clock began", frame(1, -0.5), FrameProblem::NoTime),
        ("beyond all clocks", frame(1, 1e300), FrameProblem::NoTime),
    ];
    for (name, bytes, problem) in cases {
        assert_eq!(FrameHead::parse(&bytes).map(|_| ()), Err(problem), "{name}");
    }
}

#[test]
fn a_device_signs_the_last_tail_for_this_session_and_this_use() {
    let session = Uuid::parse_str("0f8fad5b-d9cb-469f-a165-70867728950e").unwrap();
    let statement = capture_statement(session, &[b't'; 32]);
    let text = format!("likeness-capture-v10f8fad5b-d9cb-469f-a165-70867728950e{}", "t".repeat(32));
    assert_eq!(statement, text.as_bytes());
    // What a key signs is a hash of it, and a new key is made for another one.
    let challenges = [capture_challenge(session, &[b't'; 32]), enrolment_challenge(session, &[b't'; 32])];
    let expected = [
        "0a02ff006fc94f1ed9f785be43cd68776c33f892cf5bbbe5cd667c1037b87272",
        "8f82e61a7a2c2e0e702eb1a932cff32fdecce49114229faeaba0f1c9a10e798e",
    ];
    assert_eq!(challenges.map(hex::encode), expected);
}
