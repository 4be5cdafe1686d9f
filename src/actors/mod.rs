//! Actors: one per aggregate, found or woken by the directory; effects, the finisher and timers.
