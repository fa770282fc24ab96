//! Pictures to be sampled: bilinear, in smaller copies for what is far away, and filled smoothly where nothing is known.

/// Red, green, blue, and how much covers what is behind.
pub(crate) type Texel = [u8; 4];

/// A picture of texels.
#[derive(Clone)]
pub(crate) struct Level {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) texels: Vec<Texel>,
}

impl Level {
    pub(crate) fn from_fn(width: usize, height: usize, mut texel: impl FnMut(usize, usize) -> Texel) -> Self {
        let mut texels = Vec::with_capacity(width * height);
        for y in 0..height {
            texels.extend((0..width).map(|x| texel(x, y)));
        }
        Self { width, height, texels }
    }

    /// Opaque, from three bytes a pixel.
    pub(crate) fn from_rgb(width: usize, height: usize, rgb: &[u8]) -> Self {
        let texels = rgb.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect();
        Self { width, height, texels }
    }

    /// Every value between the four texels around a place; the middle of the first texel is at 0.5. Places outside get
    /// the nearest edge.
    pub(crate) fn sample(&self, u: f32, v: f32) -> [f32; 4] {
        let lanes = self.sample_steps(((u - 0.5) * 256.0) as i32, ((v - 0.5) * 256.0) as i32);
        std::array::from_fn(|part| f32::from((lanes >> (16 * part)) as u16) / 256.0)
    }

    /// The same at a place in 1/256 of a texel, from the middle of the first: four parts of sixteen bits, 256 steps each.
    #[inline(always)]
    pub(crate) fn sample_steps(&self, u: i32, v: i32) -> u64 {
        let u = u.clamp(0, (self.width as i32 - 1) << 8) as u32;
        let v = v.clamp(0, (self.height as i32 - 1) << 8) as u32;
        let (column, row) = ((u >> 8) as usize, (v >> 8) as usize);
        let (right, below) = (u64::from(u & 255), u64::from(v & 255));
        let next_column = (column + 1).min(self.width - 1);
        let upper = &self.texels[row * self.width..][..self.width];
        let lower = &self.texels[(row + 1).min(self.height - 1) * self.width..][..self.width];
        // Weights of 1/256; together 256.
        let fourth = (right * below) >> 8;
        spread(upper[column]) * (256 + fourth - right - below)
            + spread(upper[next_column]) * (right - fourth)
            + spread(lower[column]) * (below - fourth)
            + spread(lower[next_column]) * fourth
    }

    /// Half as wide and high, each texel the mean of four.
    pub(crate) fn halved(&self) -> Self {
        let (width, height) = ((self.width / 2).max(1), (self.height / 2).max(1));
        let at = |x: usize, y: usize| self.texels[y.min(self.height - 1) * self.width + x.min(self.width - 1)];
        Self::from_fn(width, height, |x, y| {
            let four = [at(2 * x, 2 * y), at(2 * x + 1, 2 * y), at(2 * x, 2 * y + 1), at(2 * x + 1, 2 * y + 1)];
            std::array::from_fn(|part| {
                (four.iter().map(|texel| u32::from(texel[part])).sum::<u32>().div_ceil(4)).min(255) as u8
            })
        })
    }
}

/// The four parts of a texel, sixteen bits each, so that they are weighed all at once.
#[inline(always)]
fn spread(texel: Texel) -> u64 {
    let packed = u64::from(u32::from_le_bytes(texel));
    let pairs = (packed | (packed << 16)) & 0x0000_FFFF_0000_FFFF;
    (pairs | (pairs << 8)) & 0x00FF_00FF_00FF_00FF
}

/// A picture and its smaller copies.
#[derive(Clone)]
pub(crate) struct Texture {
    levels: Vec<Level>,
}

/// Texels for a pixel beyond which a smaller copy is taken: bilinear sampling then skips none.
const MOST_TEXELS_A_PIXEL: f32 = 1.6;

impl Texture {
    pub(crate) fn new(level: Level) -> Self {
        let mut levels = vec![level];
        while levels.len() < 4 {
            let next = levels[levels.len() - 1].halved();
            levels.push(next);
        }
        Self { levels }
    }

    /// The copy for so many texels of the first level in a pixel, and the size of its texels in those of the first.
    pub(crate) fn level(&self, texels_a_pixel: f32) -> (&Level, f32) {
        let steps = (texels_a_pixel / MOST_TEXELS_A_PIXEL).max(1.0).log2().ceil() as usize;
        let step = steps.min(self.levels.len() - 1);
        (&self.levels[step], (1 << step) as f32)
    }

    pub(crate) fn full(&self) -> &Level {
        &self.levels[0]
    }
}

/// A plane of three values with the weight of each: what is unknown has weight 0.
struct Plane {
    width: usize,
    height: usize,
    values: Vec<[f32; 4]>,
}

