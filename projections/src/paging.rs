//! Long lists, a page at a time, the newest first. The cursor is a position in the log, so that pages neither repeat
//! nor miss anything when new items come in at the top.

use serde::Serialize;

use crate::columns::signed;

/// The most items of one page.
pub const PAGE_MAX: usize = 500;

/// Which page of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// Only items below this cursor: [`Page::next`] of the page before; `None` begins at the top.
    pub before: Option<u64>,
    /// At most so many items; more than [`PAGE_MAX`] are never answered.
    pub limit: usize,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The cursor of the next page, when there is more.
    pub next: Option<u64>,
}

impl Paging {
    /// The first page.
    pub fn first(limit: usize) -> Self {
        Self { before: None, limit }
    }

    fn limit(&self) -> usize {
        self.limit.clamp(1, PAGE_MAX)
    }

    /// The cursor, as SQLite counts.
    pub(crate) fn below(&self) -> i64 {
        self.before.map_or(i64::MAX, signed)
    }

    /// One row more than the page holds, to see whether there is more.
    pub(crate) fn asked(&self) -> i64 {
        i64::try_from(self.limit() + 1).expect("a page is small")
    }

    /// The page, from rows that were asked for with [`Paging::below`] and [`Paging::asked`].
    pub(crate) fn page<T>(
        &self,
        rows: impl Iterator<Item = rusqlite::Result<T>>,
        cursor: impl Fn(&T) -> u64,
    ) -> rusqlite::Result<Page<T>> {
        let mut items = rows.collect::<Result<Vec<T>, _>>()?;
        let more = items.len() > self.limit();
        items.truncate(self.limit());
        let next = items.last().filter(|_| more).map(cursor);
        Ok(Page { items, next })
    }
}
