//! Reports as one page each: no script, nothing loaded from anywhere. The frame and the parts: tables, sentences,
//! figures of a card.

use super::output;
use anyhow::{Context, Result, bail};
use std::path::Path;

/// Nothing may be fetched, whatever a browser thinks it found.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// Whether a page can be written there. What it says takes long to find out; what stands in the way is better known before.
pub(in crate::cli) fn check_file(page: &Path) -> Result<()> {
    let parent = page.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() || page.is_dir() {
        bail!(
            "the page cannot be written to {}; name a file in a folder that exists with --page, or use --no-page",
            page.display()
        );
    }
    Ok(())
}

/// Writes a page, and says where.
pub(in crate::cli) fn write_file(page: &Path, text: &str) -> Result<()> {
    std::fs::write(page, text).with_context(|| format!("{} cannot be written", page.display()))?;
    output::hint(&format!("Wrote {}; open it in a browser.", page.display()));
    Ok(())
}

/// A whole page around what stands on it.
pub(in crate::cli) fn page(title: &str, body: &str) -> String {
    let (title, style) = (escaped(title), include_str!("page.css"));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// A table; the first cell of a row is its head. It scrolls by itself where the window is narrow.
pub(in crate::cli) fn table(caption: &str, head: &[&str], rows: &[Vec<String>]) -> String {
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
pub(in crate::cli) fn card(name: &str, figure: &str, rest: &str) -> String {
    format!(
        "<div class=\"card\"><p class=\"name\">{}</p><p class=\"figure\">{}</p><p class=\"rest\">{}</p></div>\n",
        escaped(name),
        escaped(figure),
        escaped(rest)
    )
}

/// A list of sentences.
pub(in crate::cli) fn list<'a>(class: &str, sentences: impl Iterator<Item = &'a str>) -> String {
    let items: String = sentences.map(|sentence| format!("<li>{}</li>\n", escaped(sentence))).collect();
    if items.is_empty() { String::new() } else { format!("<ul class=\"{class}\">\n{items}</ul>\n") }
}

/// Text as it may stand in an element or an attribute.
pub(in crate::cli) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    // A number and its sign stay on one line.
    safe.replace(" %", "\u{a0}%")
}
