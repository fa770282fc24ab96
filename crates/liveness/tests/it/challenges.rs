//! Draws of challenges: each within the rules, all together as random as they must be.

use likeness_liveness::message::{Direction, Oval, Prompt, PromptKind};
use likeness_liveness::{Challenge, ChallengeRequest, FrameSize, Mode, Policy, SecondTurn};
use std::collections::{HashMap, HashSet};

const DRAWS: u32 = 2_000;

fn request(mode: Mode, without_light: bool) -> ChallengeRequest {
    ChallengeRequest { mode, without_light, slow: false, frame: Some(FrameSize { width: 640, height: 480 }) }
}

fn seeds() -> impl Iterator<Item = [u8; 32]> {
    let mut random = fastrand::Rng::with_seed(11);
    (0..DRAWS).map(move |_| {
        let mut seed = [0; 32];
        random.fill(&mut seed);
        seed
    })
}

fn prompts(mut challenge: Challenge) -> Vec<Prompt> {
    std::iter::from_fn(|| challenge.reveal()).collect()
}

fn draws(request: ChallengeRequest, policy: &Policy) -> Vec<Vec<Prompt>> {
    seeds().map(|seed| prompts(Challenge::draw(seed, request, policy))).collect()
}

/// The order of kinds, with the colours of light as one.
fn kinds(prompts: &[Prompt]) -> Vec<PromptKind> {
    let mut kinds: Vec<PromptKind> = prompts.iter().map(Prompt::kind).collect();
    kinds.dedup_by(|one, other| one == other && *one == PromptKind::Light);
    kinds
}

#[test]
fn each_kind_of_attempt_has_its_prompts_in_random_order() {
    use PromptKind::{Hold, Light, Near, Settle, Turn};
    let mut always = Policy::default();
    always.turn.second = SecondTurn::Always;
    let mut no_turn = Policy::default();
    no_turn.turn.in_passive = false;
    let mut near = Policy::default();
    near.near.asked = true;
    let usual = Policy::default();
    type Case<'a> = (&'a str, ChallengeRequest, &'a Policy, Vec<Vec<PromptKind>>);
    let both = vec![vec![Settle, Light, Hold, Turn, Hold], vec![Settle, Turn, Hold, Light, Hold]];
    let two = vec![
        vec![Settle, Light, Hold, Turn, Turn, Hold],
        vec![Settle, Turn, Hold, Light, Hold, Turn, Hold],
        vec![Settle, Turn, Turn, Hold, Light, Hold],
    ];
    let cases: [Case<'_>; 6] = [
        ("passive", request(Mode::Passive, false), &usual, both.clone()),
        ("passive and active", request(Mode::PassiveActive, false), &usual, both),
        ("two turns", request(Mode::PassiveActive, false), &always, two),
        ("without light", request(Mode::Passive, true), &usual, vec![vec![Settle, Turn, Turn, Hold]]),
        ("without turns", request(Mode::Passive, false), &no_turn, vec![vec![Settle, Light, Hold]]),
        (
            "closer, without light",
            request(Mode::Passive, true),
            &near,
            vec![
                vec![Settle, Near, Hold, Turn, Turn, Hold],
                vec![Settle, Turn, Hold, Near, Hold, Turn, Hold],
                vec![Settle, Turn, Turn, Hold, Near, Hold],
            ],
        ),
    ];
    for (name, request, policy, orders) in cases {
        let mut counts: HashMap<Vec<PromptKind>, u32> = HashMap::new();
        for prompts in draws(request, policy) {
            *counts.entry(kinds(&prompts)).or_default() += 1;
        }
        assert_eq!(counts.keys().collect::<HashSet<_>>(), orders.iter().collect(), "{name}");
        let fair = DRAWS / orders.len() as u32;
        assert!(counts.values().all(|count| count.abs_diff(fair) < DRAWS / 20), "{name}: {counts:?}");
    }
}

#[test]
fn colours_are_few_never_twice_running_and_move_every_channel() {
    let mut lists = HashSet::new();
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut numbers: HashMap<usize, u32> = HashMap::new();
    for prompts in draws(request(Mode::Passive, false), &Policy::default()) {
        let light: Vec<(String, u32)> = prompts
            .into_iter()
            .filter_map(|prompt| match prompt {
                Prompt::Light { colour, milliseconds } => Some((colour, milliseconds)),
                _ => None,
            })
            .collect();
        assert!((5..=7).contains(&light.len()));
        *numbers.entry(light.len()).or_default() += 1;
        assert!(light.iter().all(|(_, milliseconds)| (450..=700).contains(milliseconds)));
        assert!(light.windows(2).all(|pair| pair[0].0 != pair[1].0));
        for channel in 0..3 {
            let is_on = |colour: &str| u8::from_str_radix(&colour[1 + 2 * channel..3 + 2 * channel], 16).unwrap() > 127;
            let changes = light.windows(2).filter(|pair| is_on(&pair[0].0) != is_on(&pair[1].0)).count();
            assert!(changes >= 2, "{light:?}");
        }
        for (colour, _) in &light {
            *seen.entry(colour.clone()).or_default() += 1;
        }
        lists.insert(light.into_iter().map(|(colour, _)| colour).collect::<Vec<_>>());
    }
    assert_eq!(seen.len(), 7);
    assert!(numbers.values().all(|count| (560..780).contains(count)), "{numbers:?}");
    assert!(lists.len() > 1_800, "{} of {DRAWS} lists of colours differ", lists.len());
    let (least, most) = (seen.values().min().unwrap(), seen.values().max().unwrap());
    assert!(f64::from(*most) / f64::from(*least) < 1.3, "{seen:?}");
}

