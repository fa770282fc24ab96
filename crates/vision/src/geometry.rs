//! Points and rectangles, in pixels of the upright picture: x to the right, y down.

/// A place in a picture, in pixels; it may lie outside the picture.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Point {
    /// Pixels from the left edge.
    pub x: f32,
    /// Pixels from the top edge.
    pub y: f32,
}

impl Point {
    /// The point half way between two.
    #[must_use]
    pub fn midway(self, other: Self) -> Self {
        Self { x: (self.x + other.x) / 2.0, y: (self.y + other.y) / 2.0 }
    }

    /// Distance to another point in pixels.
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// A rectangle as a detector says it: fractions of pixels, possibly reaching out of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct RectF {
    /// Left edge.
    pub left: f32,
    /// Top edge.
    pub top: f32,
    /// Width, not negative.
    pub width: f32,
    /// Height, not negative.
    pub height: f32,
}

impl RectF {
    /// Right edge.
    pub fn right(&self) -> f32 {
        self.left + self.width
    }

    /// Bottom edge.
    pub fn bottom(&self) -> f32 {
        self.top + self.height
    }

    /// Upper left corner.
    pub fn top_left(&self) -> Point {
        Point { x: self.left, y: self.top }
    }

    /// Lower right corner.
    pub fn bottom_right(&self) -> Point {
        Point { x: self.right(), y: self.bottom() }
    }

    /// Middle of the rectangle.
    pub fn centre(&self) -> Point {
        Point { x: self.left + self.width / 2.0, y: self.top + self.height / 2.0 }
    }

    /// Area in square pixels.
    pub fn area(&self) -> f32 {
        self.width * self.height
    }

    /// Intersection over union with another rectangle, 0 (apart) to 1 (equal).
    pub fn overlap(&self, other: &Self) -> f32 {
        let shared = self.shared(other);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// How much of this rectangle lies in another, 0 (apart) to 1 (all of it).
    pub fn share_in(&self, other: &Self) -> f32 {
        let area = self.area();
        if area > 0.0 { self.shared(other) / area } else { 0.0 }
    }

    /// Area of the intersection.
    fn shared(&self, other: &Self) -> f32 {
        let width = self.right().min(other.right()) - self.left.max(other.left);
        let height = self.bottom().min(other.bottom()) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// The whole pixels of a `width` x `height` picture that this rectangle covers, edges rounded to the nearest.
    /// Empty (zero width and height) if it lies outside.
    pub fn clip(&self, width: u32, height: u32) -> Rect {
        // `as` saturates, so even an absurd rectangle ends within the picture.
        let inside = |value: f32, end: u32| {
            let end = i32::try_from(end).unwrap_or(i32::MAX);
            (value.round() as i32).clamp(0, end)
        };
        let (left, right) = (inside(self.left, width), inside(self.right(), width));
        let (top, bottom) = (inside(self.top, height), inside(self.bottom(), height));
        if right <= left || bottom <= top {
            return Rect::default();
        }
        Rect { left, top, width: right - left, height: bottom - top }
    }
}

/// A rectangle of whole pixels inside a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Rect {
    /// First column.
    pub left: i32,
    /// First row.
    pub top: i32,
    /// Number of columns.
    pub width: i32,
    /// Number of rows.
    pub height: i32,
}

impl Rect {
    /// Number of pixels.
    pub fn area(&self) -> i64 {
        i64::from(self.width) * i64::from(self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rect(left: f32, top: f32, width: f32, height: f32) -> RectF {
        RectF { left, top, width, height }
    }

    #[test]
    fn clipping_keeps_whole_pixels_of_the_picture() {
        let cases = [
            ("inside, edges rounded", rect(1.4, 2.6, 10.2, 10.0), Rect { left: 1, top: 3, width: 11, height: 10 }),
            ("out at the top left", rect(-5.0, -7.0, 10.0, 10.0), Rect { left: 0, top: 0, width: 5, height: 3 }),
            ("out at the bottom right", rect(95.0, 45.0, 10.0, 10.0), Rect { left: 95, top: 45, width: 5, height: 5 }),
            ("larger than the picture", rect(-1e9, -1e9, 2e9, 2e9), Rect { left: 0, top: 0, width: 100, height: 50 }),
            ("outside", rect(200.0, 10.0, 10.0, 10.0), Rect::default()),
            ("thinner than a pixel", rect(10.1, 10.0, 0.2, 10.0), Rect::default()),
            ("not a number", rect(f32::NAN, 0.0, 10.0, 10.0), Rect::default()),
        ];
        for (name, rect, expected) in cases {
            assert_eq!(rect.clip(100, 50), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn clipping_never_leaves_the_picture(
            left in -1e6f32..1e6, top in -1e6f32..1e6, width in 0f32..1e6, height in 0f32..1e6,
            across in 1u32..5000, down in 1u32..5000,
        ) {
            let clipped = rect(left, top, width, height).clip(across, down);
            prop_assert!(clipped.left >= 0 && clipped.top >= 0);
            prop_assert!(i64::from(clipped.left) + i64::from(clipped.width) <= i64::from(across));
            prop_assert!(i64::from(clipped.top) + i64::from(clipped.height) <= i64::from(down));
            prop_assert_eq!(clipped.width == 0, clipped.height == 0);
        }

        #[test]
        fn overlap_is_a_symmetric_share(
            a in (0f32..100.0, 0f32..100.0, 0.1f32..50.0, 0.1f32..50.0),
            b in (0f32..100.0, 0f32..100.0, 0.1f32..50.0, 0.1f32..50.0),
        ) {
            let (a, b) = (rect(a.0, a.1, a.2, a.3), rect(b.0, b.1, b.2, b.3));
            let overlap = a.overlap(&b);
            prop_assert!((0.0..=1.0001).contains(&overlap));
            prop_assert!((overlap - b.overlap(&a)).abs() < 1e-5);
            prop_assert!((a.overlap(&a) - 1.0).abs() < 1e-4);
            prop_assert!(a.share_in(&b) <= 1.0001 && a.share_in(&b) >= overlap - 1e-4);
            prop_assert!((a.share_in(&a) - 1.0).abs() < 1e-4);
        }
    }
}
