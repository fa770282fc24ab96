//! A liveness session as its record holds it: what the rules know of it, and beside it what only the service may: the token,
//! the templates of the reference, and where else something of it is kept.

use likeness_base::Secret;
use likeness_liveness::{Session, SessionProblem};
use likeness_store::{ContainerKind, ContainerName};
use uuid::Uuid;

/// The form that is written, and the newest that is read.
const FORMAT: u8 = 1;
/// Parts of each kind beside a session: templates of its reference; its pictures, templates and links.
const MOST_PARTS: usize = 300;

/// A session with what is kept beside it.
pub struct Stored {
    /// What the rules know of it.
    pub session: Session,
    /// Its token, which the app server may read as long as it is usable.
    pub token: Secret<String>,
    /// Templates of the reference that came when it was created, each with the name of its space.
    pub reference: Vec<(String, Secret<Vec<u8>>)>,
    /// The person it is compared with, whose faces are read when they are needed: whoever is deleted is in no session.
    pub person: Option<(ContainerName, Uuid)>,
    /// Records that go with it.
    pub companions: Vec<Companion>,
    /// Where devices reach the node that leads the attempt under way, if its operator says so.
    pub leader: Option<String>,
}

/// A record that goes with a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Companion {
    /// A picture of it.
    Image(String),
    /// A quick link, by its digest.
    Link(String),
    /// Its template, where the account watches for abuse.
    Template(String),
}

impl Companion {
    const fn number(&self) -> u8 {
        match self {
            Self::Image(_) => 1,
            Self::Link(_) => 2,
            Self::Template(_) => 3,
        }
    }

    /// The id of the record.
    pub fn id(&self) -> &str {
        match self {
            Self::Image(id) | Self::Link(id) | Self::Template(id) => id,
        }
    }
}

impl Stored {
    /// The bytes of the record.
    ///
    /// # Errors
    /// When the session is longer than can be read again.
    pub fn to_bytes(&self) -> Result<Secret<Vec<u8>>, SessionProblem> {
        if self.reference.len().max(self.companions.len()) > MOST_PARTS {
            return Err(SessionProblem::TooLong);
        }
        let session = self.session.to_bytes()?;
        let templates: usize =
            self.reference.iter().map(|(space, template)| 8 + space.len() + template.expose().len()).sum();
        let companions: usize = self.companions.iter().map(|companion| 5 + companion.id().len()).sum();
        // All at once: a buffer that grows leaves copies behind that nobody wipes.
        let leader = self.leader.as_deref().unwrap_or_default();
        let room = 1
            + 4
            + leader.len()
            + 4
            + session.expose().len()
            + 4
            + self.token.expose().len()
            + 8
            + templates
            + companions;
        let mut bytes = Vec::with_capacity(room);
        bytes.push(FORMAT);
        put(&mut bytes, session.expose());
        put(&mut bytes, self.token.expose().as_bytes());
        count(&mut bytes, self.reference.len());
        for (space, template) in &self.reference {
            put(&mut bytes, space.as_bytes());
            put(&mut bytes, template.expose());
        }
        put(&mut bytes, leader.as_bytes());
        match &self.person {
            None => bytes.push(0),
            Some((container, person)) => {
                bytes.push(1);
                bytes.push(container.kind.number());
                put(&mut bytes, container.id.as_bytes());
                put(&mut bytes, person.as_bytes());
            }
        }
        count(&mut bytes, self.companions.len());
        for companion in &self.companions {
            bytes.push(companion.number());
            put(&mut bytes, companion.id().as_bytes());
        }
        Ok(Secret::new(bytes))
    }

    /// Reads them back; `None` for what no program of this version or an older one wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        if rest.byte()? != FORMAT {
            return None;
        }
        let session = Session::from_bytes(rest.part()?).ok()?;
        let token = Secret::new(rest.text()?);
        let mut reference = Vec::new();
        for _ in 0..rest.count()? {
            reference.push((rest.text()?, Secret::new(rest.part()?.to_vec())));
        }
        let leader = Some(rest.text()?).filter(|leader| !leader.is_empty());
        let person = match rest.byte()? {
            0 => None,
            1 => {
                let kind = ContainerKind::from_number(rest.byte()?.into())?;
                let container = ContainerName { kind, id: rest.text()? };
                Some((container, Uuid::from_slice(rest.part()?).ok()?))
            }
            _ => return None,
        };
        let mut companions = Vec::new();
        for _ in 0..rest.count()? {
            let kind = rest.byte()?;
            let id = rest.text()?;
            companions.push(match kind {
                1 => Companion::Image(id),
                2 => Companion::Link(id),
                3 => Companion::Template(id),
                _ => return None,
            });
        }
        rest.0.is_empty().then_some(Self { session, token, reference, person, companions, leader })
    }
}

fn count(bytes: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("a session has fewer parts than four thousand million");
    bytes.extend_from_slice(&count.to_le_bytes());
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    count(bytes, part.len());
    bytes.extend_from_slice(part);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn length(&mut self) -> Option<usize> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        usize::try_from(u32::from_le_bytes(*length)).ok()
    }

    fn count(&mut self) -> Option<usize> {
        self.length().filter(|count| *count <= MOST_PARTS)
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let (part, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(part)
    }

    fn text(&mut self) -> Option<String> {
        Some(std::str::from_utf8(self.part()?).ok()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use likeness_base::Timestamp;
    use likeness_liveness::{Mode, SessionRequest, Shape};
    use std::time::Duration;

    #[test]
    fn a_session_comes_back_with_all_that_is_beside_it() {
        let request = SessionRequest::new(Shape::New, Mode::Passive);
        let session = Session::new(Uuid::from_u128(7), request, Timestamp::from_millis(5), Duration::from_secs(600));
        let stored = Stored {
            session: session.clone(),
            token: Secret::new("a.b.c".to_owned()),
            reference: vec![("space".to_owned(), Secret::new(vec![1, 2, 3]))],
            person: Some((ContainerName { kind: ContainerKind::PersonGroup, id: "g".to_owned() }, Uuid::from_u128(9))),
            companions: vec![
                Companion::Image("i".to_owned()),
                Companion::Link("l".to_owned()),
                Companion::Template("t".to_owned()),
            ],
            leader: Some("https://one.example".to_owned()),
        };
        let bytes = stored.to_bytes().expect("it is not too long");
        let read = Stored::from_bytes(bytes.expose()).expect("it was just written");
        assert_eq!((&read.session, read.token.expose().as_str()), (&session, "a.b.c"));
        assert_eq!(read.reference[0].1.expose(), &[1, 2, 3]);
        assert_eq!(
            (&read.person, &read.companions, &read.leader),
            (&stored.person, &stored.companions, &stored.leader)
        );
        // Cut anywhere, or with more behind it, it is none.
        for end in 0..bytes.expose().len() {
            assert!(Stored::from_bytes(&bytes.expose()[..end]).is_none(), "{end}");
        }
        assert!(Stored::from_bytes(&[bytes.expose().as_slice(), &[0]].concat()).is_none());
    }
}
