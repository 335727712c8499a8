//! Scalars and the well-known types with a string form: a token's text to a value. Pure; knows nothing of where the
//! token stands.

use std::borrow::Cow;

use crate::json::number::{NotInteger, Number};
use crate::plan::{EnumPlan, Kind, Numeric};
use crate::{Reason, wire};

/// A value of fixed or varint layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scalar {
    Varint(u64),
    Fixed32(u32),
    Fixed64(u64),
}

impl Scalar {
    /// All bits zero: minus zero is no default.
    #[inline]
    pub(super) fn is_zero(self) -> bool {
        matches!(self, Self::Varint(0) | Self::Fixed32(0) | Self::Fixed64(0))
    }

    #[inline]
    pub(super) fn put(self, out: &mut Vec<u8>) {
        match self {
            Self::Varint(value) => wire::put_varint(out, value),
            Self::Fixed32(value) => out.extend_from_slice(&value.to_le_bytes()),
            Self::Fixed64(value) => out.extend_from_slice(&value.to_le_bytes()),
        }
    }
}

/// Why a token is no value of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) reason: Reason,
    pub(super) description: Cow<'static, str>,
}

impl Problem {
    pub(super) fn new(reason: Reason, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason,
            description: description.into(),
        }
    }
}

/// A JSON number as a value of a numeric type.
#[inline]
pub(super) fn from_number(numeric: Numeric, number: Number<'_>) -> Result<Scalar, Problem> {
    let value = match numeric {
        Numeric::Double => number.double().map(|value| Scalar::Fixed64(value.to_bits())),
        Numeric::Float => number.float().map(|value| Scalar::Fixed32(value.to_bits())),
        Numeric::Int32
        | Numeric::Int64
        | Numeric::Uint32
        | Numeric::Uint64
        | Numeric::Sint32
        | Numeric::Sint64
        | Numeric::Fixed32
        | Numeric::Fixed64
        | Numeric::Sfixed32
        | Numeric::Sfixed64 => match number.integer() {
            Ok(value) => integer(numeric, value),
            Err(NotInteger::OutOfRange) => None,
            Err(NotInteger::Fraction) => return Err(Problem::new(Reason::InvalidValue, numeric.expected())),
        },
    };
    value.ok_or_else(|| Problem::new(Reason::OutOfRange, numeric.expected()))
}

/// The text of a JSON string as a value of a numeric type.
pub(super) fn from_number_text(numeric: Numeric, text: &str) -> Result<Scalar, Problem> {
    match (numeric, text) {
        (Numeric::Double, "NaN") => return Ok(Scalar::Fixed64(f64::NAN.to_bits())),
        (Numeric::Double, "Infinity") => return Ok(Scalar::Fixed64(f64::INFINITY.to_bits())),
        (Numeric::Double, "-Infinity") => return Ok(Scalar::Fixed64(f64::NEG_INFINITY.to_bits())),
        (Numeric::Float, "NaN") => return Ok(Scalar::Fixed32(f32::NAN.to_bits())),
        (Numeric::Float, "Infinity") => return Ok(Scalar::Fixed32(f32::INFINITY.to_bits())),
        (Numeric::Float, "-Infinity") => return Ok(Scalar::Fixed32(f32::NEG_INFINITY.to_bits())),
        _ => {}
    }
    match Number::whole_text(text) {
        Some(number) => from_number(numeric, number),
        None => Err(Problem::new(Reason::InvalidValue, numeric.expected())),
    }
}

/// An enum value by number; one that the enum does not name is kept.
pub(super) fn from_enum_number(number: Number<'_>) -> Result<Scalar, Problem> {
    from_number(Numeric::Int32, number)
}

/// An enum value by name.
pub(super) fn from_enum_name(plan: &EnumPlan, name: &str) -> Result<Scalar, Problem> {
    let number = plan.number(name).ok_or_else(|| {
        Problem::new(
            Reason::UnknownEnumValue,
            format!("expected the name of a value of {}", plan.full_name),
        )
    })?;
    Ok(Scalar::Varint(i64::from(number) as u64))
}

/// `true` or `false` where JSON has only a string: map keys and URLs.
pub(super) fn from_bool_text(text: &str) -> Result<Scalar, Problem> {
    match text {
        "true" => Ok(Scalar::Varint(1)),
        "false" => Ok(Scalar::Varint(0)),
        _ => Err(Problem::new(Reason::InvalidValue, Kind::Bool.expected())),
    }
}

fn integer(numeric: Numeric, value: i128) -> Option<Scalar> {
    let signed = |value: i64| Scalar::Varint(value as u64);
    match numeric {
        Numeric::Int32 => i32::try_from(value).ok().map(|value| signed(value.into())),
        Numeric::Int64 => i64::try_from(value).ok().map(signed),
        Numeric::Uint32 => u32::try_from(value)
            .ok()
            .map(|value| Scalar::Varint(value.into())),
        Numeric::Uint64 => u64::try_from(value).ok().map(Scalar::Varint),
        Numeric::Sint32 => i32::try_from(value)
            .ok()
            .map(|value| Scalar::Varint(wire::zigzag(value.into()))),
        Numeric::Sint64 => i64::try_from(value)
            .ok()
            .map(|value| Scalar::Varint(wire::zigzag(value))),
        Numeric::Fixed32 => u32::try_from(value).ok().map(Scalar::Fixed32),
        Numeric::Sfixed32 => i32::try_from(value)
            .ok()
            .map(|value| Scalar::Fixed32(value as u32)),
        Numeric::Fixed64 => u64::try_from(value).ok().map(Scalar::Fixed64),
        Numeric::Sfixed64 => i64::try_from(value)
            .ok()
            .map(|value| Scalar::Fixed64(value as u64)),
        Numeric::Float | Numeric::Double => None,
    }
}
