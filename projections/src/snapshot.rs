//! Copies of live views, for comparing them with a fresh fold while a server goes on, and the putting of a fresh fold in
//! the place of the live one.

use rusqlite::params;
use std::io;
use std::path::Path;

use crate::columns::count;
use crate::file::{delete, open_to_read};
use crate::reader::ViewError;

/// Copies the views at `live`, as of one moment, to the new file `into`, and answers the position that they had: that
/// of the slowest projection which was not parked.
pub fn snapshot(live: &Path, into: &Path) -> Result<u64, ViewError> {
    open_to_read(live)?.execute("VACUUM INTO ?1", params![into.to_string_lossy()])?;
    let select = "SELECT coalesce(min(position), 0) FROM checkpoints WHERE parked_at IS NULL";
    Ok(open_to_read(into)?.query_row(select, [], |row| count(row, 0))?)
}

/// Puts the views at `fresh`, which nobody has open, in the place of those at `live`, which nobody has open either.
pub fn replace(fresh: &Path, live: &Path) -> io::Result<()> {
    // Were the old file's WAL to stay, SQLite would play it into the new file.
    delete(live)?;
    std::fs::rename(fresh, live)
}
