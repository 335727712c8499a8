//! Several things that were named, one after the other.

use super::Error;
use crate::console::{escape_lines, remark};

/// What became of each that went well, and how it ended as a whole: what went wrong with one keeps no other from it, and of one alone it is the
/// error.
pub(crate) async fn each<T>(
    ids: Vec<String>,
    verb: impl AsyncFn(String) -> Result<T, Error>,
) -> (Vec<T>, Result<(), Error>) {
    let count = ids.len();
    let (mut done, mut failed) = (Vec::new(), 0);
    for id in ids {
        match verb(id.clone()).await {
            Ok(one) => done.push(one),
            Err(error) if count == 1 => return (done, Err(error)),
            Err(error) => {
                remark(&escape_lines(&format!("{id}: {error}")));
                failed += 1;
            }
        }
    }
    let result = match failed {
        0 => Ok(()),
        failed => Err(Error::Failed(format!("{failed} of {count}: refused"))),
    };
    (done, result)
}
