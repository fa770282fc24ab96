//! What the page says whatever the figures are.

use super::super::{Evaluation, rule_name, thousands};
use crate::cli::html::escaped;
use likeness_gallery::evaluate::percent;

pub(super) const fn for_data_protection() -> &'static str {
    "<section class=\"opening\">\n<h2>What this page shows, and what it does not</h2>\n\
     <p>It counts how often this installation erred on labelled photos that somebody here chose: with this version, these \
     networks and these thresholds. It holds counts only, and the names of groups. No photo, no name of a person, no template and no single \
     comparison is in it, so that it can be filed and passed on.</p>\n\
     <p>It does not show how other people, cameras or light would fare, and not whether a use is lawful or fair. It tests \
     nobody who wants to deceive. Relatives and twins are covered only as far as they are among these people. It is no test \
     by a laboratory. Each figure has an interval: where it is wide, too few people took part to say more, and a figure \
     below its limit is not a proof of zero.</p>\n</section>\n"
}

pub(super) const fn verification() -> &'static str {
    "<p>Two photos count as the same person when their distance is at most the threshold. A looser threshold makes fewer \
     people unknown and confuses more. The intervals come from drawing whole people anew, because photos of one person are \
     not independent. Where no error was seen, the rule of three gives a bound: three over the number of pairs. It takes pairs \
     for independent; pairs that share a person are not, so that the true bound is larger.</p>\n"
}

pub(super) fn identification(rate: f64, configured: &str) -> String {
    format!(
        "<p>A search names the nearest people within a distance. By the rule <em>by false-positive rate</em> the distance \
         shrinks with the size of the gallery, so that at most {} of strangers should get a candidate; by <em>classic \
         0.5</em> it stays that of verify. This installation uses the rule <strong>{}</strong>.</p>\n\
         <p>Strangers were searched for in galleries as large as these people can fill, people drawn at random; \
         <em>everybody else</em> means all other people of the folder. For larger galleries the share is extrapolated \
         from pairs as 1 \u{2212} (1 \u{2212} FMR)<sup>n</sup>, as if comparisons were independent. Who is enrolled counts as \
         not found when the nearest of all other photos of the same person is beyond the distance; that somebody else \
         may stand first is not counted.</p>\n",
        escaped(&percent(rate)),
        escaped(configured)
    )
}

pub(super) const fn groups() -> &'static str {
    "<p>Errors at the threshold of verify. False matches are counted among people of the same group, who resemble each other \
     more than people at large. The last line of a table counts pairs of people of two different \
     groups, for comparison. Two groups differ only when their intervals do not overlap; otherwise nothing can be \
     concluded, in either direction: it does not show that they are treated alike.</p>\n"
}

pub(super) const fn no_groups() -> &'static str {
    "<h2>Groups of people</h2>\n<p>Not examined. With <code>--groups FILE.csv</code> the report compares groups, such as by age \
     or skin. Without, it says nothing about whether errors fall on some people more than on others.</p>\n"
}

pub(super) const fn terms() -> &'static str {
    "<h2>Terms</h2>\n<p>As in ISO/IEC 19795-1.</p>\n<dl>\n\
     <dt>False match rate (FMR)</dt><dd>Share of pairs of photos of different people that count as the same person.</dd>\n\
     <dt>False non-match rate (FNMR)</dt><dd>Share of pairs of photos of one person that do not.</dd>\n\
     <dt>Failure to detect</dt><dd>Share of readable photos of a person in which no face is found. A photo with several \
     faces is none.</dd>\n\
     <dt>False-positive identification rate (FPIR)</dt><dd>Share of searches for people who are not enrolled that name \
     somebody.</dd>\n\
     <dt>False-negative identification rate (FNIR)</dt><dd>Share of searches for people who are enrolled that do not find \
     them within the distance.</dd>\n\
     <dt>DET curve</dt><dd>Detection error trade-off: both errors at every threshold, on axes on which normally distributed \
     scores give a straight line.</dd>\n\
     <dt>Interval</dt><dd>95 % of the figures that other draws of these people, with replacement, would have given.</dd>\n\
     <dt>Rule of three</dt><dd>When none of n independent trials erred, the rate is below 3/n with 95 % confidence.</dd>\n</dl>\n"
}

/// How the page came about, so that it can be made again.
pub(super) fn made(evaluation: &Evaluation) -> String {
    let report = &evaluation.report;
    let counts = &report.counts;
    let behind = &evaluation.calibration;
    let pairs = thousands(counts.impostor_pairs);
    let rows = [
        ("Date", evaluation.made.clone()),
        ("Program", format!("Likeness {}", evaluation.likeness)),
        ("Engine", evaluation.engine.clone()),
        ("Model packs", evaluation.packs.join(", ")),
        ("Template space", evaluation.space.clone()),
        (
            "Calibration",
            format!(
                "{}, from {} pairs of {} people. {}",
                if behind.is_own { "the operator's own" } else { "of the model pack" },
                thousands(behind.impostor_pairs),
                thousands(behind.people),
                behind.note
            ),
        ),
        ("Rule of identify", rule_name(evaluation.identify_rule).to_owned()),
        (
            "People and photos",
            format!(
                "{} people, {} photos, {} with exactly one face of {} people",
                counts.people,
                thousands(counts.photos),
                thousands(counts.templates as u64),
                counts.people_with_template
            ),
        ),
        ("Pairs", format!("{} of one person; {pairs} of different people", thousands(counts.genuine_pairs as u64))),
        ("Resampling", format!("{} rounds, seed {}", report.rounds, report.seed)),
    ];
    let rows: String = rows
        .iter()
        .map(|(name, value)| {
            format!("<tr><th scope=\"row\">{name}</th><td><code>{}</code></td></tr>\n", escaped(value))
        })
        .collect();
    format!(
        "<h2>How this page was made</h2>\n<p>By <code>likeness evaluate</code>. The same photos, seed and program give the \
         same figures.</p>\n<div class=\"table\" role=\"region\" aria-label=\"How this page was made\" tabindex=\"0\"><table>\n\
         <tbody>\n{rows}</tbody></table></div>\n"
    )
}
