//! Confusion tables, and how much of them is luck.

use fastrand::Rng;
use std::collections::BTreeMap;
use std::fmt;

/// How many answers were wrong, of how many. Prints the share in percent with its 95 % interval after Wilson, which holds for
/// independent answers; photos of one person are not, so that the truth is a little wider.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) wrong: usize,
    pub(crate) of: usize,
}

impl Rate {
    /// 0 if there is nothing to count.
    pub(crate) fn share(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.wrong as f64 / self.of as f64 }
    }

    fn interval(self) -> (f64, f64) {
        // The normal law's 97.5th percentile.
        let z = 1.96f64;
        let (n, share) = (self.of as f64, self.share());
        let middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let reach = z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        ((middle - reach).max(0.0), (middle + reach).min(1.0))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.of == 0 {
            return f.write_str("nobody to count");
        }
        let (low, high) = self.interval();
        let [share, low, high] = [self.share(), low, high].map(|share| share * 100.0);
        write!(f, "{} of {}: {share:.1} % ({low:.1} to {high:.1})", self.wrong, self.of)
    }
}

/// Rows are what is, columns what was found; kept by photo, because faces of one photo are not independent.
pub(crate) struct Confusion {
    name: &'static str,
    classes: &'static [&'static str],
    least: f64,
    by_photo: BTreeMap<String, Vec<usize>>,
}

/// Resamplings behind an interval.
const ROUNDS: usize = 1000;

impl Confusion {
    /// An empty table. `least` is the balanced accuracy below which [`Confusion::print_and_check`] fails.
    pub(crate) fn new(name: &'static str, classes: &'static [&'static str], least: f64) -> Self {
        Self { name, classes, least, by_photo: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, photo: &str, is: usize, found: usize) {
        let size = self.classes.len();
        let cells = self.by_photo.entry(photo.to_owned()).or_insert_with(|| vec![0; size * size]);
        cells[is * size + found] += 1;
    }

    fn cells<'a>(&self, photos: impl Iterator<Item = &'a Vec<usize>>) -> Vec<usize> {
        let mut sum = vec![0; self.classes.len() * self.classes.len()];
        photos.for_each(|cells| sum.iter_mut().zip(cells).for_each(|(sum, count)| *sum += count));
        sum
    }

    /// Mean of the classes' shares of right answers; a constant guess reaches one over the number of classes.
    fn balanced(&self, cells: &[usize]) -> f64 {
        let size = self.classes.len();
        let shares: Vec<f64> = (0..size)
            .filter_map(|is| {
                let row = &cells[is * size..(is + 1) * size];
                let total: usize = row.iter().sum();
                (total > 0).then(|| row[is] as f64 / total as f64)
            })
            .collect();
        shares.iter().sum::<f64>() / shares.len() as f64
    }

    /// Where the first class is true, how often another is said.
    pub(crate) fn wrong_yes(&self) -> Rate {
        let size = self.classes.len();
        let cells = self.cells(self.by_photo.values());
        Rate { wrong: cells[1..size].iter().sum(), of: cells[..size].iter().sum() }
    }

    /// Where another class is true, how often the first is said.
    pub(crate) fn wrong_no(&self) -> Rate {
        let size = self.classes.len();
        let cells = self.cells(self.by_photo.values());
        let wrong = cells[size..].iter().step_by(size).sum();
        Rate { wrong, of: cells[size..].iter().sum() }
    }

    /// What to say of a table whose wrong "yes" is not rarer than its wrong "no".
    pub(crate) fn careless(&self) -> Option<String> {
        let (yes, no) = (self.wrong_yes(), self.wrong_no());
        (yes.wrong > 0 && yes.share() >= no.share()).then(|| format!("{}: wrong yes {yes}, wrong no {no}", self.name))
    }

    /// 95 % of resamplings of whole photos lie within.
    fn interval(&self) -> (f64, f64) {
        let photos: Vec<&Vec<usize>> = self.by_photo.values().collect();
        let mut random = Rng::with_seed(7);
        let mut values: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let drawn = (0..photos.len()).map(|_| photos[random.usize(..photos.len())]);
                self.balanced(&self.cells(drawn))
            })
            .collect();
        values.sort_by(f64::total_cmp);
        (values[ROUNDS / 40], values[ROUNDS - 1 - ROUNDS / 40])
    }

    /// Prints the tables and fails if one of them is below its least.
    #[expect(clippy::print_stdout, reason = "the tables are what the test is run for")]
    pub(crate) fn print_and_check(tables: &[Self]) {
        println!("| attribute | n | balanced accuracy | 95 % interval | wrong yes | wrong no | verdict |");
        println!("|---|---|---|---|---|---|---|");
        let mut wrong = Vec::new();
        for table in tables {
            let cells = table.cells(table.by_photo.values());
            let (balanced, (low, high)) = (table.balanced(&cells), table.interval());
            // Only where the first class is that there is nothing; light, say, knows no yes and no.
            let (yes, no) = match table.classes[0] {
                "no" | "none" => (table.wrong_yes().to_string(), table.wrong_no().to_string()),
                _ => ("-".to_owned(), "-".to_owned()),
            };
            let is_informative = low > 1.0 / table.classes.len() as f64;
            println!(
                "| {} | {} | {balanced:.3} | {low:.3} to {high:.3} | {yes} | {no} | {} |",
                table.name,
                cells.iter().sum::<usize>(),
                if is_informative { "informative" } else { "**uninformative**" }
            );
            if balanced < table.least {
                wrong.push(format!("{}: {balanced:.3} is below {}", table.name, table.least));
            }
        }
        for table in tables {
            let cells = table.cells(table.by_photo.values());
            println!("{} (rows: is; columns: found {:?})", table.name, table.classes);
            for (row, class) in cells.chunks(table.classes.len()).zip(table.classes) {
                println!("  {class:>9} {row:?}");
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
