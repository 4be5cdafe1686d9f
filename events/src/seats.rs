//! Seats per stretch of the way: the one place that counts them, for the ride and for the matching index alike.

use serde::{Deserialize, Serialize};

/// A part of a ride's way, in metres of great circle from its origin; `from_m < to_m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stretch {
    /// Where a passenger gets in.
    pub from_m: u32,
    /// Where the passenger gets out.
    pub to_m: u32,
}

impl Stretch {
    /// A stretch, or `None` when it does not go forward.
    pub fn new(from_m: u32, to_m: u32) -> Option<Self> {
        (from_m < to_m).then_some(Self { from_m, to_m })
    }

    /// Whether both share some metre of the way. Touching ends do not: a seat freed at a stop is free from there.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from_m < other.to_m && other.from_m < self.to_m
    }
}

/// The most seats taken at once anywhere within `stretch`, by reservations of `(stretch, seats)`.
///
/// The sum of reserved seats only rises where a reservation begins, so it is enough to look at the start of `stretch`
/// and at every start within it. Quadratic in the reservations of one car, of which there are few.
#[expect(clippy::needless_pass_by_value, reason = "iterators are handed over by value everywhere")]
pub fn highest_overlap(stretch: Stretch, reservations: impl Iterator<Item = (Stretch, u8)> + Clone) -> u32 {
    let taken_at = |metre: u32| -> u32 {
        reservations
            .clone()
            .filter(|(taken, _)| taken.from_m <= metre && metre < taken.to_m)
            .map(|(_, seats)| u32::from(seats))
            .sum()
    };
    reservations
        .clone()
        .map(|(taken, _)| taken.from_m)
        .filter(|from_m| stretch.from_m < *from_m && *from_m < stretch.to_m)
        .chain([stretch.from_m])
        .map(taken_at)
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stretch(from_m: u32, to_m: u32) -> Stretch {
        Stretch::new(from_m, to_m).unwrap()
    }

    #[test]
    fn a_seat_freed_at_a_stop_is_free_from_there() {
        let taken = [(stretch(0, 50), 2), (stretch(50, 100), 1)];
        assert_eq!(highest_overlap(stretch(0, 100), taken.into_iter()), 2);
        assert_eq!(highest_overlap(stretch(50, 100), taken.into_iter()), 1);
        assert_eq!(highest_overlap(stretch(100, 120), taken.into_iter()), 0);
    }

    proptest! {
        #[test]
        fn it_is_the_highest_count_over_every_metre(
            taken in prop::collection::vec((0_u32..30, 1_u32..10, 1_u8..4), 0..8),
            from in 0_u32..30,
            length in 1_u32..20,
        ) {
            let taken: Vec<_> = taken.into_iter().map(|(a, l, n)| (stretch(a, a + l), n)).collect();
            let asked = stretch(from, from + length);
            let by_metre = (asked.from_m..asked.to_m)
                .map(|m| taken.iter().filter(|(s, _)| (s.from_m..s.to_m).contains(&m)).map(|(_, n)| u32::from(*n)).sum())
                .max()
                .unwrap_or(0_u32);
            prop_assert_eq!(highest_overlap(asked, taken.iter().copied()), by_metre);
        }
    }
}
