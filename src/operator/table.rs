//! Tables on a terminal: columns side by side, a row never more than a line, nothing of a stranger's that the terminal would obey.

use std::fmt;
use std::io::IsTerminal as _;

use console::{Style, Term, measure_text_width, pad_str, truncate_str};

use crate::console::escape;

const GAP: &str = "  ";

/// Rows under a header, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
    /// A line has so many columns of characters, where somebody looks at it.
    width: Option<usize>,
}

/// One text of a table.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Table {
    /// For standard output: cut to its width where that is a terminal.
    pub(crate) fn new(header: &[&str]) -> Self {
        let terminal = Term::stdout();
        let width = std::io::stdout()
            .is_terminal()
            .then(|| usize::from(terminal.size().1));
        let bold = |text: &&str| Cell::from(*text).painted(Style::new().bold());
        Self {
            rows: vec![header.iter().map(bold).collect()],
            width,
        }
    }

    /// One more row, of as many cells as the header has.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// Lines that it takes.
    pub(crate) const fn len(&self) -> usize {
        self.rows.len()
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| self.rows.iter().map(move |row| row[column].width()).max();
        (0..columns)
            .map(|column| width(column).unwrap_or_default())
            .collect()
    }

    /// A column of numbers stands on its right side.
    fn is_numeric(&self, column: usize) -> bool {
        let cells = self.rows.iter().skip(1).map(|row| &row[column].text);
        cells.clone().any(|text| !text.is_empty())
            && cells
                .into_iter()
                .all(|text| text.chars().all(|character| character.is_ascii_digit()))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let numeric: Vec<bool> = (0..widths.len()).map(|column| self.is_numeric(column)).collect();
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let mut room = self.width.unwrap_or(usize::MAX);
            let filled = row.iter().rposition(|cell| !cell.text.is_empty());
            for (column, cell) in row.iter().enumerate().take(filled.map_or(0, |last| last + 1)) {
                if room == 0 {
                    break;
                }
                let is_last = Some(column) == filled;
                let wanted = if is_last && !numeric[column] {
                    0
                } else {
                    widths[column]
                };
                let alignment = if numeric[column] {
                    console::Alignment::Right
                } else {
                    console::Alignment::Left
                };
                let padded = pad_str(&cell.text, wanted, alignment, None);
                let shown = truncate_str(&padded, room, "…");
                let used = measure_text_width(&shown);
                write!(f, "{}", cell.style.apply_to(&shown))?;
                room = room.saturating_sub(used);
                if !is_last {
                    write!(f, "{}", &GAP[..GAP.len().min(room)])?;
                    room = room.saturating_sub(GAP.len());
                }
            }
        }
        Ok(())
    }
}

impl Cell {
    /// In a colour, where standard output has colours.
    pub(crate) fn painted(self, style: Style) -> Self {
        Self { style, ..self }
    }

    fn width(&self) -> usize {
        measure_text_width(&self.text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self {
            text: escape(text).into_owned(),
            style: Style::new(),
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<i32> for Cell {
    fn from(number: i32) -> Self {
        Self::from(number.to_string())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::from(number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: Option<usize>) -> Table {
        let mut table = Table {
            width,
            ..Table::new(&["NAME", "COUNT", "NOTE"])
        };
        table.row(["a".into(), 5.into(), "fine".into()]);
        table.row([
            "a longer name".into(),
            12_345.into(),
            "two\nlines \u{1b}[31m".into(),
        ]);
        table.row(["山田".into(), "".into(), "wide".into()]);
        table
    }

    #[test]
    fn columns_stand_under_each_other_and_numbers_on_the_right() {
        assert_eq!(
            table(None).to_string(),
            "NAME           COUNT  NOTE\n\
             a                  5  fine\n\
             a longer name  12345  two\\nlines \\u{1b}[31m\n\
             山田                  wide"
        );
    }

    #[test]
    fn a_row_is_never_wider_than_the_terminal() {
        let narrow = table(Some(26)).to_string();
        assert!(narrow.contains("12345  two…"), "{narrow}");
        for width in 1..40 {
            for line in table(Some(width)).to_string().lines() {
                assert!(measure_text_width(line) <= width, "{line:?} in {width}");
            }
        }
    }
}
