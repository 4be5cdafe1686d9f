//! Import of offers and requests from JSON Lines, in the formats of `docs/MATCHING.md`.
//!
//! Goes straight to the log in large groups: a line's stream id derives from its owner and its own id, so that a second
//! import of the same file finds what the first one made, and changes nothing. Bad lines are reported with their
//! number and skipped; good lines around them are imported.

mod owners;

use futures_util::future::BoxFuture;
use palabre_events::geometry::legs_m;
use palabre_events::log::{Append, AppendFailure, AppendItem, ItemAnswer};
use palabre_events::place::ExactPlace;
use palabre_events::request::{Request, RequestCommand, RequestPosted};
use palabre_events::ride::{Audience, BookingMode, Preferences, Ride, RideCommand, RideOffered};
use palabre_events::sealed::KeyId;
use palabre_events::{
    AccountId, Actor, Aggregate, Currency, NewEvent, Place, Point, Price, RequestId, RideId, Route, StreamId,
    Timestamp, aggregate::EventData, aggregate::Rejection,
};
use serde::Deserialize;
use std::io::{BufRead, Read};
use uuid::Uuid;

pub use owners::Owners;

use crate::clock;
use crate::places::Places;
use crate::store::EventStore;
use crate::vault::Keyring;

/// Lines that go to the log together.
const GROUP: usize = 2_000;
/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// The longest id of another system, in characters.
const REFERENCE_CHARS_MAX: usize = 64;

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rides on offer.
    Offers,
    /// Requests of passengers.
    Requests,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Lines that made something new.
    pub new: u64,
    /// Lines that had been imported before.
    pub known: u64,
    /// Lines that were skipped.
    pub bad: u64,
}

type Answers = Vec<Result<Vec<ItemAnswer>, AppendFailure>>;

