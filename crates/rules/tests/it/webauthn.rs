//! Keys of people's devices: an authenticator in a few lines, and everything that is wrong with what it says.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use likeness_base::Timestamp;
use likeness_rules::{
    AuthenticatorData, ClientData, EnrolledKey, KeyAssertion, KeyOrigins, KeyProblem, KeyRecordProblem,
    KeyRegistration, LONGEST_CLIENT_DATA,
};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

const HERE: &str = "https://faces.example";
const CHALLENGE: [u8; 32] = [7; 32];
const ENROLLED_AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;
const EXTENDED: u8 = 0x80;

fn origins() -> KeyOrigins {
    KeyOrigins::new("faces.example", &["https://shop.example".to_owned(), "*".to_owned(), "null".to_owned()])
}

/// What an authenticator says of one ceremony, to be changed by a test.
#[derive(Clone)]
struct Said {
    kind: &'static str,
    challenge: [u8; 32],
    origin: String,
    more: String,
    host: String,
    flags: u8,
    counter: u32,
}

impl Said {
    fn new(kind: &'static str, flags: u8) -> Self {
        let (origin, host) = (HERE.to_owned(), "faces.example".to_owned());
        Self { kind, challenge: CHALLENGE, origin, more: String::new(), host, flags, counter: 0 }
    }

    fn creates() -> Self {
        Self::new("webauthn.create", PRESENT | VERIFIED | ATTESTED)
    }

    fn signs() -> Self {
        Self::new("webauthn.get", PRESENT | VERIFIED)
    }

    fn client_data(&self) -> Vec<u8> {
        let Self { kind, origin, more, .. } = self;
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(self.challenge);
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"{more}}}"#).into_bytes()
    }

    fn head(&self) -> Vec<u8> {
        [&Sha256::digest(&self.host)[..], &[self.flags], &self.counter.to_be_bytes()].concat()
    }
}

struct Authenticator {
    key: SigningKey,
    id: Vec<u8>,
}

impl Authenticator {
    fn new(seed: u8) -> Self {
        Self { key: SigningKey::from_slice(&[seed; 32]).unwrap(), id: vec![seed; 16] }
    }

    fn attested(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_encoded_point(false);
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let x = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20];
        [&[0; 16][..], &length, &self.id, &x, point.x().unwrap(), &[0x22, 0x58, 0x20], point.y().unwrap()].concat()
    }

    fn created(&self, said: &Said) -> (Vec<u8>, Vec<u8>) {
        (said.client_data(), [said.head(), self.attested()].concat())
    }

    fn enrol(&self, said: &Said) -> Result<EnrolledKey, KeyProblem> {
        let (client_data, data) = self.created(said);
        enrol(&client_data, &data)
    }

    fn enrolled(&self) -> EnrolledKey {
        self.enrol(&Said::creates()).unwrap()
    }

    fn sign(&self, client_data: &[u8], data: &[u8]) -> Vec<u8> {
        let signature: Signature = self.key.sign(&[data, &Sha256::digest(client_data)].concat());
        signature.to_der().as_bytes().to_vec()
    }

    fn signed(&self, said: &Said) -> [Vec<u8>; 3] {
        let (client_data, data) = (said.client_data(), said.head());
        let signature = self.sign(&client_data, &data);
        [client_data, data, signature]
    }
}

fn enrol(client_data: &[u8], authenticator_data: &[u8]) -> Result<EnrolledKey, KeyProblem> {
    EnrolledKey::enrol(&KeyRegistration { client_data, authenticator_data }, &CHALLENGE, &origins(), ENROLLED_AT)
}

fn check(key: &EnrolledKey, id: &[u8], [client_data, data, signature]: &[Vec<u8>; 3]) -> Result<u32, KeyProblem> {
    let given = KeyAssertion { id, client_data, authenticator_data: data, signature };
    key.check(&given, &CHALLENGE, &origins())
}

fn all(said: &Said, change: impl FnOnce(&mut Said)) -> Said {
    let mut said = said.clone();
    change(&mut said);
    said
}

