//! Do two files of views hold the same? Every table, row by row in the order of its primary key, all columns: for
//! `rebuild --check`, and for tests of replay.

use rusqlite::types::Value;
use rusqlite::{Connection, Rows};
use serde::Serialize;
use std::cmp::Ordering;
use std::path::Path;

use crate::file::open_to_read;
use crate::reader::ViewError;

/// The most differences that are told of each table.
pub const DIFFERENCES_MAX: usize = 10;

/// A row that differs, or is in one file only. Holds keys only, nothing personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// The row's primary key; ids as hexadecimal digits.
    pub key: String,
    /// What differs.
    pub how: How,
}

/// How two files differ in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The first file alone has it.
    OnlyInFirst,
    /// The second file alone has it.
    OnlyInSecond,
    /// Both have it, with other values in these columns.
    Columns(Vec<String>),
}

/// The first differences between the views at `first` and at `second`, at most [`DIFFERENCES_MAX`] of each table.
/// Both should be folded to the same position: the checkpoints are compared like any other table.
pub fn compare(first: &Path, second: &Path) -> Result<Vec<Difference>, ViewError> {
    let (first, second) = (open_to_read(first)?, open_to_read(second)?);
    // One transaction each, so that what is compared belongs together.
    let (first, second) = (first.unchecked_transaction()?, second.unchecked_transaction()?);
    let mut differences = Vec::new();
    for table in tables(&first)? {
        compare_table(&table, &first, &second, &mut differences)?;
    }
    Ok(differences)
}

struct Table {
    name: String,
    columns: Vec<String>,
    /// How many of the columns are the primary key; they come first.
    key_columns: usize,
}

fn tables(db: &Connection) -> rusqlite::Result<Vec<Table>> {
    let select = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'folded_log' ORDER BY name";
    let names = db.prepare(select)?.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    names.into_iter().map(|name| table(name, db)).collect()
}

fn table(name: String, db: &Connection) -> rusqlite::Result<Table> {
    // Columns outside the key have pk = 0.
    let mut select = db.prepare("SELECT name, pk FROM pragma_table_info(?1) ORDER BY pk = 0, pk, cid")?;
    let columns = select.query_map([&name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let columns = columns.collect::<Result<Vec<(String, i64)>, _>>()?;
    let key_columns = columns.iter().filter(|(_, key)| *key > 0).count();
    Ok(Table { name, columns: columns.into_iter().map(|(column, _)| column).collect(), key_columns })
}

impl Table {
    fn select(&self) -> String {
        let key: Vec<String> = (1..=self.key_columns).map(|column| column.to_string()).collect();
        format!("SELECT {} FROM {} ORDER BY {}", self.columns.join(", "), self.name, key.join(", "))
    }

    fn next(&self, rows: &mut Rows<'_>) -> rusqlite::Result<Option<Vec<Value>>> {
        let Some(row) = rows.next()? else { return Ok(None) };
        (0..self.columns.len()).map(|column| row.get(column)).collect::<Result<_, _>>().map(Some)
    }

    fn difference(&self, row: &[Value], how: How) -> Difference {
        let key: Vec<String> = row[..self.key_columns].iter().map(written).collect();
        Difference { table: self.name.clone(), key: key.join(" "), how }
    }
}

fn compare_table(
    table: &Table,
    first: &Connection,
    second: &Connection,
    differences: &mut Vec<Difference>,
) -> rusqlite::Result<()> {
    let select = table.select();
    let (mut first, mut second) = (first.prepare(&select)?, second.prepare(&select)?);
    let (mut first, mut second) = (first.query([])?, second.query([])?);
    let (mut a, mut b) = (table.next(&mut first)?, table.next(&mut second)?);
    let mut told = 0;
    while told < DIFFERENCES_MAX {
        let order = match (&a, &b) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => in_key_order(&a[..table.key_columns], &b[..table.key_columns]),
        };
        let difference = match (&a, &b) {
            (Some(a), _) if order == Ordering::Less => Some(table.difference(a, How::OnlyInFirst)),
            (_, Some(b)) if order == Ordering::Greater => Some(table.difference(b, How::OnlyInSecond)),
            (Some(a), Some(b)) if a != b => {
                let differ = table.columns.iter().zip(a.iter().zip(b)).filter(|(_, (a, b))| a != b);
                Some(table.difference(a, How::Columns(differ.map(|(column, _)| column.clone()).collect())))
            }
            _ => None,
        };
        told += usize::from(difference.is_some());
        differences.extend(difference);
        if order != Ordering::Greater {
            a = table.next(&mut first)?;
        }
        if order != Ordering::Less {
            b = table.next(&mut second)?;
        }
    }
    Ok(())
}

/// As SQLite orders keys, which are of the same type in one column: numbers by value, text and blobs by bytes.
fn in_key_order(a: &[Value], b: &[Value]) -> Ordering {
    let pairs = a.iter().zip(b).map(|pair| match pair {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Blob(a), Value::Blob(b)) => a.cmp(b),
        (a, b) => unreachable!("keys hold numbers, text and blobs, and each column one of them: {a:?}, {b:?}"),
    });
    pairs.fold(Ordering::Equal, Ordering::then)
}

fn written(key: &Value) -> String {
    match key {
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Value::Null | Value::Real(_) => String::from("?"),
    }
}
