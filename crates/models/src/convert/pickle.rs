//! The part of Python's pickle format that PyTorch's older weight files use, read as inert data.
//!
//! Pickle is a program for a small stack machine, and in Python it may call anything, which is why loading a
//! foreign pickle there is dangerous. Here the machine can only build values of [`Value`]: a call to a
//! function that is not one of the two known ones is an error, and nothing is ever run.

use std::collections::BTreeMap;
use std::rc::Rc;

/// How deep values may lie inside each other. Weight files need 4; a bound keeps a hostile file from using up
/// the stack when its values are dropped.
const DEEPEST: u8 = 16;

/// A value of the file.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// `None`, a truth value, a container read back from memory: its contents are not read.
    Other,
    Int(i64),
    Text(Rc<str>),
    /// The full name of a Python class or function.
    Global(Rc<str>),
    Sequence(Sequence),
    /// An ordered dictionary or a plain one, as its pairs.
    Pairs {
        pairs: Vec<(Value, Value)>,
        depth: u8,
    },
    /// What a persistent id stands for: here always a run of numbers stored after the pickle.
    Stored(Sequence),
    /// A tensor: the arguments it is rebuilt from.
    Tensor(Sequence),
}

/// A tuple or a list. It knows how deep it is: values are shared, and one that had to be asked again could be made to take
/// for ever.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    pub(super) values: Rc<[Value]>,
    depth: u8,
}

/// Reads one pickle off the front of `rest`.
pub(super) fn read(rest: &mut &[u8]) -> Result<Value, String> {
    let mut machine = Machine { stack: Vec::new(), marks: Vec::new(), memory: BTreeMap::new() };
    loop {
        if let Some(value) = machine.step(rest)? {
            return Ok(value);
        }
    }
}

struct Machine {
    stack: Vec<Value>,
    /// Heights of the stack at which a run of arguments begins.
    marks: Vec<usize>,
    memory: BTreeMap<u32, Value>,
}

impl Machine {
    /// Carries out one instruction; gives the value when it was the last.
    fn step(&mut self, rest: &mut &[u8]) -> Result<Option<Value>, String> {
        let [instruction] = take(rest)?;
        match instruction {
            // PROTO: protocol 2 is what these files are written in.
            0x80 => match take(rest)? {
                [2] => {}
                [other] => return Err(format!("pickle protocol {other} is not supported")),
            },
            b'.' => return self.pop().map(Some),
            b'(' => self.marks.push(self.stack.len()),
            b'N' | 0x88 | 0x89 => self.stack.push(Value::Other),
            b'K' => self.stack.push(Value::Int(u8::from_le_bytes(take(rest)?).into())),
            b'M' => self.stack.push(Value::Int(u16::from_le_bytes(take(rest)?).into())),
            b'J' => self.stack.push(Value::Int(i32::from_le_bytes(take(rest)?).into())),
            // LONG1: whole numbers of any length; only the file's magic number is one, and it is longer than 64 bits.
            0x8a => {
                let [length] = take(rest)?;
                split(rest, length.into())?;
                self.stack.push(Value::Other);
            }
            b'X' => {
                let length = u32::from_le_bytes(take(rest)?);
                let text = std::str::from_utf8(split(rest, length as usize)?).map_err(|error| error.to_string())?;
                self.stack.push(Value::Text(text.into()));
            }
            b'c' => {
                let name = format!("{}.{}", line(rest)?, line(rest)?);
                self.stack.push(Value::Global(name.into()));
            }
            b')' => self.push_sequence(Vec::new())?,
            0x85..=0x87 => {
                let count = usize::from(instruction - 0x84);
                let start = self.stack.len().checked_sub(count).ok_or("the stack is too short")?;
                let values = self.stack.split_off(start);
                self.push_sequence(values)?;
            }
            b't' => {
                let values = self.since_mark()?;
                self.push_sequence(values)?;
            }
            b']' => self.push_sequence(Vec::new())?,
            b'e' => self.append()?,
            b'}' => self.stack.push(Value::Pairs { pairs: Vec::new(), depth: 0 }),
            b's' => {
                let start = self.stack.len().checked_sub(2).ok_or("the stack is too short")?;
                let values = self.stack.split_off(start);
                self.insert(values)?;
            }
            b'u' => {
                let values = self.since_mark()?;
                self.insert(values)?;
            }
            b'R' => self.call()?,
            // BUILD sets attributes of an object; of a state dictionary these are version numbers.
            b'b' => {
                self.pop()?;
            }
            b'Q' => match self.pop()? {
                Value::Sequence(sequence) => self.stack.push(Value::Stored(sequence)),
                _ => return Err("a persistent id that is not a tuple".to_owned()),
            },
            b'q' => {
                let [place] = take(rest)?;
                self.remember(place.into())?;
            }
            b'r' => {
                let place = u32::from_le_bytes(take(rest)?);
                self.remember(place)?;
            }
            b'h' => {
                let [place] = take(rest)?;
                self.recall(place.into())?;
            }
            b'j' => {
                let place = u32::from_le_bytes(take(rest)?);
                self.recall(place)?;
            }
            other => return Err(format!("pickle instruction {other:#04x} is not supported")),
        }
        Ok(None)
    }

