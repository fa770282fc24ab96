//! Identify: the persons nearest to a probe, and how near one must be to be named.

use crate::scan::{Within, scan_rows};
use crate::{Calibration, FaceNumber, GalleryView, Hit, NOBODY, PersonNumber, Probe, SAME_PERSON, Visible};
use std::collections::{HashMap, HashSet};
use std::fmt;

/// How near a person must be to be named.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cut {
    /// From this confidence of the verify mapping on, whatever the size of the gallery: the classic rule, and what a
    /// caller's own threshold means.
    Confidence(f32),
    /// So that a stranger is named in at most this share of searches of a gallery of this size, and never less strict
    /// than the classic threshold [`SAME_PERSON`]. See [`Calibration::identification_cut`].
    FalsePositiveRate(f64),
}

/// A candidate: a person who may be the one of the probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PersonHit {
    /// The person.
    pub person: PersonNumber,
    /// Confidence of the verify mapping for the nearest of the person's faces.
    pub confidence: f32,
    /// Distance of that face.
    pub distance: f32,
    /// That face.
    pub face: FaceNumber,
}

/// Who is this? The persons with a face within the cut, nearest first, at most `max_candidates` of them.
///
/// A person is as near as the nearest of their faces. All faces within the cut are found before persons are made of
/// them, so that many photos of one person never push another out of the answer. Rows of [`NOBODY`] are left out; the
/// gallery size of [`Cut::FalsePositiveRate`] is the number of visible templates.
///
/// # Panics
/// When the probe is of another dimension.
pub fn identify(
    view: &GalleryView,
    probe: &Probe,
    cut: Cut,
    max_candidates: usize,
    visible: Visible,
    calibration: &Calibration,
) -> Vec<PersonHit> {
    let reach = Reach::of(cut, calibration, || view.visible_len(visible));
    nearest_persons(view, probe, reach, max_candidates, visible, calibration, |_| true)
}

/// The persons of a gallery among whom a face is searched for.
pub struct Scope<'a> {
    persons: &'a HashSet<PersonNumber>,
    /// Templates of theirs in the gallery.
    faces: usize,
}

impl<'a> Scope<'a> {
    /// These persons of that gallery; those who are not in it do no harm.
    pub fn new(view: &GalleryView, persons: &'a HashSet<PersonNumber>) -> Self {
        let faces = view.len_among(persons);
        Self { persons, faces }
    }

    /// How many templates they have together.
    pub const fn faces(&self) -> usize {
        self.faces
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("persons", &self.persons.len()).field("faces", &self.faces).finish()
    }
}

/// Who of these is it? As [`identify`] in a gallery that holds nobody else: the size for [`Cut::FalsePositiveRate`]
/// is the number of templates in the scope.
///
/// # Panics
/// When the probe is of another dimension.
pub fn identify_among(
    view: &GalleryView,
    probe: &Probe,
    cut: Cut,
    max_candidates: usize,
    scope: &Scope<'_>,
    calibration: &Calibration,
) -> Vec<PersonHit> {
    let reach = Reach::of(cut, calibration, || scope.faces);
    let is_meant = |person| scope.persons.contains(&person);
    nearest_persons(view, probe, reach, max_candidates, Visible::All, calibration, is_meant)
}

/// How far away a person may be who is named.
struct Reach {
    distance: f32,
    /// Least confidence; decides where the distance cannot.
    least: f32,
}

impl Reach {
    fn of(cut: Cut, calibration: &Calibration, size: impl FnOnce() -> usize) -> Self {
        match cut {
            // The confidence decides; the distance must only be no smaller than that of any confidence that rounds
            // to the threshold.
            Cut::Confidence(least) => {
                Self { distance: calibration.verify_distance(least.next_down()) * (1.0 + 1e-6), least }
            }
            Cut::FalsePositiveRate(target) => {
                Self { distance: calibration.identification_cut(size(), target), least: SAME_PERSON }
            }
        }
    }
}

fn nearest_persons(
    view: &GalleryView,
    probe: &Probe,
    reach: Reach,
    max_candidates: usize,
    visible: Visible,
    calibration: &Calibration,
    is_meant: impl Fn(PersonNumber) -> bool,
) -> Vec<PersonHit> {
    if max_candidates == 0 {
        return Vec::new();
    }
    let Reach { distance, least } = reach;
    let mut within = [Within::new(distance)];
    scan_rows(view, std::slice::from_ref(probe), &mut within, visible);
    let [within] = within;
    let mut nearest: HashMap<PersonNumber, Hit> = HashMap::new();
    for hit in within.unordered() {
        let is_named =
            hit.person != NOBODY && is_meant(hit.person) && calibration.verify_confidence(hit.distance) >= least;
        if is_named {
            let known = nearest.entry(hit.person).or_insert(hit);
            if (hit.distance, hit.face) < (known.distance, known.face) {
                *known = hit;
            }
        }
    }
    let mut persons: Vec<PersonHit> = nearest
        .into_values()
        .map(|Hit { face, person, distance }| PersonHit {
            person,
            confidence: calibration.verify_confidence(distance),
            distance,
            face,
        })
        .collect();
    persons.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(a.face.cmp(&b.face)));
    persons.truncate(max_candidates);
    persons
}
