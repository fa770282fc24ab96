// The form of a notice: paragraphs parted by empty lines, the first of which is the heading.

/** Heading and paragraphs of a notice's text. */
export function paragraphs(text: string): { heading: string; rest: string[] } {
  const [heading = '', ...rest] = text
    .split(/\r?\n\s*\r?\n/)
    .map((paragraph) => paragraph.trim())
    .filter(Boolean);
  return { heading, rest };
}