    fn pop(&mut self) -> Result<Value, String> {
        self.stack.pop().ok_or_else(|| "the stack is empty".to_owned())
    }

    fn since_mark(&mut self) -> Result<Vec<Value>, String> {
        let start = self.marks.pop().filter(|&start| start <= self.stack.len()).ok_or("a mark is missing")?;
        Ok(self.stack.split_off(start))
    }

    fn push_sequence(&mut self, values: Vec<Value>) -> Result<(), String> {
        let depth = deeper(&values)?;
        self.stack.push(Value::Sequence(Sequence { values: values.into(), depth }));
        Ok(())
    }

    fn append(&mut self) -> Result<(), String> {
        let added = self.since_mark()?;
        match self.pop()? {
            Value::Sequence(sequence) if sequence.values.is_empty() => self.push_sequence(added),
            _ => Err("only an empty list can be filled, and only once".to_owned()),
        }
    }

    fn insert(&mut self, values: Vec<Value>) -> Result<(), String> {
        let added = deeper(&values)?;
        match self.stack.last_mut() {
            Some(Value::Pairs { pairs, depth }) if values.len().is_multiple_of(2) => {
                *depth = added.max(*depth);
                let mut values = values.into_iter();
                while let (Some(key), Some(value)) = (values.next(), values.next()) {
                    pairs.push((key, value));
                }
                Ok(())
            }
            _ => Err("pairs for something that is no dictionary".to_owned()),
        }
    }

    /// A call in the file becomes the data it would have made.
    fn call(&mut self) -> Result<(), String> {
        let arguments = self.pop()?;
        let value = match (self.pop()?, arguments) {
            (Value::Global(name), Value::Sequence(arguments)) => match &*name {
                "collections.OrderedDict" => Value::Pairs { pairs: Vec::new(), depth: 0 },
                "torch._utils._rebuild_tensor_v2" => Value::Tensor(arguments),
                other => return Err(format!("call of {other}")),
            },
            _ => return Err("call of something that is no function".to_owned()),
        };
        self.stack.push(value);
        Ok(())
    }

    /// Only values that never change are remembered as they are: the files refer back to nothing else, and
    /// copies of growing dictionaries could be made to fill any memory.
    fn remember(&mut self, place: u32) -> Result<(), String> {
        let value = match self.stack.last().ok_or("nothing to remember")? {
            Value::Pairs { .. } => Value::Other,
            value => value.clone(),
        };
        self.memory.insert(place, value);
        Ok(())
    }

    fn recall(&mut self, place: u32) -> Result<(), String> {
        let value = self.memory.get(&place).cloned().ok_or("nothing remembered there")?;
        self.stack.push(value);
        Ok(())
    }
}

impl Value {
    fn depth(&self) -> u8 {
        match self {
            Value::Sequence(sequence) | Value::Stored(sequence) | Value::Tensor(sequence) => sequence.depth,
            Value::Pairs { depth, .. } => *depth,
            Value::Other | Value::Int(_) | Value::Text(_) | Value::Global(_) => 0,
        }
    }
}

/// The depth of a container of these values.
fn deeper(values: &[Value]) -> Result<u8, String> {
    let depth = values.iter().map(Value::depth).max().unwrap_or(0);
    if depth >= DEEPEST { Err("values lie too deep inside each other".to_owned()) } else { Ok(depth + 1) }
}

/// Takes bytes off the front.
pub(super) fn split<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], String> {
    let (front, back) = rest.split_at_checked(count).ok_or("the file ends too early")?;
    *rest = back;
    Ok(front)
}

/// Takes a fixed number of bytes off the front.
pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], String> {
    split(rest, N).map(|bytes| bytes.try_into().expect("split gives as many bytes as asked for"))
}

fn line<'a>(rest: &mut &'a [u8]) -> Result<&'a str, String> {
    let length = rest.iter().position(|&byte| byte == b'\n').ok_or("the file ends in a name")?;
    let text = split(rest, length + 1)?;
    std::str::from_utf8(&text[..length]).map_err(|error| error.to_string())
}
