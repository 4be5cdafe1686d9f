//! How fast are the views folded anew? A made-up log of talk and bookings is decoded and folded, and the events per
//! second are printed. One thread decodes while another folds, as the feed does. Where other programs share the
//! machine, the events per second of CPU time say what the clock cannot.
//!
//! `cargo bench -p palabre-projections --bench replay -- [EVENTS]`, 1,000,000 unless told otherwise.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;

use palabre_events::account::AccountOpened;
use palabre_events::aggregate::EventData;
use palabre_events::conversation::{
    Acceptance, BookingConfirmed, ConversationKind, ConversationOpened, ParticipantJoined, ProposalAccepted,
    ProposalMade,
};
use palabre_events::domain::Recorded;
use palabre_events::log::Hash;
use palabre_events::marks::ConversationRead;
use palabre_events::ride::{RideOffered, SeatsReserved};
use palabre_events::sealed::{DisplayName, MessageText};
use palabre_events::terms::Terms;
use palabre_events::testing::{NONCE, PlainOpener, WHOLE_WAY, offered, opened, posted, sealed, terms};
use palabre_events::{
    AccountId, Actor, ConversationId, DomainEvent, Envelope, KeyId, ProposalId, RideId, Sealed, StreamId, Timestamp,
};
use palabre_projections::Views;
use std::collections::HashMap;
use uuid::Uuid;

const EVENTS: usize = 1_000_000;
/// Conversations in which people talk.
const TALKING: usize = 1_000;
/// Of so many events one is not a message.
const MESSAGES_PER_OTHER: usize = 9;
/// Events that come together when a node is busy.
const LIVE_BATCH: usize = 32;
/// A message of some 60 characters: nonce, ciphertext and tag.
const BOX_BYTES: usize = 100;

fn main() {
    let events = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(EVENTS);
    let log = MadeUpLog::of(events).envelopes;
    let bytes: usize = log.iter().map(|envelope| envelope.data.len()).sum();
    println!("{} events, {} bytes of data each on average", log.len(), bytes / log.len());

    let start = Clock::start();
    let decoded: Vec<Vec<Recorded>> = log.chunks(Views::BATCH_MAX).map(decode).collect();
    start.told("decode alone", log.len());

    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut views = open(&folder.path().join("fold.db"));
    let start = Clock::start();
    for batch in &decoded {
        views.fold(batch).expect("the log is whole");
    }
    start.told("fold alone", log.len());
    let mut views = open(&folder.path().join("live.db"));
    let start = Clock::start();
    for batch in decoded[0].chunks(LIVE_BATCH) {
        views.fold(batch).expect("the log is whole");
    }
    start.told("fold alone, in small batches as they come live", decoded[0].len());
    drop(decoded);

    let mut views = open(&folder.path().join("both.db"));
    let start = Clock::start();
    thread::scope(|scope| {
        let (send, batches) = sync_channel(1);
        scope.spawn(move || log.chunks(Views::BATCH_MAX).try_for_each(|chunk| send.send(decode(chunk))));
        for batch in batches {
            views.fold(&batch).expect("the log is whole");
        }
    });
    start.told("decode and fold (CPU of the fold)", events);
    let start = Clock::start();
    let mut rides = 0;
    views.reader(1).expect("views can be read").each_open_ride(|_| rides += 1).expect("views can be read");
    start.told("load open rides", rides);
    assert!(views.health().iter().all(|it| it.parked.is_none() && it.position == views.position()));
    let size = std::fs::metadata(folder.path().join("both.db")).map_or(0, |file| file.len());
    println!("the views take {} MB", size / 1_000_000);
}

fn open(path: &std::path::Path) -> Views {
    Views::open(path, Uuid::nil(), Arc::new(PlainOpener::default())).expect("views can be opened")
}

fn decode(chunk: &[Envelope]) -> Vec<Recorded> {
    chunk.iter().map(|envelope| Recorded::read(envelope).expect("what was written can be read")).collect()
}