/// Fills texels that are not known with the smooth continuation of those that are: means of ever larger squares.
pub(crate) fn fill(level: &mut Level, known: &[bool]) {
    let values = level.texels.iter().zip(known).map(|(texel, known)| {
        let weight = f32::from(u8::from(*known));
        [f32::from(texel[0]) * weight, f32::from(texel[1]) * weight, f32::from(texel[2]) * weight, weight]
    });
    let mut planes = vec![Plane { width: level.width, height: level.height, values: values.collect() }];
    while planes[planes.len() - 1].width.max(planes[planes.len() - 1].height) > 1 {
        let next = coarser(&planes[planes.len() - 1]);
        planes.push(next);
    }
    for coarse in (1..planes.len()).rev() {
        let (finer, coarser) = planes.split_at_mut(coarse);
        complete(&mut finer[coarse - 1], &coarser[0]);
    }
    for ((texel, value), known) in level.texels.iter_mut().zip(&planes[0].values).zip(known) {
        if !known {
            (0..3).for_each(|part| texel[part] = (value[part] / value[3].max(1e-6)).round().clamp(0.0, 255.0) as u8);
        }
    }
}

/// Sums of four, with their weight limited to 1.
fn coarser(plane: &Plane) -> Plane {
    let (width, height) = (plane.width.div_ceil(2), plane.height.div_ceil(2));
    let mut values = vec![[0.0f32; 4]; width * height];
    for y in 0..plane.height {
        for x in 0..plane.width {
            let sum = &mut values[(y / 2) * width + x / 2];
            for (sum, part) in sum.iter_mut().zip(plane.values[y * plane.width + x]) {
                *sum += part;
            }
        }
    }
    for value in &mut values {
        let excess = value[3].max(1.0);
        value.iter_mut().for_each(|part| *part /= excess);
    }
    Plane { width, height, values }
}

/// Adds to each value what its weight lacks, out of the coarser plane between its texels.
fn complete(plane: &mut Plane, coarse: &Plane) {
    for y in 0..plane.height {
        for x in 0..plane.width {
            let lacking = 1.0 - plane.values[y * plane.width + x][3];
            if lacking <= 0.0 {
                continue;
            }
            let (u, v) = ((x as f32 - 0.5) / 2.0, (y as f32 - 0.5) / 2.0);
            let (column, row) = (u.floor(), v.floor());
            let (right, below) = (u - column, v - row);
            let at = |column: f32, row: f32| {
                let column = (column.max(0.0) as usize).min(coarse.width - 1);
                coarse.values[(row.max(0.0) as usize).min(coarse.height - 1) * coarse.width + column]
            };
            let corners = [
                (at(column, row), (1.0 - right) * (1.0 - below)),
                (at(column + 1.0, row), right * (1.0 - below)),
                (at(column, row + 1.0), (1.0 - right) * below),
                (at(column + 1.0, row + 1.0), right * below),
            ];
            let value = &mut plane.values[y * plane.width + x];
            for (corner, weight) in corners {
                (0..4).for_each(|part| value[part] += lacking * weight * corner[part]);
            }
        }
    }
}

/// The mean over a square of `2 * radius + 1` texels, three times: nearly a Gaussian. Coverage is kept.
pub(crate) fn blurred(level: &Level, radius: usize) -> Level {
    let mut result = level.clone();
    for _ in 0..3 {
        result = transposed_means(&transposed_means(&result, radius), radius);
    }
    for (texel, before) in result.texels.iter_mut().zip(&level.texels) {
        texel[3] = before[3];
    }
    result
}

/// Means along rows, written as columns.
fn transposed_means(level: &Level, radius: usize) -> Level {
    let (width, height) = (level.width, level.height);
    let mut texels = vec![[0; 4]; width * height];
    let count = (2 * radius + 1) as u32;
    for y in 0..height {
        let row = &level.texels[y * width..(y + 1) * width];
        let at = |x: isize| row[x.clamp(0, width as isize - 1) as usize];
        let mut sums = [0u32; 4];
        for x in -(radius as isize)..=radius as isize {
            (0..4).for_each(|part| sums[part] += u32::from(at(x)[part]));
        }
        for x in 0..width {
            texels[x * height + y] = sums.map(|sum| ((sum + count / 2) / count) as u8);
            let (left, right) = (at(x as isize - radius as isize), at(x as isize + radius as isize + 1));
            (0..4).for_each(|part| sums[part] = sums[part] + u32::from(right[part]) - u32::from(left[part]));
        }
    }
    Level { width: height, height: width, texels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_continues_what_is_known() {
        let mut level = Level::from_fn(16, 8, |x, _| if x < 8 { [100, 50, 10, 255] } else { [0, 0, 0, 255] });
        let known: Vec<bool> = (0..16 * 8).map(|i| i % 16 < 8).collect();
        fill(&mut level, &known);
        assert!(level.texels.iter().all(|texel| *texel == [100, 50, 10, 255]));
    }

    #[test]
    fn samples_lie_between_texels() {
        let level = Level::from_fn(2, 1, |x, _| [x as u8 * 100, 0, 0, 255]);
        assert_eq!(level.sample(0.5, 0.5)[0], 0.0);
        assert_eq!(level.sample(1.0, 0.5)[0], 50.0);
        assert_eq!(level.sample(9.0, 9.0)[0], 100.0);
    }
}
