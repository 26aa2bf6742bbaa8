//! Columns that line up, also with wide characters and styles in the cells.

use unicode_width::UnicodeWidthStr;

/// Width of a text on a terminal, styles not counted.
pub fn width(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(UnicodeWidthStr::width).sum()
}

/// Pads a text with spaces to a width.
pub fn pad(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

/// Rows as lines with three spaces between columns; no spaces at line ends. Short rows leave their last columns out.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| width(cell))
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, to)| pad(cell, *to)).collect();
        out.push_str(cells.join("   ").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_styled_cells_line_up() {
        let bold = anstyle::Style::new().bold();
        let rows = vec![
            vec!["日本".to_owned(), "x".to_owned()],
            vec![format!("{bold}ab{bold:#}"), "y".to_owned()],
            vec!["abcd".to_owned()],
        ];
        let text = table(&rows);
        assert_eq!(
            anstream::adapter::strip_str(&text).to_string(),
            "日本   x\nab     y\nabcd\n"
        );
    }
}