/// The time that passes, and the CPU time that this thread takes of it.
struct Clock {
    start: Instant,
    cpu_ns: u64,
}

impl Clock {
    fn start() -> Self {
        Self { start: Instant::now(), cpu_ns: thread_cpu_ns() }
    }

    fn told(&self, what: &str, events: usize) {
        let seconds = self.start.elapsed().as_secs_f64();
        let cpu_seconds = (thread_cpu_ns() - self.cpu_ns) as f64 / 1e9;
        let (by_clock, by_cpu) = (events as f64 / seconds, events as f64 / cpu_seconds);
        println!("{what}: {seconds:.2} s, {by_clock:.0} events/s; {cpu_seconds:.2} s of CPU, {by_cpu:.0} events/s");
    }
}

/// CPU time of this thread in nanoseconds, as Linux counts it.
fn thread_cpu_ns() -> u64 {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    counted.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

/// A log of bookings, and of talk in the conversations of the first of them.
struct MadeUpLog {
    envelopes: Vec<Envelope>,
    versions: HashMap<StreamId, u64>,
    now: Timestamp,
    random: u64,
}

impl MadeUpLog {
    fn of(events: usize) -> Self {
        let now = Timestamp::from_seconds(1_798_800_000).expect("a time of this century");
        let mut log = Self { envelopes: Vec::with_capacity(events), versions: HashMap::new(), now, random: 88 };
        let mut talks = Vec::new();
        let mut others = Vec::new();
        let mut story = 0;
        while log.envelopes.len() < events {
            if others.is_empty() {
                others = log.story(story);
                story += 1;
            }
            if talks.len() >= TALKING && !log.random().is_multiple_of(MESSAGES_PER_OTHER as u64 + 1) {
                let place = log.random() as usize % TALKING;
                log.message(talks[place]);
                continue;
            }
            let (stream, by, event) = others.remove(0);
            log.append(stream, by, &event);
            if let DomainEvent::Conversation(palabre_events::conversation::ConversationEvent::ConversationOpened(it)) =
                event
                && let Some(passenger) = it.passenger
            {
                talks.push((ConversationId(stream.id), [it.driver, passenger]));
            }
        }
        log.envelopes.truncate(events);
        log
    }

    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn message(&mut self, (conversation, people): (ConversationId, [AccountId; 2])) {
        let author = people[self.random() as usize % 2];
        let mut boxed = Vec::with_capacity(BOX_BYTES);
        while boxed.len() < BOX_BYTES {
            boxed.extend_from_slice(&self.random().to_le_bytes());
        }
        let text = Sealed::<MessageText>::from_box(KeyId::Person(author), boxed);
        let message = palabre_events::conversation::MessagePosted { text, ..posted(author) };
        self.append(conversation.into(), Actor::Person(author), &DomainEvent::Conversation(message.into()));
    }

    /// Two people sign up, one offers a ride, the other books it, and both read what was said.
    fn story(&mut self, number: u64) -> Vec<(StreamId, Actor, DomainEvent)> {
        let id = |what: u128| Uuid::new_v5(&Uuid::from_u128(what), &number.to_be_bytes());
        let (driver, passenger) = (AccountId(id(1)), AccountId(id(2)));
        let (ride, proposal) = (RideId(id(3)), ProposalId(id(4)));
        let (talk, group) = (ConversationId::about_ride(ride, passenger), ConversationId::group_of(ride));
        let terms = Terms { pickup_at: self.now, ..terms(1, WHOLE_WAY) };
        let terms_hash = terms.hash(&NONCE);
        let sign_up = |account| {
            let name = sealed(KeyId::Person(account), &DisplayName("Dora".to_owned()));
            let opened = AccountOpened { account, name, language: Default::default() };
            (StreamId::account(account), Actor::Person(account), DomainEvent::Account(opened.into()))
        };
        let read = |account| {
            let read = ConversationRead { account, conversation: talk, up_to: 2 };
            (StreamId::marks(account), Actor::Person(account), DomainEvent::Marks(read.into()))
        };
        let said = |conversation: ConversationId, by, event| {
            (StreamId::from(conversation), by, DomainEvent::Conversation(event))
        };
        let departs_at = self.now.plus_seconds(7 * 24 * 3600);
        let conversation = ConversationOpened { ride, driver, passenger: Some(passenger), ..opened() };
        let joined = ParticipantJoined { account: passenger, reservation: proposal.into() };
        let made = ProposalMade {
            proposal,
            by: passenger,
            terms: terms.clone(),
            nonce: NONCE,
            terms_hash,
            expires_at: departs_at,
            in_reply_to: None,
            replaces: None,
        };
        let accepted = ProposalAccepted {
            proposal,
            acceptance: Acceptance::Person(driver),
            terms_hash,
            ride,
            passenger,
            terms: terms.clone(),
            replaces: None,
        };
        let reserved =
            SeatsReserved { reservation: proposal.into(), conversation: talk, driver, passenger, terms, terms_hash };
        let confirmed = BookingConfirmed {
            proposal,
            reservation: proposal.into(),
            ride,
            passenger,
            seats: 1,
            price_per_seat: reserved.terms.price_per_seat,
            pickup_at: reserved.terms.pickup_at,
            in_answer_to: None,
        };
        let in_group = ConversationOpened { kind: ConversationKind::Group, passenger: None, ..conversation };
        let ride_stream = StreamId::from(ride);
        vec![
            sign_up(driver),
            sign_up(passenger),
            (
                ride_stream,
                Actor::Person(driver),
                DomainEvent::Ride(RideOffered { driver, departs_at, ..offered_by(driver) }.into()),
            ),
            said(talk, Actor::Person(passenger), conversation.into()),
            said(talk, Actor::Person(passenger), made.into()),
            read(driver),
            said(talk, Actor::Person(driver), accepted.into()),
            (ride_stream, Actor::System, DomainEvent::Ride(reserved.into())),
            said(talk, Actor::System, confirmed.into()),
            said(group, Actor::System, in_group.into()),
            said(group, Actor::System, joined.into()),
            read(passenger),
        ]
    }

    fn append(&mut self, stream: StreamId, actor: Actor, event: &DomainEvent) {
        self.now = self.now.plus_seconds(1);
        let version = self.versions.entry(stream).or_default();
        *version += 1;
        let (event_type, schema_version, data) = written(event);
        let position = self.envelopes.len() as u64 + 1;
        let id = Uuid::from_u64_pair(8, position);
        self.envelopes.push(Envelope {
            event_id: id,
            stream,
            version: *version,
            position,
            event_type: event_type.to_owned(),
            schema_version,
            occurred_at: self.now,
            recorded_at: self.now,
            actor,
            key: None,
            correlation_id: id,
            causation_id: id,
            traceparent: None,
            data,
            hash: Hash::START,
        });
    }
}

fn offered_by(driver: AccountId) -> RideOffered {
    let mut ride = offered();
    for stop in &mut ride.route.stops {
        let exact = stop.exact.open(&PlainOpener::default()).expect("samples open");
        stop.exact = sealed(KeyId::Person(driver), &exact);
    }
    ride
}

fn written(event: &DomainEvent) -> (&'static str, u16, Vec<u8>) {
    fn of<E: EventData>(event: &E) -> (&'static str, u16, Vec<u8>) {
        (event.event_type(), event.schema_version(), event.to_json())
    }
    match event {
        DomainEvent::Account(event) => of(event),
        DomainEvent::Conversation(event) => of(event),
        DomainEvent::Marks(event) => of(event),
        DomainEvent::Request(event) => of(event),
        DomainEvent::Ride(event) => of(event),
    }
}