#[test]
fn a_key_is_enrolled_and_signs() {
    let device = Authenticator::new(3);
    let mut key = device.enrolled();
    assert_eq!(
        (key.id(), key.is_of_one_device(), key.created_at(), key.used_at()),
        (&[3; 16][..], true, ENROLLED_AT, ENROLLED_AT)
    );
    assert_eq!(check(&key, &device.id, &device.signed(&Said::signs())), Ok(0));
    let later = Timestamp::from_millis(1_700_000_060_000);
    key.used(9, later);
    assert_eq!((key.created_at(), key.used_at()), (ENROLLED_AT, later));
    let back = EnrolledKey::from_bytes(&key.to_bytes()).unwrap();
    assert_eq!(back, key);
    assert_eq!(format!("{key:?}"), "EnrolledKey(..)");
    // A key that may be backed up may be on other devices, whether or not it is backed up now.
    for flags in [ELIGIBLE, ELIGIBLE | BACKED_UP] {
        let synced = device.enrol(&all(&Said::creates(), |said| said.flags |= flags)).unwrap();
        assert!(!synced.is_of_one_device());
        assert_eq!(check(&synced, &device.id, &device.signed(&Said::signs())), Err(KeyProblem::Backup));
        let signs = all(&Said::signs(), |said| said.flags |= ELIGIBLE | BACKED_UP);
        assert_eq!(check(&synced, &device.id, &device.signed(&signs)), Ok(0));
    }
}

