//! What a JPEG file is, from its markers alone (ITU T.81, annex B): which process, how its components are sampled, where its
//! scans begin and end, and whether it has its end mark. No pixel is decoded here.

use super::super::DecodeError;

/// Scans that a file may have. Usual progressive files have ten; each one is a pass over the whole picture, which a few bytes
/// can ask for.
const MOST_SCANS: usize = 100;

/// One component as the frame describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) name: u8,
    /// Sampling factors, 1 to 4.
    pub(super) h: usize,
    pub(super) v: usize,
    /// The number of its quantisation table, 0 to 3.
    pub(super) quantisation: usize,
}

/// One component of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its place in the frame.
    pub(super) component: usize,
    /// The numbers of its Huffman tables, 0 to 3.
    pub(super) dc: usize,
    pub(super) ac: usize,
}

/// A pass over some components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scan<'a> {
    pub(super) parts: Vec<Part>,
    /// First and last coefficient, in zigzag order.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Successive approximation: the bit before, and this one.
    pub(super) high: u8,
    pub(super) low: u8,
    /// Entropy-coded data with its restart marks.
    pub(super) data: &'a [u8],
}

/// What a decoder has to follow, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Quantisation(&'a [u8]),
    Huffman(&'a [u8]),
    /// MCUs between restart marks; 0 for none.
    Restart(usize),
    Scan(Scan<'a>),
}

/// Colours of the components, by the rules that readers agree on (JFIF, the Adobe segment, else the components' names).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    Grey,
    YCbCr,
    Rgb,
    /// Inks, where 255 means no ink: so Adobe writes them, and readers agree to take all for Adobe's.
    Cmyk,
    /// Black, and the other inks as YCbCr.
    Ycck,
}

/// The result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Survey<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) is_progressive: bool,
    pub(super) components: Vec<Component>,
    pub(super) colours: Colours,
    /// Whether a sign of RGB was found, even if JFIF overrules it: not all readers agree then.
    pub(super) hints_at_rgb: bool,
    pub(super) steps: Vec<Step<'a>>,
    /// The EXIF block without its `Exif\0\0`.
    pub(super) exif: Option<&'a [u8]>,
    /// Whether the end mark is there.
    pub(super) has_end: bool,
}

impl<'a> Survey<'a> {
    /// Reads the markers of a file that begins with FF D8.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::default();
        let mut at = 2;
        while let Some((marker, after)) = next_marker(bytes, at) {
            if marker == 0xD9 {
                reader.has_end = true;
                break;
            }
            // Marks without content: restarts, TEM, and a second start.
            if matches!(marker, 0x01 | 0xD0..=0xD8) {
                at = after;
                continue;
            }
            let Some(content) = content(bytes, after) else { break };
            at = after + 2 + content.len();
            if marker == 0xDA {
                let data = &bytes[at..at + entropy_length(&bytes[at..])];
                at += data.len();
                reader.scan(content, data)?;
            } else if let Err(error) = reader.segment(marker, content) {
                // What stands behind the picture may be a camera's own and need not make sense.
                if reader.scans == 0 || !matches!(error, DecodeError::Broken { .. }) {
                    return Err(error);
                }
                break;
            }
        }
        reader.finish()
    }

    /// The scans in their order.
    pub(super) fn scans(&self) -> impl Iterator<Item = &Scan<'a>> {
        self.steps.iter().filter_map(|step| if let Step::Scan(scan) = step { Some(scan) } else { None })
    }

    /// The largest sampling factors.
    pub(super) fn most(&self) -> (usize, usize) {
        let most = |factor: fn(&Component) -> usize| self.components.iter().map(factor).max().unwrap_or(1);
        (most(|component| component.h), most(|component| component.v))
    }
}

/// A marker at or behind this place, and where it ends. Bytes between segments, and fill bytes, are stepped over, as readers do.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    while let Some(&[first, kind]) = bytes.get(at..at + 2) {
        if first == 0xFF && kind != 0xFF && kind != 0 {
            return Some((kind, at + 2));
        }
        at += 1;
    }
    None
}

/// The content of the segment whose length stands here.
fn content(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    bytes.get(at + 2..at + length.max(2))
}

/// How far entropy-coded data reaches: to a marker that is no restart, or to the end of the file.
fn entropy_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|byte| *byte == 0xFF) {
        at += found;
        match bytes.get(at + 1) {
            Some(0 | 0xD0..=0xD7) => at += 2,
            Some(0xFF) => at += 1,
            _ => return at,
        }
    }
    bytes.len()
}

fn broken() -> DecodeError {
    DecodeError::Broken { format: "JPEG" }
}

fn variant(variant: &'static str) -> DecodeError {
    DecodeError::Variant { format: "JPEG", variant }
}

#[derive(Default)]
struct Reader<'a> {
    frame: Option<(usize, usize, bool, Vec<Component>)>,
    steps: Vec<Step<'a>>,
    scans: usize,
    exif: Option<&'a [u8]>,
    is_jfif: bool,
    adobe: Option<u8>,
    has_late_height: bool,
    has_end: bool,
}

