//! Confusion tables, and how much of them is luck.

use fastrand::Rng;
use std::collections::BTreeMap;

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
        println!("| attribute | n | balanced accuracy | 95 % interval | verdict |\n|---|---|---|---|---|");
        let mut wrong = Vec::new();
        for table in tables {
            let cells = table.cells(table.by_photo.values());
            let (balanced, (low, high)) = (table.balanced(&cells), table.interval());
            let is_informative = low > 1.0 / table.classes.len() as f64;
            println!(
                "| {} | {} | {balanced:.3} | {low:.3} to {high:.3} | {} |",
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
