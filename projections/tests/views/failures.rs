//! What happens when an event cannot be folded, the vault is away, the log has a hole, or the file is of another kind.

use palabre_events::ride::{RideCancelled, RideOffered, RideTermsChanged, RideText};
use palabre_events::sealed::{CannotOpen, Comment};
use palabre_events::testing::*;
use palabre_events::{DomainEvent, KeyId, Opener, RideId, Sealed};
use palabre_projections::compare::How;
use palabre_projections::{FoldFailure, Paging, Views, compare};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

use crate::log::{LOG, Log, Place};

const OTHER_RIDE: RideId = RideId(Uuid::from_u128(0x07e5));

fn offer(log: &mut Log, ride: RideId, comment: Option<Sealed<Comment>>) {
    log.append(ride, DomainEvent::Ride(RideOffered { comment, ..offered() }.into()), by(DORA), now());
}

fn forged() -> Option<Sealed<Comment>> {
    Some(Sealed::from_box(KeyId::Person(DORA), b"made by somebody else".to_vec()))
}

/// Opens everything, when the vault is there.
#[derive(Default)]
struct Vault {
    away: AtomicBool,
}

impl Opener for Vault {
    fn open(&self, key: KeyId, purpose: &'static str, boxed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        if self.away.load(Ordering::Relaxed) {
            return Err(CannotOpen::Unavailable);
        }
        PlainOpener::default().open(key, purpose, boxed)
    }
}

#[test]
fn a_projection_stops_at_what_it_cannot_fold_and_the_others_go_on() {
    let mut log = Log::default();
    offer(&mut log, RIDE, None);
    offer(&mut log, OTHER_RIDE, forged());
    log.append(RIDE, DomainEvent::Ride(RideCancelled { reason: None }.into()), by(DORA), now());
    let mut place = Place::new();
    let folded = place.catch_up(&log);
    let parked: Vec<_> = folded.parked.iter().map(|it| (it.name.as_str(), it.position)).collect();
    assert_eq!(parked, [("offers", 1)]);
    assert_eq!(folded.parked[0].parked.as_ref().map(|it| it.position), Some(2));
    assert_eq!((place.views.position(), folded.position), (3, 3));

    let reader = place.reader();
    assert_eq!(reader.health().unwrap().into_iter().filter(|it| it.parked.is_some()).count(), 1);
    assert_eq!(reader.ride(RIDE).unwrap().map(|ride| ride.version), Some(1), "what came before is folded");
    assert_eq!(reader.ride(OTHER_RIDE).unwrap(), None);
    assert_eq!(reader.history(DORA, Paging::first(9)).unwrap().items.len(), 3, "history goes on");

    // Whatever comes later does not wake it: nothing is skipped.
    log.append(OTHER_RIDE, DomainEvent::Ride(RideCancelled { reason: None }.into()), by(DORA), now());
    assert_eq!(place.catch_up(&log).rides, vec![]);
    assert_eq!(place.views.position(), 4);
}

#[test]
fn a_stopped_projection_tries_again_when_the_views_are_opened_again() {
    let mut log = Log::default();
    offer(&mut log, RIDE, None);
    offer(&mut log, OTHER_RIDE, forged());
    log.append(RIDE, DomainEvent::Ride(RideCancelled { reason: None }.into()), by(DORA), now());
    let mut place = Place::new();
    place.catch_up(&log);
    // As if the program had learned to fold it: the box now opens.
    let mut mended = Log::default();
    offer(&mut mended, RIDE, None);
    offer(&mut mended, OTHER_RIDE, Some(sealed(KeyId::Person(DORA), &Comment("Musique".to_owned()))));
    mended.append(RIDE, DomainEvent::Ride(RideCancelled { reason: None }.into()), by(DORA), now());
    let mut place = place.reopened();
    assert_eq!(place.views.position(), 1, "it goes on from where the slowest projection stopped");
    assert!(place.catch_up(&mended).parked.is_empty());

    let mut at_once = Place::new();
    at_once.catch_up(&mended);
    assert_eq!(compare(&place.path, &at_once.path).unwrap(), vec![]);
}

