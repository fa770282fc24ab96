//! Drawing: lines, words and marks of a chart. Colours are classes of the style sheet, so that a chart follows light,
//! dark and print.

pub(in crate::cli) mod forest;

use crate::cli::html::escaped;

/// A chart on its way to the page.
pub(in crate::cli) struct Chart {
    id: String,
    width: f64,
    height: f64,
    body: String,
}

/// Where the data lie inside a chart.
#[derive(Clone, Copy)]
pub(in crate::cli) struct Frame {
    pub(in crate::cli) left: f64,
    pub(in crate::cli) right: f64,
    pub(in crate::cli) top: f64,
    pub(in crate::cli) bottom: f64,
}

impl Frame {
    /// From a share of the width, 0 left to 1 right.
    pub(in crate::cli) fn x(&self, share: f64) -> f64 {
        self.left + (self.right - self.left) * share.clamp(0.0, 1.0)
    }

    /// From a share of the height, 0 at the bottom to 1 at the top.
    pub(in crate::cli) fn y(&self, share: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * share.clamp(0.0, 1.0)
    }
}

/// Which side of its place a text lies on.
#[derive(Clone, Copy)]
pub(in crate::cli) enum Side {
    Right,
    Middle,
    Left,
}

/// The kinds of marks; shapes distinguish them where colours do not.
#[derive(Clone, Copy)]
pub(in crate::cli) enum Mark {
    /// A filled circle: measured.
    Dot,
    /// An empty circle: extrapolated, or without an interval.
    Ring,
    /// A triangle that points down: at most.
    Below,
}

impl Chart {
    pub(in crate::cli) fn new(id: impl Into<String>, width: f64, height: f64) -> Self {
        Self { id: id.into(), width, height, body: String::new() }
    }

    pub(in crate::cli) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.push(format_args!(
            r#"<line class="{class}" x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}"/>"#,
            from.0, from.1, to.0, to.1
        ));
    }

    pub(in crate::cli) fn text(&mut self, class: &str, place: (f64, f64), side: Side, text: &str) {
        let anchor = match side {
            Side::Right => "start",
            Side::Middle => "middle",
            Side::Left => "end",
        };
        self.push(format_args!(
            r#"<text class="{class}" x="{:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
            place.0,
            place.1,
            escaped(text)
        ));
    }

    /// A text that reads upwards, for the name of a vertical axis.
    pub(in crate::cli) fn upwards(&mut self, place: (f64, f64), text: &str) {
        let (x, y) = place;
        self.push(format_args!(
            r#"<text class="axis" transform="translate({x:.1} {y:.1}) rotate(-90)" text-anchor="middle">{}</text>"#,
            escaped(text)
        ));
    }

    pub(in crate::cli) fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        self.shape("polyline", class, points);
    }

    pub(in crate::cli) fn polygon(&mut self, class: &str, points: &[(f64, f64)]) {
        self.shape("polygon", class, points);
    }

    pub(in crate::cli) fn mark(&mut self, class: &str, mark: Mark, (x, y): (f64, f64)) {
        match mark {
            Mark::Dot => {
                self.push(format_args!(r#"<circle class="mark dot {class}" cx="{x:.1}" cy="{y:.1}" r="4.5"/>"#));
            }
            Mark::Ring => {
                self.push(format_args!(r#"<circle class="mark ring {class}" cx="{x:.1}" cy="{y:.1}" r="4.5"/>"#));
            }
            Mark::Below => {
                let corners = [(x - 5.5, y - 4.5), (x + 5.5, y - 4.5), (x, y + 5.0)];
                self.shape("polygon", &format!("mark ring {class}"), &corners);
            }
        }
    }

    /// The picture with what a screen reader says of it.
    pub(in crate::cli) fn figure(self, title: &str, description: &str, caption: &str) -> String {
        let Self { id, width, height, body } = self;
        let (title, description) = (escaped(title), escaped(description));
        let caption =
            if caption.is_empty() { String::new() } else { format!("<figcaption>{}</figcaption>\n", escaped(caption)) };
        format!(
            r#"<figure>
<p class="title">{title}</p>
<div class="chart" role="region" aria-label="{title}" tabindex="0">
<svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="{id}-title {id}-text">
<title id="{id}-title">{title}</title>
<desc id="{id}-text">{description}</desc>
<defs><pattern id="{id}-unknown" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="unknown-ground" width="8" height="8"/><line class="unknown-stroke" x1="0" y1="0" x2="0" y2="8"/></pattern></defs>
{body}</svg>
</div>
{caption}</figure>
"#
        )
    }

    /// A hatched area: what the data cannot show.
    pub(in crate::cli) fn unknown(&mut self, left_top: (f64, f64), right_bottom: (f64, f64)) {
        let (width, height) = (right_bottom.0 - left_top.0, right_bottom.1 - left_top.1);
        if width > 0.0 && height > 0.0 {
            let id = self.id.clone();
            self.push(format_args!(
                "<rect fill=\"url(#{id}-unknown)\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>",
                left_top.0, left_top.1
            ));
        }
    }

    fn shape(&mut self, element: &str, class: &str, points: &[(f64, f64)]) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.push(format_args!(r#"<{element} class="{class}" points="{}"/>"#, points.join(" ")));
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        self.body.push_str(&format!("{element}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_groups_cannot_break_out() {
        let mut chart = Chart::new("c", 10.0, 10.0);
        chart.text("axis", (1.0, 2.0), Side::Left, "<script>\"&'");
        let figure = chart.figure("a <b>", "c", "d");
        assert!(!figure.contains("<script") && !figure.contains("<b>"), "{figure}");
        assert!(figure.contains("&lt;script&gt;&quot;&amp;&#39;"), "{figure}");
    }
}
