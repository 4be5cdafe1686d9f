//! The matching index against answers that were computed elsewhere, by an exhaustive scan of the same rule.

mod common;

use palabre_projections::matching::{Change, MatchingIndex};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    search: String,
    total: usize,
    offers: Vec<String>,
    scores: Vec<f64>,
}

/// A score in ten-thousandths, as the expected answers have it.
fn rounded(score: f64) -> i64 {
    (score * 10_000.0).round() as i64
}

#[test]
fn the_searches_find_the_expected_offers_in_the_expected_order() {
    let index = MatchingIndex::new();
    index.apply(common::offers().into_iter().map(|entry| Change::Upsert(Box::new(entry))));
    assert_eq!(index.len(), 10_000);

    let expected: Vec<Expected> = common::lines("expected-top20.jsonl");
    let searches = common::searches();
    assert_eq!((searches.len(), expected.len()), (436, 436));
    for ((id, search), expected) in searches.iter().zip(&expected) {
        assert_eq!(id, &expected.search);
        let found = index.search(search);
        let offers: Vec<_> = found.best.iter().map(|best| best.import_reference.clone().unwrap()).collect();
        let scores: Vec<_> = found.best.iter().map(|best| rounded(best.score)).collect();
        assert_eq!(offers, expected.offers, "{id}");
        assert_eq!(scores, expected.scores.iter().map(|score| rounded(*score)).collect::<Vec<_>>(), "{id}");
        assert_eq!(found.total, expected.total, "{id}");
    }
}
