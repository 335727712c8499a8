//! What all batch actions share: rules for the batch as a whole, and the answer entry by entry.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::fault::Fault;
use crate::queue::is_identifier;

pub(super) const ENTRIES_MAX: usize = 10;
const ID_CHARACTERS_MAX: usize = 80;

/// Refuses a batch whose ids could not be answered.
pub(super) fn check<'a>(ids: impl ExactSizeIterator<Item = &'a str>) -> Result<(), Fault> {
    match ids.len() {
        0 => return Err(Fault::EmptyBatchRequest),
        sent @ 11.. => {
            return Err(Fault::TooManyEntriesInBatchRequest {
                max: ENTRIES_MAX,
                sent,
            });
        }
        1..=ENTRIES_MAX => {}
    }
    let mut seen = BTreeSet::new();
    for id in ids {
        if !is_identifier(id, ID_CHARACTERS_MAX) {
            return Err(Fault::InvalidBatchEntryId);
        }
        if !seen.insert(id) {
            return Err(Fault::BatchEntryIdsNotDistinct(id.to_owned()));
        }
    }
    Ok(())
}

/// `Successful` and `Failed`; a successful entry is an object, to which its id is added.
pub(super) fn answer(entries: impl IntoIterator<Item = (String, Result<Value, Fault>)>) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, outcome) in entries {
        match outcome {
            Ok(mut entry) => {
                entry["Id"] = id.into();
                successful.push(entry);
            }
            Err(fault) => {
                let identity = fault.identity();
                failed.push(json!({
                    "Id": id,
                    "SenderFault": identity.is_sender(),
                    "Code": identity.code(),
                    "Message": fault.to_string(),
                }));
            }
        }
    }
    json!({ "Successful": successful, "Failed": failed })
}

/// Puts what became of the good entries back among those that were refused before: `outcomes` are those of the
/// entries that are `Ok`, in their order.
pub(super) fn merge<T>(
    entries: Vec<Result<T, Fault>>,
    outcomes: Vec<Result<(), Fault>>,
) -> impl Iterator<Item = Result<T, Fault>> {
    let mut outcomes = outcomes.into_iter();
    entries.into_iter().map(move |entry| {
        let good = entry?;
        outcomes.next().unwrap_or(Err(Fault::Internal)).map(|()| good)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_one_to_ten_entries_with_distinct_plain_ids() {
        let ids = |ids: &[&str]| check(ids.iter().copied());
        assert_eq!(ids(&[]), Err(Fault::EmptyBatchRequest));
        assert_eq!(
            ids(&["a"; 11]),
            Err(Fault::TooManyEntriesInBatchRequest { max: 10, sent: 11 })
        );
        assert_eq!(
            ids(&["a", "b", "a"]),
            Err(Fault::BatchEntryIdsNotDistinct("a".into()))
        );
        for id in ["", "a b", "é", &"a".repeat(81)] {
            assert_eq!(ids(&[id]), Err(Fault::InvalidBatchEntryId), "{id}");
        }
        assert_eq!(
            ids(&["0", "1", "2", "3", "4", "5", "6", "7", "8", &"a".repeat(80)]),
            Ok(())
        );
    }

    #[test]
    fn outcomes_go_to_the_entries_they_belong_to() {
        let entries = vec![Ok('a'), Err(Fault::InvalidMessageContents), Ok('b')];
        let merged: Vec<_> = merge(entries, vec![Err(Fault::MessageNotInflight), Ok(())]).collect();
        assert_eq!(
            merged,
            [
                Err(Fault::MessageNotInflight),
                Err(Fault::InvalidMessageContents),
                Ok('b')
            ]
        );
    }
}
