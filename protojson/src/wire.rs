//! Protobuf's wire format: tags, varints, records, back-patched lengths
//! (protobuf.dev/programming-guides/encoding). Knows nothing of descriptors or JSON.

/// Groups within groups that are read over, as most parsers limit them.
const GROUP_DEPTH_MAX: usize = 100;
const FIELD_NUMBER_MAX: u64 = (1 << 29) - 1;

/// Why bytes are no protobuf message. As small as can be: every step over the bytes may return it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    Truncated,
    FieldNumber,
    WireType,
    LongVarint,
    GroupEnd,
    GroupNotBegun,
    GroupDepth,
    PackedBytes,
}

impl Malformed {
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Truncated => "the wire bytes end within a field",
            Self::FieldNumber => "the wire bytes have a field number out of range",
            Self::WireType => "the wire bytes have a field of an unknown wire type",
            Self::LongVarint => "the wire bytes have a varint of more than 64 bits",
            Self::GroupEnd => "the wire bytes have a group that ends wrongly",
            Self::GroupNotBegun => "the wire bytes end a group that was not begun",
            Self::GroupDepth => "the wire bytes nest groups too deeply",
            Self::PackedBytes => "only numbers can be packed",
        }
    }
}

/// How a value is laid out; the numbers are those of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    /// Of its begin; [`close_group`] writes the other one.
    Group = 3,
    Fixed32 = 5,
}

/// Of a group's end.
const GROUP_END: u32 = 4;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
    /// What a group holds.
    Group(&'a [u8]),
}

impl Value<'_> {
    /// The default of all scalars.
    #[inline]
    pub(crate) fn zero(wire_type: WireType) -> Self {
        match wire_type {
            WireType::Varint => Self::Varint(0),
            WireType::Fixed64 => Self::Fixed64(0),
            WireType::Bytes => Self::Bytes(&[]),
            WireType::Group => Self::Group(&[]),
            WireType::Fixed32 => Self::Fixed32(0),
        }
    }

    #[inline]
    pub(crate) fn is_zero(&self) -> bool {
        matches!(
            self,
            Self::Varint(0) | Self::Fixed64(0) | Self::Fixed32(0) | Self::Bytes([])
        )
    }

    #[inline]
    pub(crate) fn wire_type(&self) -> WireType {
        match self {
            Self::Varint(_) => WireType::Varint,
            Self::Fixed64(_) => WireType::Fixed64,
            Self::Bytes(_) => WireType::Bytes,
            Self::Group(_) => WireType::Group,
            Self::Fixed32(_) => WireType::Fixed32,
        }
    }
}

/// One field as it stands on the wire: its number and its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) number: u32,
    pub(crate) value: Value<'a>,
}