impl Imported {
    fn count(&mut self, written: Answers) -> Result<(), AppendFailure> {
        for answers in written {
            match answers?.first() {
                Some(ItemAnswer::Committed(_)) => self.new += 1,
                _ => self.known += 1,
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct OfferLine {
    id: String,
    origin: [f64; 2],
    #[serde(default)]
    via: Vec<[f64; 2]>,
    destination: [f64; 2],
    departure: i64,
    seats: u8,
    price_cents: u32,
    #[serde(default)]
    driver: Option<String>,
}

#[derive(Deserialize)]
struct RequestLine {
    id: String,
    pickup: [f64; 2],
    dropoff: [f64; 2],
    time: i64,
    tolerance_min: u32,
    radius_km: f64,
    seats: u8,
    /// Also named `driver`, as in offers.
    #[serde(default, alias = "driver")]
    passenger: Option<String>,
}

/// Imports every line of `lines`. `bad` is told the number and the fault of each line that is skipped, `progress` the
/// bytes that are done.
pub async fn import(
    kind: Kind,
    mut lines: impl BufRead,
    store: &dyn EventStore,
    keyring: &Keyring,
    owners: &mut Owners<'_>,
    mut bad: impl FnMut(u64, &str),
    mut progress: impl FnMut(u64),
) -> anyhow::Result<Imported> {
    let mut imported = Imported::default();
    let mut group = Vec::with_capacity(GROUP);
    let mut bytes_done = 0;
    let mut writing: BoxFuture<'static, Answers> = Box::pin(std::future::ready(Vec::new()));
    let mut line = Vec::new();
    for number in 1_u64.. {
        let read = read_line(&mut lines, &mut line)?;
        if read == 0 {
            break;
        }
        bytes_done += read;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match append_of(kind, &line, keyring, owners).await? {
            Ok(append) => group.push(append),
            Err(fault) => {
                imported.bad += 1;
                bad(number, &fault);
            }
        }
        if group.len() == GROUP {
            // The log writes this group while the next one is read and sealed.
            let written = std::mem::replace(&mut writing, store.append_many(std::mem::take(&mut group)));
            imported.count(written.await)?;
            progress(bytes_done);
        }
    }
    imported.count(writing.await)?;
    imported.count(store.append_many(group).await)?;
    progress(bytes_done);
    Ok(imported)
}

/// Reads one line of any length and answers how long it was; `line` gets no more of it than shows that it is too long.
fn read_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<u64> {
    line.clear();
    let kept = lines.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', line)? as u64;
    if line.len() <= LINE_BYTES_MAX || line.ends_with(b"\n") {
        return Ok(kept);
    }
    Ok(kept + lines.skip_until(b'\n')? as u64)
}

/// The append that a line asks for; the inner error says what is wrong with the line.
async fn append_of(
    kind: Kind,
    line: &[u8],
    keyring: &Keyring,
    owners: &mut Owners<'_>,
) -> anyhow::Result<Result<Append, String>> {
    if line.len() > LINE_BYTES_MAX {
        return Ok(Err(format!("longer than {LINE_BYTES_MAX} bytes")));
    }
    match kind {
        Kind::Offers => match read::<OfferLine>(line, |line| &line.id) {
            Err(fault) => Ok(Err(fault)),
            Ok(line) => {
                let owner = owners.owner(line.driver.as_deref()).await?;
                Ok(owner.and_then(|owner| offer(&line, owner, keyring)))
            }
        },
        Kind::Requests => match read::<RequestLine>(line, |line| &line.id) {
            Err(fault) => Ok(Err(fault)),
            Ok(line) => {
                let owner = owners.owner(line.passenger.as_deref()).await?;
                Ok(owner.and_then(|owner| request(&line, owner, keyring)))
            }
        },
    }
}

fn read<'a, T: Deserialize<'a>>(line: &'a [u8], id: impl Fn(&T) -> &str) -> Result<T, String> {
    let read: T = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let reference = id(&read);
    let fits = !reference.is_empty()
        && reference.chars().count() <= REFERENCE_CHARS_MAX
        && reference.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.:".contains(letter));
    if fits {
        Ok(read)
    } else {
        Err(format!("an id has 1 to {REFERENCE_CHARS_MAX} letters, digits or -_.: and nothing personal"))
    }
}

fn offer(line: &OfferLine, driver: AccountId, keyring: &Keyring) -> Result<Append, String> {
    let stops = [line.origin].into_iter().chain(line.via.iter().copied()).chain([line.destination]);
    let points = stops.map(point).collect::<Result<Vec<_>, _>>()?;
    let sealed = points.iter().map(|point| sealed(*point, driver, keyring));
    let offered = RideOffered {
        driver,
        audience: Audience::Everyone,
        route: Route { stops: sealed.collect::<Result<_, _>>()?, legs_m: legs_m(&points) },
        path_version: 1,
        departs_at: seconds(line.departure)?,
        time_zone: "UTC".to_owned(),
        seats: line.seats,
        price_per_seat: Price { cents: line.price_cents, currency: Currency::EUR },
        booking_mode: BookingMode::Approval,
        preferences: Preferences::default(),
        vehicle: None,
        comment: None,
        series: None,
        import_reference: Some(line.id.clone()),
    };
    let stream = RideId::imported(driver, &line.id).into();
    decided::<Ride>(stream, RideCommand::Offer(Box::new(offered)), Actor::Operator, clock::now())
}

fn request(line: &RequestLine, passenger: AccountId, keyring: &Keyring) -> Result<Append, String> {
    if !(0.0..=1_000.0).contains(&line.radius_km) {
        return Err("radius_km is out of range".to_owned());
    }
    let posted = RequestPosted {
        passenger,
        audience: Audience::Everyone,
        from: sealed(point(line.pickup)?, passenger, keyring)?,
        to: sealed(point(line.dropoff)?, passenger, keyring)?,
        pickup_at: seconds(line.time)?,
        tolerance_s: line.tolerance_min.saturating_mul(60),
        radius_m: (line.radius_km * 1000.0).round() as u32,
        seats: line.seats,
        price_per_seat_max: None,
        comment: None,
        import_reference: Some(line.id.clone()),
    };
    let stream = RequestId::imported(passenger, &line.id).into();
    decided::<Request>(stream, RequestCommand::Post(Box::new(posted)), Actor::Operator, clock::now())
}

/// The first event of a new stream, as an append that finds out when the stream is there already.
pub(crate) fn decided<A: Aggregate>(
    stream: StreamId,
    command: A::Command,
    by: Actor,
    now: Timestamp,
) -> Result<Append, String> {
    let events = A::default().decide(command, by, now).map_err(|no| no.explain())?;
    let command_id = Uuid::now_v7();
    let event = events.first().ok_or("nothing to import")?;
    let new = NewEvent {
        event_id: command_id,
        event_type: event.event_type(),
        schema_version: event.schema_version(),
        occurred_at: now,
        actor: by,
        key: None,
        correlation_id: command_id,
        causation_id: command_id,
        traceparent: None,
        data: event.to_json(),
    };
    Ok(Append { stream, expected_version: 0, items: vec![AppendItem { key: None, events: vec![new] }] })
}

fn point([lat, lon]: [f64; 2]) -> Result<Point, String> {
    Point::new(lat, lon).ok_or_else(|| format!("[{lat}, {lon}] is not [latitude, longitude] in degrees"))
}

fn seconds(seconds: i64) -> Result<Timestamp, String> {
    Timestamp::from_seconds(seconds).ok_or_else(|| format!("{seconds} is not a time in Unix seconds"))
}

fn sealed(point: Point, owner: AccountId, keyring: &Keyring) -> Result<Place, String> {
    let exact = ExactPlace { point, label: None };
    let exact = keyring.seal(KeyId::Person(owner), &exact).map_err(|error| error.to_string())?;
    Ok(Place { town: Places::embedded().town_of(point).map(str::to_owned), exact })
}
