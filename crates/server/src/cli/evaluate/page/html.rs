//! The parts of a page: tables, sentences, figures of a card.

use super::svg::escaped;

/// A table; the first cell of a row is its head. It scrolls by itself where the window is narrow.
pub(super) fn table(caption: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    let caption = escaped(caption);
    let mut text = format!(
        "<div class=\"table\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\"><table>\n<caption>{caption}</caption>\n<thead><tr>"
    );
    for cell in head {
        text.push_str(&format!("<th scope=\"col\">{}</th>", escaped(cell)));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        text.push_str("<tr>");
        for (place, cell) in row.iter().enumerate() {
            let cell = escaped(cell);
            if place == 0 {
                text.push_str(&format!("<th scope=\"row\">{cell}</th>"));
            } else {
                text.push_str(&format!("<td>{cell}</td>"));
            }
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody></table></div>\n");
    text
}

/// A figure that stands out, with what it is and what it rests on.
pub(super) fn card(name: &str, figure: &str, rest: &str) -> String {
    format!(
        "<div class=\"card\"><p class=\"name\">{}</p><p class=\"figure\">{}</p><p class=\"rest\">{}</p></div>\n",
        escaped(name),
        escaped(figure),
        escaped(rest)
    )
}

/// A list of sentences.
pub(super) fn list<'a>(class: &str, sentences: impl Iterator<Item = &'a str>) -> String {
    let items: String = sentences.map(|sentence| format!("<li>{}</li>\n", escaped(sentence))).collect();
    if items.is_empty() { String::new() } else { format!("<ul class=\"{class}\">\n{items}</ul>\n") }
}