#[test]
fn an_event_about_what_never_was_stops_a_projection() {
    let mut log = Log::default();
    let conversation = DomainEvent::Conversation(posted(ANNA).into());
    log.append(talk_with(ANNA), conversation, by(ANNA), now());
    let parked = Place::new().catch_up(&log).parked;
    assert_eq!(parked.len(), 1);
    let why = &parked[0].parked.as_ref().unwrap().why;
    assert_eq!(parked[0].name, "conversations");
    assert!(why.contains(&talk_with(ANNA).to_string()) && !why.contains("Bonjour"), "{why}");
}

/// The driver says something else, or nothing any longer.
fn said<const N: usize>(comment: Option<Sealed<Comment>>, cleared: [RideText; N]) -> RideTermsChanged {
    RideTermsChanged {
        terms_version: 1,
        seats: None,
        price_per_seat: None,
        booking_mode: None,
        preferences: None,
        vehicle: None,
        comment,
        cleared: cleared.into(),
    }
}

#[test]
fn while_the_vault_is_away_nothing_is_folded_and_nothing_stops() {
    let vault = Arc::new(Vault::default());
    let mut place = Place::with(vault.clone());
    let mut log = Log::default();
    offer(&mut log, RIDE, None);
    place.catch_up(&log);
    let comment = Some(sealed(KeyId::Person(DORA), &Comment("Musique".to_owned())));
    log.ride(said(comment, []));
    vault.away.store(true, Ordering::Relaxed);
    assert!(matches!(place.views.fold(&log.events[1..]), Err(FoldFailure::Retry)));
    assert_eq!(place.views.position(), 1);
    vault.away.store(false, Ordering::Relaxed);
    assert!(place.catch_up(&log).parked.is_empty());
    let ride = place.reader().ride(RIDE).unwrap().unwrap();
    assert_eq!((ride.version, ride.comment.as_deref()), (2, Some("Musique")));
}

#[test]
fn what_a_driver_no_longer_says_is_absent() {
    let mut place = Place::with(Arc::new(Vault::default()));
    let mut log = Log::default();
    offer(&mut log, RIDE, Some(sealed(KeyId::Person(DORA), &Comment("Musique".to_owned()))));
    log.ride(said(None, [RideText::Vehicle]));
    place.catch_up(&log);
    assert_eq!(place.reader().ride(RIDE).unwrap().unwrap().comment.as_deref(), Some("Musique"));
    log.ride(said(None, [RideText::Comment]));
    place.catch_up(&log);
    assert_eq!(place.reader().ride(RIDE).unwrap().unwrap().comment, None);
}

#[test]
fn what_was_erased_is_absent() {
    let erased = PlainOpener { erased: vec![KeyId::Person(DORA)] };
    let mut place = Place::with(Arc::new(erased));
    let mut log = Log::default();
    offer(&mut log, RIDE, Some(sealed(KeyId::Person(DORA), &Comment("Musique".to_owned()))));
    assert!(place.catch_up(&log).parked.is_empty());
    let ride = place.reader().ride(RIDE).unwrap().unwrap();
    assert_eq!((ride.comment, ride.stops[0].exact.clone()), (None, None));
    assert_eq!(ride.stops[0].town.as_deref(), Some("Grenoble"));
}

#[test]
fn a_hole_in_the_log_is_refused() {
    let mut log = Log::default();
    offer(&mut log, RIDE, None);
    offer(&mut log, OTHER_RIDE, None);
    let mut place = Place::new();
    let gap = place.views.fold(&log.events[1..]);
    assert!(matches!(gap, Err(FoldFailure::Gap { expected: 1, found: 2 })));
    place.catch_up(&log);
    let again = place.views.fold(&log.events[1..]);
    assert!(matches!(again, Err(FoldFailure::Gap { expected: 3, found: 2 })), "folded events do not come again");
}