/// Walks over wire bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    wire: &'a [u8],
    pos: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(crate) fn new(wire: &'a [u8]) -> Self {
        Self { wire, pos: 0 }
    }

    #[inline]
    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    #[inline]
    pub(crate) fn is_at_end(&self) -> bool {
        self.pos >= self.wire.len()
    }

    /// The next record; None at the end of the bytes. In place wherever it is called: a record is too large to be handed
    /// back in registers, and printing is mostly this.
    #[inline(always)]
    pub(crate) fn record(&mut self) -> Result<Option<Record<'a>>, Malformed> {
        if self.is_at_end() {
            return Ok(None);
        }
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.fixed64()?),
            2 => Value::Bytes(self.bytes()?),
            3 => Value::Group(self.group(number)?),
            5 => Value::Fixed32(self.fixed32()?),
            4 => return Err(Malformed::GroupNotBegun),
            _ => return Err(Malformed::WireType),
        };
        Ok(Some(Record { number, value }))
    }

    /// Reads over records as long as they have this number.
    pub(crate) fn skip_all_of(&mut self, number: u32) -> Result<(), Malformed> {
        let mut ahead = *self;
        while ahead.record()?.is_some_and(|record| record.number == number) {
            *self = ahead;
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let Some(&byte) = self.wire.get(self.pos) else {
            return Err(Malformed::Truncated);
        };
        self.pos += 1;
        match byte {
            0..0x80 => Ok(u64::from(byte)),
            _ => self.varint_after(byte),
        }
    }

    #[inline]
    pub(crate) fn fixed32(&mut self) -> Result<u32, Malformed> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes(
            bytes.try_into().expect("four bytes were taken"),
        ))
    }

    #[inline]
    pub(crate) fn fixed64(&mut self) -> Result<u64, Malformed> {
        let bytes = self.take(8)?;
        Ok(u64::from_le_bytes(
            bytes.try_into().expect("eight bytes were taken"),
        ))
    }

    #[inline]
    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.varint()?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    #[inline]
    fn tag(&mut self) -> Result<(u32, u8), Malformed> {
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 || number > FIELD_NUMBER_MAX {
            return Err(Malformed::FieldNumber);
        }
        let number = u32::try_from(number).expect("the largest field number is far below 2^32");
        Ok((number, (tag & 7) as u8))
    }

    #[inline(never)]
    fn varint_after(&mut self, first: u8) -> Result<u64, Malformed> {
        let mut value = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let Some(&byte) = self.wire.get(self.pos) else {
                return Err(Malformed::Truncated);
            };
            self.pos += 1;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed::LongVarint)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let rest = &self.wire[self.pos..];
        let Some(bytes) = rest.get(..length) else {
            return Err(Malformed::Truncated);
        };
        self.pos += length;
        Ok(bytes)
    }

    #[cold]
    fn group(&mut self, number: u32) -> Result<&'a [u8], Malformed> {
        let start = self.pos;
        let end = self.skip_group(number, 0)?;
        Ok(&self.wire[start..end])
    }

    /// Reads over a group; where the tag of its end begins.
    #[cold]
    fn skip_group(&mut self, group: u32, depth: usize) -> Result<usize, Malformed> {
        if depth >= GROUP_DEPTH_MAX {
            return Err(Malformed::GroupDepth);
        }
        loop {
            if self.is_at_end() {
                return Err(Malformed::Truncated);
            }
            let end = self.pos;
            let (number, wire_type) = self.tag()?;
            match wire_type {
                0 => drop(self.varint()?),
                1 => drop(self.fixed64()?),
                2 => drop(self.bytes()?),
                3 => drop(self.skip_group(number, depth + 1)?),
                4 if number == group => return Ok(end),
                5 => drop(self.fixed32()?),
                _ => return Err(Malformed::GroupEnd),
            }
        }
    }
}

pub(crate) fn tag(number: u32, wire_type: WireType) -> u32 {
    number << 3 | wire_type as u32
}

#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

pub(crate) fn put_tag(out: &mut Vec<u8>, tag: u32) {
    put_varint(out, u64::from(tag));
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Begins something whose length stands before it; [`close`] takes what this returns.
pub(crate) fn open(out: &mut Vec<u8>) -> usize {
    out.push(0);
    out.len()
}

/// Writes the length of all that was appended since [`open`], in the one byte that was kept for it, or by moving the
/// content when it is 128 bytes or more.
pub(crate) fn close(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start;
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out[start - 1] = short;
        return;
    }
    let end = out.len();
    put_varint(out, length as u64);
    let size = out.len() - end;
    let mut prefix = [0; 10];
    prefix[..size].copy_from_slice(&out[end..]);
    out.truncate(end + size - 1);
    out.copy_within(start..end, start + size - 1);
    out[start - 1..start - 1 + size].copy_from_slice(&prefix[..size]);
}

/// Ends a group that was begun by its tag.
pub(crate) fn close_group(out: &mut Vec<u8>, number: u32) {
    put_tag(out, number << 3 | GROUP_END);
}

pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
