//! The text of `FieldMask`: paths in lowerCamelCase, by commas. Knows nothing of wire bytes or JSON.

/// The paths of a mask's text in `snake_case`; None for a character that cannot stand in one.
pub(crate) fn paths(text: &str) -> impl Iterator<Item = Option<String>> {
    text.split(',').filter(|_| !text.is_empty()).map(snake_case)
}

/// Appends a path in lowerCamelCase; false when it would not read back as it was (it is empty, has an upper-case letter,
/// an underscore not followed by a lower-case letter, or a character that cannot stand in a path).
pub(crate) fn put_camel_case(path: &str, out: &mut String) -> bool {
    let mut after_underscore = false;
    for character in path.chars() {
        match character {
            'a'..='z' if after_underscore => out.push(character.to_ascii_uppercase()),
            _ if after_underscore => return false,
            '_' => {}
            'a'..='z' | '0'..='9' | '.' => out.push(character),
            _ => return false,
        }
        after_underscore = character == '_';
    }
    !after_underscore && !path.is_empty()
}

fn snake_case(path: &str) -> Option<String> {
    let mut snake = String::with_capacity(path.len() + 4);
    for character in path.chars() {
        match character {
            'A'..='Z' => snake.extend(['_', character.to_ascii_lowercase()]),
            'a'..='z' | '0'..='9' | '.' => snake.push(character),
            _ => return None,
        }
    }
    (!snake.is_empty()).then_some(snake)
}
