//! Lists that come in pages.

use prost::Name;

use super::{Error, Output, Table};
use crate::console::remark;

/// Of every list of the service.
const PAGE_SIZE_MAX: u32 = 1000;

/// The beginning of a list.
#[derive(Debug)]
pub(crate) struct Pages<M> {
    items: Vec<M>,
    /// There are more.
    is_cut: bool,
}

/// Reads pages until there are so many things, or no more.
pub(crate) async fn pages<M>(
    limit: u32,
    page: impl AsyncFn(i32, String) -> Result<(Vec<M>, String), Error>,
) -> Result<Pages<M>, Error> {
    let (mut items, mut page_token) = (Vec::new(), String::new());
    loop {
        let room = limit.saturating_sub(u32::try_from(items.len()).unwrap_or(limit));
        let page_size = i32::try_from(room.min(PAGE_SIZE_MAX)).unwrap_or_default();
        let (found, next_page_token) = page(page_size, page_token).await?;
        items.extend(found);
        page_token = next_page_token;
        if page_token.is_empty() || items.len() >= limit as usize {
            let is_cut = !page_token.is_empty();
            return Ok(Pages { items, is_cut });
        }
    }
}

impl<M: Name> Pages<M> {
    /// As a table or as JSON, with a word beside it where there are none, or more.
    pub(crate) fn show(
        &self,
        output: &Output,
        kind: &str,
        table: impl FnOnce(&[M]) -> Table,
    ) -> Result<(), Error> {
        output.all(&self.items, table)?;
        if self.items.is_empty() {
            remark(&format!("no {kind}"));
        } else if self.is_cut {
            remark(&format!(
                "there are more than these {}: see --limit",
                self.items.len()
            ));
        }
        Ok(())
    }
}