impl<'a> Reader<'a> {
    fn segment(&mut self, marker: u8, content: &'a [u8]) -> Result<(), DecodeError> {
        match marker {
            0xC0..=0xC2 => self.frame(marker == 0xC2, content)?,
            0xC3 => return Err(variant("lossless")),
            0xC5..=0xC7 | 0xDE => return Err(variant("hierarchical")),
            0xC9 | 0xCA | 0xCC => return Err(variant("arithmetic coding")),
            0xCB => return Err(variant("lossless with arithmetic coding")),
            0xCD..=0xCF => return Err(variant("hierarchical with arithmetic coding")),
            0xF7 => return Err(variant("JPEG-LS")),
            0xC4 => self.steps.push(Step::Huffman(content)),
            0xDB => self.steps.push(Step::Quantisation(content)),
            0xDD => {
                let interval = content.get(..2).ok_or_else(broken)?;
                self.steps.push(Step::Restart(usize::from(u16::from_be_bytes([interval[0], interval[1]]))));
            }
            0xDC => self.has_late_height = true,
            0xE0 if content.starts_with(b"JFIF\0") => self.is_jfif = true,
            0xE1 if self.exif.is_none() => self.exif = content.strip_prefix(b"Exif\0\0"),
            0xEE if content.starts_with(b"Adobe") => self.adobe = content.get(11).copied().or(self.adobe),
            _ => {}
        }
        Ok(())
    }

    fn frame(&mut self, is_progressive: bool, content: &[u8]) -> Result<(), DecodeError> {
        let &[precision, top, bottom, left, right, count, ref rest @ ..] = content else { return Err(broken()) };
        match precision {
            8 => {}
            12 => return Err(variant("12 bits a sample")),
            _ => return Err(variant("a number of bits a sample that is neither 8 nor 12")),
        }
        match count {
            1 | 3 | 4 => {}
            2 => return Err(variant("two components")),
            0 => return Err(broken()),
            _ => return Err(variant("more than four components")),
        }
        let height = usize::from(u16::from_be_bytes([top, bottom]));
        let width = usize::from(u16::from_be_bytes([left, right]));
        if self.frame.is_some() || width == 0 || rest.len() < 3 * usize::from(count) {
            return Err(broken());
        }
        let components = rest.chunks_exact(3).take(usize::from(count)).map(|part| {
            let (h, v) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            let is_sound = (1..=4).contains(&h) && (1..=4).contains(&v) && part[2] < 4;
            is_sound.then_some(Component { name: part[0], h, v, quantisation: part[2].into() }).ok_or_else(broken)
        });
        let components = components.collect::<Result<_, _>>()?;
        self.frame = Some((width, height, is_progressive, components));
        Ok(())
    }

    fn scan(&mut self, content: &[u8], data: &'a [u8]) -> Result<(), DecodeError> {
        let (_, _, is_progressive, components) = self.frame.as_ref().ok_or_else(broken)?;
        let (count, rest) = content.split_first().ok_or_else(broken)?;
        let count = usize::from(*count);
        let (Some(parts), Some(&[from, to, bits])) = (rest.get(..2 * count), rest.get(2 * count..2 * count + 3)) else {
            return Err(broken());
        };
        let mut read = Vec::with_capacity(count);
        for part in parts.chunks_exact(2) {
            let component = components.iter().position(|known| known.name == part[0]).ok_or_else(broken)?;
            let (dc, ac) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            if dc > 3 || ac > 3 || read.iter().any(|known: &Part| known.component == component) {
                return Err(broken());
            }
            read.push(Part { component, dc, ac });
        }
        let (mut from, mut to, high, low) = (usize::from(from), usize::from(to), bits >> 4, bits & 15);
        if *is_progressive {
            let is_band = if from == 0 { to == 0 } else { from <= to && to < 64 && count == 1 };
            if !is_band || low > 13 || (high != 0 && high != low + 1) {
                return Err(broken());
            }
        } else {
            // Sequential scans send everything, whatever some writers put here.
            (from, to) = (0, 63);
        }
        self.scans += 1;
        if read.is_empty() {
            return Err(broken());
        }
        if self.scans > MOST_SCANS {
            return Err(variant("more than 100 scans"));
        }
        self.steps.push(Step::Scan(Scan { parts: read, from, to, high, low, data }));
        Ok(())
    }

    fn finish(self) -> Result<Survey<'a>, DecodeError> {
        let (width, height, is_progressive, components) = self.frame.ok_or_else(broken)?;
        if height == 0 && self.has_late_height {
            return Err(variant("a height that stands behind the picture, DNL"));
        }
        if height == 0 || self.scans == 0 {
            return Err(broken());
        }
        let names: Vec<u8> = components.iter().map(|component| component.name).collect();
        let hints_at_rgb = self.adobe == Some(0) || names == *b"RGB";
        let colours = match (components.len(), self.adobe) {
            (1, _) => Colours::Grey,
            (4, Some(2)) => Colours::Ycck,
            (4, _) => Colours::Cmyk,
            (_, _) if self.is_jfif => Colours::YCbCr,
            (_, Some(0)) => Colours::Rgb,
            (_, None) if hints_at_rgb => Colours::Rgb,
            _ => Colours::YCbCr,
        };
        let (steps, exif, has_end) = (self.steps, self.exif, self.has_end);
        Ok(Survey { width, height, is_progressive, components, colours, hints_at_rgb, steps, exif, has_end })
    }
}
