//! Tables for people and JSON for programs, from the same figures.

use anyhow::{Context, Result};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A Markdown table.
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Self {
        Self { header: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = |column: usize| {
            let cells = std::iter::once(&self.header).chain(&self.rows);
            cells.filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let line = |cells: &[String]| {
            cells.iter().zip(&widths).fold(String::from("|"), |mut line, (cell, width)| {
                write!(line, " {cell:width$} |").expect("a string takes any text");
                line
            })
        };
        writeln!(f, "{}", line(&self.header))?;
        let rule = widths.iter().fold(String::from("|"), |rule, width| rule + &"-".repeat(width + 2) + "|");
        writeln!(f, "{rule}")?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{}", line(row)))
    }
}

/// A number with thousands apart: `12,345`.
pub fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if number < 0.0 && digits != "0" { format!("-{grouped}") } else { grouped }
}

/// The build directory: where the running program is, two levels up (`target/release/story` → `target`).
pub fn target_dir() -> Result<PathBuf> {
    let program = std::env::current_exe().context("the path of this program")?;
    let target = program.parent().and_then(Path::parent).context("this program lies in a build directory")?;
    Ok(target.to_owned())
}

/// Writes `NAME.json` and `NAME.md` into the build directory and says where.
pub fn write<T: Serialize>(name: &str, figures: &T, markdown: &str) -> Result<()> {
    let target = target_dir()?;
    for (ending, text) in [("json", serde_json::to_string_pretty(figures)? + "\n"), ("md", markdown.to_owned())] {
        let path = target.join(format!("{name}.{ending}"));
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_up() {
        let mut table = Table::new(["what", "n"]);
        table.row(["é", "12"]);
        assert_eq!(table.to_string(), "| what | n  |\n|------|----|\n| é    | 12 |\n");
    }

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [(0.0, "0"), (999.4, "999"), (12_345.0, "12,345"), (-1_234_567.0, "-1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }
}