#[test]
fn nothing_flashes_more_than_three_times_a_second_and_no_red_is_saturated() {
    for slow in [false, true] {
        let request = ChallengeRequest { slow, ..request(Mode::Passive, false) };
        for prompts in draws(request, &Policy::default()) {
            let mut shown: Vec<(String, u32)> = Vec::new();
            for prompt in prompts {
                match prompt {
                    Prompt::Settle { colours, .. } => {
                        let colours = colours.expect("the pair comes before light");
                        assert_eq!([&*colours[0].colour, &*colours[1].colour], ["#ffffff", "#000000"]);
                        shown.extend(colours.into_iter().map(|colour| (colour.colour, colour.milliseconds)));
                    }
                    Prompt::Light { colour, milliseconds } => shown.push((colour, milliseconds)),
                    _ => {}
                }
            }
            for (colour, milliseconds) in &shown {
                // A flash is a pair of changes: at most (1000 / 450) / 2 in a second.
                assert!(*milliseconds >= if slow { 900 } else { 450 });
                let channel = |at: usize| f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap());
                let (red, all) = (channel(1), channel(1) + channel(3) + channel(5));
                assert!(all == 0.0 || red / all < 0.8, "WCAG calls {colour} a saturated red");
            }
        }
    }
}

#[test]
fn turns_go_everywhere_and_never_twice_running() {
    let mut pairs: HashMap<(Direction, Direction), u32> = HashMap::new();
    for seed in seeds() {
        let mut challenge = Challenge::draw(seed, request(Mode::Passive, true), &Policy::default());
        let mut turns = Vec::new();
        while let Some(prompt) = challenge.reveal() {
            if let Prompt::Turn { direction } = prompt {
                turns.push(direction);
                if turns.len() == 1 {
                    challenge.retry_turn();
                }
            }
        }
        assert_eq!(turns.len(), 3, "two, and one for the missed one");
        assert!(turns.windows(2).all(|pair| pair[0] != pair[1]));
        *pairs.entry((turns[0], turns[1])).or_default() += 1;
    }
    assert_eq!(pairs.len(), 12);
    assert!(pairs.values().all(|count| count.abs_diff(DRAWS / 12) < 60), "{pairs:?}");
}

#[test]
fn ovals_lie_within_the_frame_vary_and_keep_their_form() {
    let mut policy = Policy::default();
    policy.near.asked = true;
    for (width, height) in [(640, 480), (480, 640), (1280, 720), (480, 480), (3, 1_000), (0, 0)] {
        let frame = Some(FrameSize { width, height });
        let (wide, high) = (width.max(1) as f32, height.max(1) as f32);
        let mut places = HashSet::new();
        for prompts in draws(ChallengeRequest { frame, ..request(Mode::Passive, true) }, &policy) {
            let ovals: Vec<Oval> = prompts
                .iter()
                .filter_map(|prompt| match prompt {
                    Prompt::Settle { oval, .. } | Prompt::Near { oval } => Some(*oval),
                    _ => None,
                })
                .collect();
            for oval in &ovals {
                assert!(oval.x >= 0.019 && oval.y >= 0.019, "{oval:?}");
                assert!(oval.x + oval.width <= 0.981 && oval.y + oval.height <= 0.981, "{oval:?}");
                let aspect = oval.width * wide / (oval.height * high);
                assert!((aspect - 0.75).abs() < 0.01, "{oval:?}");
            }
            let growth = ovals[1].height / ovals[0].height;
            if width == 640 {
                assert!((1.249..=1.501).contains(&growth), "{growth}");
                assert!((0.52..=0.60).contains(&ovals[0].height), "{ovals:?}");
            }
            places.insert((ovals[0].x * 1_000.0) as i32);
        }
        assert!(places.len() > 50 || width < 10, "{}", places.len());
    }
}

#[test]
fn the_same_bytes_give_the_same_challenge_and_print_nothing_of_it() {
    let draw = || Challenge::draw([5; 32], request(Mode::Passive, false), &Policy::default());
    assert_eq!(prompts(draw()), prompts(draw()));
    let printed = format!("{:?}", draw());
    assert!(!printed.contains('#') && !printed.contains("Turn"), "{printed}");
    let other = Challenge::draw([6; 32], request(Mode::Passive, false), &Policy::default());
    assert_ne!(prompts(draw()), prompts(other));
}

#[test]
fn light_that_cannot_be_measured_gives_way_to_two_turns() {
    use PromptKind::{Hold, Light, Turn};
    for seed in seeds() {
        let mut challenge = Challenge::draw(seed, request(Mode::Passive, false), &Policy::default());
        challenge.reveal();
        challenge.drop_light();
        challenge.want_turns(2);
        let kinds = kinds(&prompts(challenge.clone()));
        assert!(!kinds.contains(&Light));
        assert_eq!(kinds.iter().filter(|kind| **kind == Turn).count(), 2);
        assert!(kinds.windows(2).all(|pair| pair != [Hold, Hold]), "{kinds:?}");
        assert_eq!(kinds.last(), Some(&Hold));
        challenge.want_turns(2);
        assert_eq!(challenge.turns(), 2, "two are enough");
    }
}

#[test]
fn a_policy_bounds_the_draw() {
    let mut policy = Policy::default();
    (policy.light.least_colours, policy.light.most_colours) = (3, 3);
    policy.turn.directions = vec![Direction::Left, Direction::Right];
    assert_eq!(policy.check(), Ok(()));
    for prompts in draws(request(Mode::Passive, false), &policy) {
        assert_eq!(prompts.iter().filter(|prompt| prompt.kind() == PromptKind::Light).count(), 3);
        let vertical = |prompt: &Prompt| matches!(prompt, Prompt::Turn { direction } if [Direction::Up, Direction::Down].contains(direction));
        assert!(!prompts.iter().any(vertical));
    }
}