#[test]
fn where_positions_only_rise_a_gap_is_no_hole() {
    let mut log = Log::default();
    offer(&mut log, RIDE, None);
    offer(&mut log, OTHER_RIDE, None);
    for (event, position) in log.events.iter_mut().zip([840, 1999]) {
        event.position = position;
    }
    let folder = tempfile::tempdir().unwrap();
    let views = Views::open(&folder.path().join("views.db"), LOG, Arc::new(PlainOpener::default())).unwrap();
    let mut views = views.with_gaps();
    assert_eq!(views.fold(&log.events[..1]).unwrap().position, 840);
    assert_eq!(views.fold(&log.events[1..]).unwrap().position, 1999);
    let again = views.fold(&log.events[1..]);
    assert!(matches!(again, Err(FoldFailure::Gap { expected: 2000, found: 1999 })), "folded events do not come again");
}

#[test]
fn views_of_another_version_or_log_begin_anew() {
    let mut log = Log::default();
    offer(&mut log, RIDE, None);
    let mut place = Place::new();
    place.catch_up(&log);
    let path = place.path.clone();

    let other_log = Views::open(&path, Uuid::from_u128(1), Arc::new(PlainOpener::default())).unwrap();
    assert_eq!(other_log.position(), 0);
    drop(other_log);

    let place = place.reopened();
    assert_eq!(place.views.position(), 0, "and the first log's are gone");
    drop(place.views);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let views = Views::open(&path, LOG, Arc::new(PlainOpener::default())).unwrap();
    assert_eq!(views.position(), 0);
}

#[test]
fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{}{suffix}", place.path.display());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_damaged_file_begins_anew() {
    let place = Place::new();
    let path = place.path.clone();
    drop(place.views);
    std::fs::write(&path, b"This was a database before the disk failed. ".repeat(999)).unwrap();
    let views = Views::open(&path, LOG, Arc::new(PlainOpener::default())).unwrap();
    assert_eq!(views.position(), 0);
}

#[test]
fn views_that_a_crash_left_half_filled_begin_anew() {
    let mut log = Log::default();
    log.talk(talk_with(ANNA), opened());
    for _ in 0..5_000 {
        log.talk(talk_with(ANNA), posted(ANNA));
    }
    let mut place = Place::new();
    place.views.fold(&log.events[..4_500]).unwrap();
    // What a crash would leave: the files as they are, while they are still open.
    let crashed = tempfile::tempdir().unwrap();
    let path = crashed.path().join("views.db");
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", place.path.display());
        std::fs::copy(from, format!("{}{suffix}", path.display())).unwrap();
    }
    let views = Views::open(&path, LOG, Arc::new(PlainOpener::default())).unwrap();
    assert_eq!(views.position(), 0);
    // The last, small batch ends the filling: from here on a crash loses nothing.
    place.catch_up(&log);
    let version = |path| {
        let db = Connection::open(path).unwrap();
        db.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0)).unwrap()
    };
    assert_ne!(version(&place.path), 0);
    assert_eq!(version(&path), 0);
}

#[test]
fn when_an_event_cannot_even_be_read_everything_stops_there() {
    let mut place = Place::new();
    let mut log = Log::default();
    offer(&mut log, RIDE, None);
    place.catch_up(&log);
    place.views.stop_at(2, "cannot read event RideFlown v1").unwrap();
    let health = place.reader().health().unwrap();
    assert!(health.iter().all(|it| it.parked.as_ref().is_some_and(|parked| parked.position == 2)));
}

#[test]
fn a_comparison_names_the_rows_that_differ() {
    let mut log = Log::default();
    offer(&mut log, RIDE, None);
    offer(&mut log, OTHER_RIDE, None);
    let (mut first, mut second) = (Place::new(), Place::new());
    first.catch_up(&log);
    second.catch_up(&log);
    let other = Connection::open(&second.path).unwrap();
    other.execute("UPDATE offers SET stage = 'departed' WHERE ride = ?1", [RIDE.0.as_bytes()]).unwrap();
    other.execute("DELETE FROM timers WHERE subject = ?1", [OTHER_RIDE.0.as_bytes()]).unwrap();
    let differences = compare(&first.path, &second.path).unwrap();
    let told: Vec<_> = differences.iter().map(|it| (it.table.as_str(), &it.how)).collect();
    assert_eq!(told, [("offers", &How::Columns(vec!["stage".to_owned()])), ("timers", &How::OnlyInFirst)]);
    assert_eq!(differences[0].key, RIDE.0.simple().to_string());
}
