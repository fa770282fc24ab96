//! Turns by quarters: how faces are turned in a picture, and turning a frame upright for a network that knows upright faces
//! alone.

use std::f32::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use crate::geometry::Point;
use crate::resample::Chip;

/// How faces are turned in a picture, to the nearest quarter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuarterTurn {
    /// Upright.
    Upright,
    /// Turned clockwise by a quarter.
    Right,
    /// Upside down.
    Head,
    /// Turned counter-clockwise by a quarter.
    Left,
}

impl QuarterTurn {
    /// All but upright.
    pub(crate) const TURNED: [Self; 3] = [Self::Head, Self::Right, Self::Left];

    /// Of a face turned clockwise by so many radians, -pi to pi.
    pub(crate) fn of(turn: f32) -> Self {
        match turn {
            turn if turn.abs() <= FRAC_PI_4 => Self::Upright,
            turn if turn.abs() >= PI - FRAC_PI_4 => Self::Head,
            turn if turn > 0.0 => Self::Right,
            _ => Self::Left,
        }
    }

    /// Radians clockwise.
    pub(crate) fn turn(self) -> f32 {
        match self {
            Self::Upright => 0.0,
            Self::Right => FRAC_PI_2,
            Self::Head => PI,
            Self::Left => -FRAC_PI_2,
        }
    }

    /// Whether rows become columns where the picture is turned upright.
    pub(crate) fn swaps(self) -> bool {
        matches!(self, Self::Right | Self::Left)
    }

    /// The frame turned so that such faces are upright.
    pub(crate) fn set_upright(self, chip: Chip) -> Chip {
        if self == Self::Upright {
            return chip;
        }
        let (width, height) = if self.swaps() { (chip.height, chip.width) } else { (chip.width, chip.height) };
        let mut upright = Chip::new(width, height);
        for (number, pixel) in upright.samples.chunks_exact_mut(3).enumerate() {
            let middle = Point { x: (number % width) as f32 + 0.5, y: (number / width) as f32 + 0.5 };
            let Point { x, y } = self.turned_back(middle, chip.width as f32, chip.height as f32);
            let source = (y as usize * chip.width + x as usize) * 3;
            pixel.copy_from_slice(&chip.samples[source..source + 3]);
        }
        upright
    }

    /// Where a point of the upright picture is in the original of this width and height.
    pub(crate) fn turned_back(self, point: Point, width: f32, height: f32) -> Point {
        let Point { x, y } = point;
        match self {
            Self::Upright => point,
            Self::Right => Point { x: width - y, y: x },
            Self::Head => Point { x: width - x, y: height - y },
            Self::Left => Point { x: y, y: height - x },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_upright_is_laid_back() {
        let (width, height) = (5, 3);
        let chip = || {
            let mut chip = Chip::new(width, height);
            chip.samples.iter_mut().enumerate().for_each(|(number, sample)| *sample = number as f32);
            chip
        };
        for quarter in [QuarterTurn::Upright, QuarterTurn::Right, QuarterTurn::Head, QuarterTurn::Left] {
            assert_eq!(QuarterTurn::of(quarter.turn()), quarter);
            let upright = quarter.set_upright(chip());
            for (x, y) in (0..upright.width).flat_map(|x| (0..upright.height).map(move |y| (x, y))) {
                let middle = Point { x: x as f32 + 0.5, y: y as f32 + 0.5 };
                let there = quarter.turned_back(middle, width as f32, height as f32);
                let sample = |chip: &Chip, x: usize, y: usize| chip.samples[(y * chip.width + x) * 3];
                let expected = sample(&chip(), there.x as usize, there.y as usize);
                assert_eq!(sample(&upright, x, y), expected, "{quarter:?} {x} {y}");
            }
        }
    }

    /// A face turned clockwise by a quarter has its left eye above its right one.
    #[test]
    fn quarters_go_clockwise() {
        let [left, right] = [0.0, 3.0].map(|x| QuarterTurn::Right.turned_back(Point { x, y: 0.0 }, 5.0, 3.0));
        assert_eq!((left, right), (Point { x: 5.0, y: 0.0 }, Point { x: 5.0, y: 3.0 }));
    }
}
