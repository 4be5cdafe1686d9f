//! Reading what one has just written: a read names the position of the write, and waits for this node's views.

/// The query parameter that names the position.
pub const MIN_POSITION: &str = "min_position";
