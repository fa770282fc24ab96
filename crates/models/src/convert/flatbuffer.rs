//! Reads tables out of a FlatBuffers file, without a schema and without trust.
//!
//! The `flatbuffers` crate reads through code generated from a schema, which would be third-party code in our tree;
//! a network needs four shapes of the format, which stand here. A table begins with the distance back to its list of
//! fields (the *vtable*: its own length, the table's, then a place for each field, 0 for an absent one); a vector is a
//! count and its elements; whatever is not a plain number is reached by an offset forward from where it stands.
//!
//! Every read is checked against the file. Nothing here follows an offset by itself more than once, so that a file
//! that points in circles costs no more than the caller's own loops.

/// Why a file is not read on.
pub(super) type Fault = String;

/// A table, somewhere in a file.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    file: &'a [u8],
    at: usize,
    fields: &'a [u8],
}

/// Elements one after the other.
#[derive(Clone, Copy)]
pub(super) struct Vector<'a> {
    file: &'a [u8],
    at: usize,
    count: usize,
}

impl<'a> Table<'a> {
    /// The outermost table of a file that carries this mark in its bytes 4 to 8.
    pub(super) fn root(file: &'a [u8], mark: [u8; 4]) -> Result<Self, Fault> {
        if file.get(4..8) != Some(&mark) {
            return Err(format!("it does not carry the mark `{}`", mark.escape_ascii()));
        }
        Self::at(file, follow(file, 0)?)
    }

    fn at(file: &'a [u8], at: usize) -> Result<Self, Fault> {
        let back = i64::from(i32::from_le_bytes(take(file, at)?));
        let fields = i64::try_from(at).ok().and_then(|at| at.checked_sub(back)).and_then(|at| usize::try_from(at).ok());
        let fields = fields.ok_or_else(|| outside(at))?;
        let length = usize::from(u16::from_le_bytes(take(file, fields)?));
        let list = fields.checked_add(length).and_then(|end| file.get(fields..end)).filter(|list| list.len() >= 4);
        Ok(Self { file, at, fields: list.ok_or_else(|| outside(fields))? })
    }

    /// Where the field of this number stands, if it is there.
    fn field(&self, number: usize) -> Option<usize> {
        let place = self.fields.get(4 + 2 * number..6 + 2 * number)?;
        let offset = usize::from(u16::from_le_bytes([place[0], place[1]]));
        (offset > 0).then_some(self.at + offset)
    }

    /// A whole number of one byte.
    pub(super) fn byte(&self, number: usize, default: u8) -> Result<u8, Fault> {
        self.field(number).map_or(Ok(default), |at| take(self.file, at).map(u8::from_le_bytes))
    }

    /// A whole number of four bytes.
    pub(super) fn int(&self, number: usize, default: i32) -> Result<i32, Fault> {
        self.field(number).map_or(Ok(default), |at| take(self.file, at).map(i32::from_le_bytes))
    }

    /// A table within.
    pub(super) fn table(&self, number: usize) -> Result<Option<Self>, Fault> {
        self.field(number).map(|at| Self::at(self.file, follow(self.file, at)?)).transpose()
    }

    /// A vector of tables.
    pub(super) fn tables(&self, number: usize) -> Result<Vector<'a>, Fault> {
        self.vector(number, 4)
    }

    /// A vector of whole numbers of four bytes.
    pub(super) fn ints(&self, number: usize) -> Result<Vec<i32>, Fault> {
        let vector = self.vector(number, 4)?;
        (0..vector.count).map(|place| take(self.file, vector.at + 4 * place).map(i32::from_le_bytes)).collect()
    }

    /// A vector of bytes, or text.
    pub(super) fn bytes(&self, number: usize) -> Result<&'a [u8], Fault> {
        let vector = self.vector(number, 1)?;
        Ok(&self.file[vector.at..vector.at + vector.count])
    }

    /// A vector whose elements take `width` bytes; an absent one is empty.
    fn vector(&self, number: usize, width: usize) -> Result<Vector<'a>, Fault> {
        let Some(at) = self.field(number) else { return Ok(Vector { file: self.file, at: 0, count: 0 }) };
        let at = follow(self.file, at)?;
        let count = u32::from_le_bytes(take(self.file, at)?) as usize;
        let at = at + 4;
        let end = count.checked_mul(width).and_then(|length| at.checked_add(length));
        match end {
            Some(end) if end <= self.file.len() => Ok(Vector { file: self.file, at, count }),
            _ => Err(outside(at)),
        }
    }
}

impl<'a> Vector<'a> {
    /// How many elements.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The table of this number.
    pub(super) fn table(&self, place: usize) -> Result<Table<'a>, Fault> {
        if place >= self.count {
            return Err(format!("there is no number {place} among {}", self.count));
        }
        Table::at(self.file, follow(self.file, self.at + 4 * place)?)
    }
}

/// Where the offset that stands here leads.
fn follow(file: &[u8], at: usize) -> Result<usize, Fault> {
    let offset = u32::from_le_bytes(take(file, at)?) as usize;
    at.checked_add(offset).filter(|to| *to < file.len()).ok_or_else(|| outside(at))
}

fn take<const N: usize>(file: &[u8], at: usize) -> Result<[u8; N], Fault> {
    let bytes = at.checked_add(N).and_then(|end| file.get(at..end)).ok_or_else(|| outside(at))?;
    Ok(bytes.try_into().expect("the slice has N bytes"))
}

fn outside(at: usize) -> Fault {
    format!("what stands at byte {at} leads out of the file")
}
