//! Whether a message's fields lie as serializers write them, so that it can be printed from left to right.

use crate::plan::{FieldPlan, MessagePlan};
use crate::wire::{Cursor, Malformed};

/// Oneofs of one message that are kept track of; more of them, and nothing is taken to be in order.
const ONEOFS_MAX: usize = 32;

/// Whether numbers ascend, no singular field is given twice and no oneof has two members. Only these bytes are walked
/// over, not those of messages within.
pub(super) fn is_in_order(plan: &MessagePlan, wire: &[u8]) -> Result<bool, Malformed> {
    if plan.oneofs > ONEOFS_MAX {
        return Ok(false);
    }
    let (mut last, mut oneofs) = (0, [false; ONEOFS_MAX]);
    let mut cursor = Cursor::new(wire);
    while let Some(record) = cursor.record()? {
        let is_given_twice = || plan.field_of(record).is_none_or(FieldPlan::is_singular);
        if record.number < last || (record.number == last && is_given_twice()) {
            return Ok(false);
        }
        if plan.oneofs > 0
            && let Some(oneof) = plan.field_of(record).and_then(|field| field.oneof)
            && std::mem::replace(&mut oneofs[oneof], true)
        {
            return Ok(false);
        }
        last = record.number;
    }
    Ok(true)
}