#[test]
fn what_is_wrong_with_a_new_key() {
    let device = Authenticator::new(3);
    type Change = fn(&mut Said);
    let rows: [(Change, KeyProblem); 13] = [
        (|said| said.kind = "webauthn.get", KeyProblem::Ceremony),
        (|said| said.kind = "payment.get", KeyProblem::Ceremony),
        (|said| said.challenge[31] ^= 1, KeyProblem::Challenge),
        (|said| said.origin = "https://evil.example".to_owned(), KeyProblem::Origin),
        (|said| said.origin = "http://faces.example".to_owned(), KeyProblem::Origin),
        (|said| said.origin = "https://faces.example:8443".to_owned(), KeyProblem::Origin),
        (|said| said.more = r#","crossOrigin":true,"topOrigin":"https://evil.example""#.to_owned(), KeyProblem::Origin),
        (|said| said.host = "example".to_owned(), KeyProblem::Host),
        (|said| said.flags &= !PRESENT, KeyProblem::NotPresent),
        (|said| said.flags &= !VERIFIED, KeyProblem::NotVerified),
        (|said| said.flags |= BACKED_UP, KeyProblem::AuthenticatorData),
        (|said| said.flags |= EXTENDED, KeyProblem::AuthenticatorData),
        (|said| said.flags &= !ATTESTED, KeyProblem::AuthenticatorData),
    ];
    for (row, (change, problem)) in rows.into_iter().enumerate() {
        assert_eq!(device.enrol(&all(&Said::creates(), change)), Err(problem), "row {row}");
    }
    // Pages of the account's origins make keys of their own host; pages around ours may be of the account's origins.
    let shop = all(&Said::creates(), |said| {
        (said.origin, said.host) = ("https://shop.example".to_owned(), "shop.example".to_owned())
    });
    assert!(device.enrol(&shop).is_ok());
    let framed = all(&Said::creates(), |said| {
        said.more = r#","crossOrigin":true,"topOrigin":"https://shop.example""#.to_owned()
    });
    assert!(device.enrol(&framed).is_ok());
    // No key in it at all, and another algorithm than ours.
    let (client_data, data) = device.created(&Said::creates());
    assert_eq!(
        enrol(&client_data, &all(&Said::creates(), |said| said.flags &= !ATTESTED).head()),
        Err(KeyProblem::NoKey)
    );
    let mut rsa = data.clone();
    rsa[37 + 18 + 16 + 4] = 0x27;
    assert_eq!(enrol(&client_data, &rsa), Err(KeyProblem::Algorithm));
    let mut no_point = data.clone();
    no_point[37 + 18 + 16 + 10..][..32].fill(0xff);
    assert_eq!(enrol(&client_data, &no_point), Err(KeyProblem::Algorithm));
    // Extensions are passed over, and what is behind the key without them is not.
    let extended =
        [all(&Said::creates(), |said| said.flags |= EXTENDED).head(), device.attested(), vec![0xa0]].concat();
    assert!(enrol(&client_data, &extended).is_ok());
    assert_eq!(enrol(&client_data, &[&data[..], &[0xa0]].concat()), Err(KeyProblem::AuthenticatorData));
    // Ids have bounds.
    for (length, problem) in [(0, Some(KeyProblem::KeyId)), (1, None), (512, None), (513, Some(KeyProblem::KeyId))] {
        let other = Authenticator { id: vec![1; length], ..Authenticator::new(3) };
        assert_eq!(other.enrol(&Said::creates()).err(), problem, "{length}");
    }
    // Cut anywhere, it is none.
    for end in 0..data.len() {
        assert!(enrol(&client_data, &data[..end]).is_err(), "{end}");
    }
    for end in 0..client_data.len() {
        assert!(enrol(&client_data[..end], &data).is_err(), "{end}");
    }
    let long = [&client_data[..], &vec![b' '; LONGEST_CLIENT_DATA]].concat();
    assert_eq!(enrol(&long, &data), Err(KeyProblem::ClientData));
    let twice = String::from_utf8(client_data).unwrap().replacen('{', r#"{"origin":"https://evil.example","#, 1);
    assert_eq!(enrol(twice.as_bytes(), &data), Err(KeyProblem::ClientData));
}

#[test]
fn what_is_wrong_with_a_signature() {
    let (device, other) = (Authenticator::new(3), Authenticator::new(4));
    let key = device.enrolled();
    type Change = fn(&mut Said);
    let rows: [(Change, KeyProblem); 9] = [
        (|said| said.kind = "webauthn.create", KeyProblem::Ceremony),
        // Another session, or another attempt: another challenge.
        (|said| said.challenge = [8; 32], KeyProblem::Challenge),
        (|said| said.origin = "https://evil.example".to_owned(), KeyProblem::Origin),
        (|said| said.origin = "null".to_owned(), KeyProblem::Origin),
        (|said| said.origin = "https://shop.example".to_owned(), KeyProblem::Host),
        (|said| said.host = "shop.example".to_owned(), KeyProblem::Host),
        (|said| said.flags &= !VERIFIED, KeyProblem::NotVerified),
        (|said| said.flags &= !PRESENT, KeyProblem::NotPresent),
        (|said| said.flags |= ELIGIBLE, KeyProblem::Backup),
    ];
    for (row, (change, problem)) in rows.into_iter().enumerate() {
        let signed = device.signed(&all(&Said::signs(), change));
        assert_eq!(check(&key, &device.id, &signed), Err(problem), "row {row}");
    }
    let signed = device.signed(&Said::signs());
    assert_eq!(check(&key, &other.id, &signed), Err(KeyProblem::OtherKey));
    assert_eq!(check(&key, &device.id, &other.signed(&Said::signs())), Err(KeyProblem::Signature));
    // Cut anywhere, in any of the three; and with anything changed that was signed.
    for (part, bytes) in signed.iter().enumerate() {
        for at in 0..bytes.len() {
            let mut cut = signed.clone();
            cut[part].truncate(at);
            assert!(check(&key, &device.id, &cut).is_err(), "part {part} cut at {at}");
            let mut flipped = signed.clone();
            flipped[part][at] ^= 1;
            assert!(check(&key, &device.id, &flipped).is_err(), "part {part} flipped at {at}");
        }
    }
    let mut longer = signed.clone();
    longer[2].extend([0; 8]);
    assert_eq!(check(&key, &device.id, &longer), Err(KeyProblem::Signature));
    // Extensions are part of what is signed.
    let said = all(&Said::signs(), |said| said.flags |= EXTENDED);
    let (client_data, data) = (said.client_data(), [said.head(), vec![0xa0]].concat());
    let signature = device.sign(&client_data, &data);
    assert_eq!(check(&key, &device.id, &[client_data, data, signature]), Ok(0));
}

#[test]
fn a_counter_rises_or_is_none() {
    let device = Authenticator::new(3);
    let cases = [
        (0, 0, Ok(0)),
        (0, 1, Ok(1)),
        (5, 6, Ok(6)),
        (5, u32::MAX, Ok(u32::MAX)),
        (5, 5, Err(KeyProblem::Counter)),
        (5, 4, Err(KeyProblem::Counter)),
        (5, 0, Err(KeyProblem::Counter)),
    ];
    for (before, now, expected) in cases {
        let mut key = device.enrolled();
        key.used(before, ENROLLED_AT);
        let signed = device.signed(&all(&Said::signs(), |said| said.counter = now));
        assert_eq!(check(&key, &device.id, &signed), expected, "{before} {now}");
        // What somebody else signed says nothing of a copy.
        let forged = Authenticator::new(4).signed(&all(&Said::signs(), |said| said.counter = now));
        assert_eq!(check(&key, &device.id, &forged), Err(KeyProblem::Signature));
    }
}

#[test]
fn hosts_of_pages() {
    let cases = [
        ("faces.example", "https://faces.example", Some("faces.example")),
        ("faces.example:443", "https://faces.example", Some("faces.example")),
        ("faces.example:8443", "https://faces.example:8443", Some("faces.example")),
        ("faces.example", "http://faces.example", None),
        ("localhost:8080", "http://localhost:8080", Some("localhost")),
        ("door.localhost:8080", "http://door.localhost:8080", Some("door.localhost")),
        ("localhost:8080", "http://localhost:8081", None),
        ("notlocalhost", "http://notlocalhost", None),
        ("127.0.0.1:8080", "http://127.0.0.1:8080", None),
        ("127.0.0.1", "https://127.0.0.1", None),
        ("[::1]:8080", "https://[::1]:8080", None),
        ("faces.example", "https://faces.example.evil.example", None),
        ("faces.example", "capacitor://faces.example", None),
        ("", "https://", None),
        ("*", "*", None),
    ];
    for (own, origin, host) in cases {
        assert_eq!(KeyOrigins::new(own, &[]).host(origin).as_deref(), host, "{origin} at {own}");
    }
}

#[test]
fn what_is_no_record_of_a_key_is_refused() {
    let bytes = Authenticator::new(3).enrolled().to_bytes();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        EnrolledKey::from_bytes(text.replacen(from, to, 1).as_bytes())
    };
    assert_eq!(changed("\"format\":1", "\"format\":2"), Err(KeyRecordProblem::Newer(2)));
    assert_eq!(changed("\"id\":\"AwMD", "\"id\":\"?wMD"), Err(KeyRecordProblem::Damaged));
    assert_eq!(changed("\"publicKey\":\"B", "\"publicKey\":\""), Err(KeyRecordProblem::Damaged));
    assert_eq!(EnrolledKey::from_bytes(&vec![b' '; 3_000]), Err(KeyRecordProblem::Damaged));
    for end in 0..bytes.len() {
        assert!(EnrolledKey::from_bytes(&bytes[..end]).is_err(), "cut at {end}");
    }
}

proptest! {
    #[test]
    fn noise_is_refused_without_a_panic(client_data in ".{0,200}", data in proptest::collection::vec(any::<u8>(), 0..300)) {
        let key = Authenticator::new(3).enrolled();
        prop_assert!(ClientData::parse(client_data.as_bytes()).is_err());
        let _ = AuthenticatorData::parse(&data);
        prop_assert!(enrol(client_data.as_bytes(), &data).is_err());
        prop_assert!(check(&key, &[3; 16], &[client_data.into_bytes(), data.clone(), data]).is_err());
    }

    /// A signature of one key, for one challenge, counts for no other.
    #[test]
    fn a_signature_is_for_one_key_and_one_challenge(seed in 1..=250_u8, other in 1..=250_u8, challenge: [u8; 32]) {
        let (device, stranger) = (Authenticator::new(seed), Authenticator::new(other));
        let signed = stranger.signed(&all(&Said::signs(), |said| said.challenge = challenge));
        let counts = check(&device.enrolled(), &device.id, &signed).is_ok();
        prop_assert_eq!(counts, seed == other && challenge == CHALLENGE);
    }
}
