//! The comments of the .proto files, where the descriptor set carries its source info.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, FileDescriptor};

/// Comments by file and place.
#[derive(Debug, Default)]
pub(crate) struct Comments(HashMap<String, HashMap<Vec<i32>, String>>);

impl Comments {
    pub(crate) fn of(pool: &DescriptorPool) -> Self {
        let mut comments = HashMap::new();
        for file in pool.file_descriptor_protos() {
            let locations = file.source_code_info.iter().flat_map(|info| &info.location);
            let of_file = locations.filter_map(|location| {
                // What stands above counts; what stands behind, where nothing does.
                let text = location
                    .leading_comments
                    .as_ref()
                    .or(location.trailing_comments.as_ref())?;
                Some((location.path.clone(), clean(text)))
            });
            comments.insert(file.name().to_owned(), of_file.collect());
        }
        Self(comments)
    }

    /// The comment of a descriptor by its file and `path()`; empty when there is none.
    pub(crate) fn at(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        let comment = self.0.get(file.name()).and_then(|places| places.get(path));
        comment.map_or("", String::as_str)
    }
}

/// The first sentence without its full stop, and the rest.
pub(crate) fn summary(comment: &str) -> (String, String) {
    let paragraph = comment.find("\n\n").unwrap_or(comment.len());
    let end = [". ", ".\n"]
        .iter()
        .filter_map(|end| comment[..paragraph].find(end))
        .min()
        .map_or(paragraph, |at| at + 1);
    let (first, rest) = comment.split_at(end);
    let first = first.strip_suffix('.').unwrap_or(first);
    (first.replace('\n', " "), rest.trim().to_owned())
}

/// Takes away the space behind the slashes, and what is for the API's own people alone (AIP-192: `(-- … --)`).
fn clean(comment: &str) -> String {
    let lines: Vec<_> = comment
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
        .collect();
    let mut text = lines.join("\n");
    while let Some(start) = text.find("(--") {
        let end = text[start..].find("--)").map_or(text.len(), |at| start + at + 3);
        text.replace_range(start..end, "");
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_the_first_sentence() {
        let split = |text| {
            let (first, rest) = summary(text);
            format!("{first}|{rest}")
        };
        assert_eq!(split("Reads it. Twice."), "Reads it|Twice.");
        assert_eq!(split("Reads\nit."), "Reads it|");
        assert_eq!(split("At 1.5 s\n\nit ends. So."), "At 1.5 s|it ends. So.");
        assert_eq!(split(""), "|");
    }

    #[test]
    fn comments_for_insiders_are_left_out() {
        assert_eq!(
            clean(" A\n  b (-- api-linter: x\n y --)\n c"),
            "A\n b\nc".replace(" b", " b ")
        );
        assert_eq!(clean(" (-- never closed"), "");
    }
}
