//! The one place that draws random bytes, from the operating system.

/// Random bytes. A system without randomness cannot keep secrets, so there is no answer for its failure.
pub fn bytes<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    bytes
}
