//! Text that becomes HTML: what is written as text is escaped, always.

/// A page in the making.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Appends markup of this program's own.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Appends text of anybody's, in an element or a quoted attribute.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }

    /// Appends what comments use of Markdown: paragraphs, lists of one level, and `code`.
    pub(super) fn markdown(&mut self, text: &str) -> &mut Self {
        for paragraph in text
            .split("\n\n")
            .filter(|paragraph| !paragraph.trim().is_empty())
        {
            let is_list = paragraph.lines().all(|line| line.starts_with("- "));
            if !is_list {
                self.raw("<p>").inline(paragraph).raw("</p>");
                continue;
            }
            self.raw("<ul>");
            for line in paragraph.lines() {
                self.raw("<li>").inline(&line[2..]).raw("</li>");
            }
            self.raw("</ul>");
        }
        self
    }

    /// Appends text in which backticks stand around code.
    pub(super) fn inline(&mut self, text: &str) -> &mut Self {
        let mut parts = text.split('`').peekable();
        let mut is_code = false;
        while let Some(part) = parts.next() {
            // A backtick without its pair is one.
            let is_paired = is_code && parts.peek().is_some();
            match (is_code, is_paired) {
                (true, true) => self.raw("<code>").text(part).raw("</code>"),
                (true, false) => self.raw("`").text(part),
                (false, _) => self.text(part),
            };
            is_code = !is_code;
        }
        self
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markdown(text: &str) -> String {
        let mut html = Html::default();
        html.markdown(text);
        html.into_string()
    }

    #[test]
    fn text_can_be_no_markup() {
        assert_eq!(
            markdown("a <b>\"'& `<i>`"),
            "<p>a &lt;b&gt;&quot;&#39;&amp; <code>&lt;i&gt;</code></p>"
        );
    }

    #[test]
    fn paragraphs_lists_and_code_are_understood() {
        assert_eq!(
            markdown("a\nb\n\n- `x`: y\n- z"),
            "<p>a\nb</p><ul><li><code>x</code>: y</li><li>z</li></ul>"
        );
        assert_eq!(markdown("it`s"), "<p>it`s</p>");
        assert_eq!(markdown(""), "");
    }
}
