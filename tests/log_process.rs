//! The log across processes: what an acknowledgement is worth when the process is killed, when the disk is full, and
//! when the power fails.
//!
//! A program without the usual test harness, because each test runs it again as the child that writes: one line on
//! standard output for each acknowledgement. Nothing here waits for a time; it waits for lines.

use futures_util::future::join_all;
use palabre::store::sqlite::SqliteStore;
use palabre::store::verify::verify;
use palabre::store::{EventStore, PAGE_MAX};
use palabre_events::log::{Append, AppendFailure, AppendItem, ItemAnswer};
use palabre_events::{Actor, NewEvent, StreamId, StreamKind, Timestamp};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use uuid::Uuid;

/// The first argument of a child.
const CHILD: &str = "--child";

type Test = (&'static str, fn());

const TESTS: [Test; 3] = [
    ("what_was_acknowledged_survives_a_kill", what_was_acknowledged_survives_a_kill),
    ("a_full_disk_loses_nothing_and_is_overcome", a_full_disk_loses_nothing_and_is_overcome),
    ("no_acknowledgement_leaves_before_its_flush", no_acknowledgement_leaves_before_its_flush),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [CHILD, task, folder] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return run_child(task, Path::new(folder));
    }
    let listing = arguments.iter().any(|argument| argument == "--list");
    let wanted: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    for (name, test) in TESTS {
        if listing {
            println!("{name}: test");
        } else if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
            println!("test {name} ...");
            test();
            println!("test {name} ... ok");
        }
    }
}

// The child.

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn run_child(task: &str, folder: &Path) {
    let store: Arc<dyn EventStore> = Arc::new(SqliteStore::open(folder).expect("opens"));
    let write = match task {
        "for-ever" => u64::MAX,
        "some" => 25,
        "past-a-full-disk" => return write_past_a_full_disk(&store).await,
        other => panic!("no such task: {other}"),
    };
    let writers = (0..16).map(|writer| tokio::spawn(write_and_tell(store.clone(), writer, write)));
    join_all(writers).await.into_iter().for_each(|writer| writer.expect("a writer"));
}

fn append(stream: StreamId, expected_version: u64, text: &str) -> Append {
    let event_id = Uuid::new_v4();
    let event = NewEvent {
        event_id,
        event_type: "MessagePosted",
        schema_version: 1,
        occurred_at: Timestamp::from_millis(0).expect("1970"),
        actor: Actor::System,
        key: None,
        correlation_id: event_id,
        causation_id: event_id,
        traceparent: None,
        data: text.as_bytes().to_vec(),
    };
    Append { stream, expected_version, items: vec![AppendItem { key: None, events: vec![event] }] }
}

/// Tells an acknowledgement in one `write`, so that what is read of it is all of it.
fn tell(text: &str) {
    let line = format!("{text}\n");
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).expect("the parent reads");
}

/// Writes `count` events to a stream of its own, each of them saying where it should be found.
async fn write_and_tell(store: Arc<dyn EventStore>, writer: u64, count: u64) {
    let stream = StreamId { kind: StreamKind::Conversation, id: Uuid::from_u128(u128::from(writer)) };
    for version in 0..count {
        let text = format!("<{stream}/{}>", version + 1);
        let answers = store.append(append(stream, version, &text)).await.expect("the log takes it");
        assert!(matches!(answers[0], ItemAnswer::Committed(_)), "{answers:?}");
        tell(&text);
    }
}

/// Writes until the disk has been full once and then took an event again.
async fn write_past_a_full_disk(store: &Arc<dyn EventStore>) {
    let stream = StreamId { kind: StreamKind::Ride, id: Uuid::nil() };
    let (mut version, mut failures) = (0, 0);
    loop {
        let text = format!("<{stream}/{}>{}", version + 1, " ".repeat(20_000));
        match store.append(append(stream, version, &text)).await {
            Ok(answers) => {
                assert!(matches!(answers[0], ItemAnswer::Committed(_)), "{answers:?}");
                version += 1;
                tell(text.trim_end());
                if failures > 0 {
                    return;
                }
            }
            Err(AppendFailure::Unavailable) => failures += 1,
            Err(other) => panic!("nothing was written, and the log knows it: {other}"),
        }
        assert!(failures < 10, "the log goes on once its WAL is folded");
    }
}

// The parent.

fn child(task: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args([CHILD, task]).arg(folder);
    command
}

fn start(command: &mut Command) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the child starts");
    let lines = BufReader::new(child.stdout.take().expect("it is piped"));
    (child, lines)
}

fn next_line(lines: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    lines.read_line(&mut line).expect("the pipe reads");
    line.ends_with('\n').then(|| line.trim_end().to_owned())
}

/// The log proves, and holds everything that was acknowledged, once, where it was said to be.
#[tokio::main(flavor = "current_thread")]
async fn expect_all(folder: &Path, acknowledged: &[String]) -> u64 {
    let store: Arc<dyn EventStore> = Arc::new(SqliteStore::open(folder).expect("opens"));
    let proof = verify(&*store, |_, _| ()).await.expect("the log proves");
    let mut found = HashMap::new();
    let mut walked = 0;
    loop {
        let page = store.read_all(walked, PAGE_MAX).await.expect("the log reads");
        for event in &page {
            let text = String::from_utf8(event.data.clone()).expect("a text");
            assert_eq!(text.trim_end(), format!("<{}/{}>", event.stream, event.version));
            *found.entry(text.trim_end().to_owned()).or_insert(0) += 1;
        }
        walked += page.len() as u64;
        if page.len() < PAGE_MAX {
            break;
        }
    }
    let missing: Vec<_> = acknowledged.iter().filter(|text| found.get(*text) != Some(&1)).collect();
    assert!(missing.is_empty(), "acknowledged, and not there once: {missing:?}");
    // The log goes on where it stopped.
    let other = StreamId { kind: StreamKind::Request, id: Uuid::new_v4() };
    let answers = store.append(append(other, 0, &format!("<{other}/1>"))).await.expect("the log takes it");
    assert!(matches!(&answers[0], ItemAnswer::Committed(events) if events[0].position == proof.events + 1));
    proof.events
}

fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let mut acknowledged = Vec::new();
    for round in 1..=3_u64 {
        // Streams of one round each: the child expects empty ones.
        let own = folder.path().join(format!("round-{round}"));
        let (mut child, mut lines) = start(&mut child("for-ever", &own));
        while acknowledged.len() < 700 * round as usize {
            acknowledged.push(next_line(&mut lines).expect("the child writes for ever"));
        }
        child.kill().expect("killed");
        // What was told before the kill counts too.
        while let Some(line) = next_line(&mut lines) {
            acknowledged.push(line);
        }
        child.wait().expect("it ended");
        expect_all(&own, &acknowledged);
        acknowledged.clear();
    }
}

fn a_full_disk_loses_nothing_and_is_overcome() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    // A limit on the size of files fails a write as a full disk does. Its unit is 512 bytes: the limit is 2 MiB.
    let limited = "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\"";
    let plain = child("past-a-full-disk", folder.path());
    let mut command = Command::new("sh");
    command.args(["-c", limited]).arg(plain.get_program()).args(plain.get_args());
    let (mut child, mut lines) = start(&mut command);
    let acknowledged: Vec<_> = std::iter::from_fn(|| next_line(&mut lines)).collect();
    assert!(child.wait().expect("it ended").success());
    assert_eq!(expect_all(folder.path(), &acknowledged), acknowledged.len() as u64);
}

fn no_acknowledgement_leaves_before_its_flush() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let trace = folder.path().join("trace");
    let plain = child("some", &folder.path().join("log"));
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-s", "5000", "-e", "trace=fsync,fdatasync,write,pwrite64,pwritev", "-o"]).arg(&trace);
    command.arg(plain.get_program()).args(plain.get_args()).stdout(Stdio::null());
    let status = command.status().unwrap_or_else(|error| panic!("strace is missing; `make test` installs it: {error}"));
    assert!(status.success(), "strace: {status}");
    let mut text = Vec::new();
    std::fs::File::open(&trace).and_then(|mut file| file.read_to_end(&mut text)).expect("a trace");
    let acknowledged = trace::check(&String::from_utf8_lossy(&text));
    assert_eq!(acknowledged, 16 * 25);
}

/// Reads what `strace` tells, one system call a line, or two where another thread came between its start and its end.
mod trace {
    use std::collections::HashMap;

    /// Where in the trace each thing happened that an acknowledgement needs, in order.
    #[derive(Default)]
    struct Way {
        written: bool,
        flushing: bool,
        flushed: bool,
    }

    /// Counts acknowledgements; panics when one was told before a flush of the WAL ended that began after the event's
    /// bytes were written to the WAL.
    pub fn check(trace: &str) -> usize {
        let mut ways: HashMap<String, Way> = HashMap::new();
        let mut unfinished: HashMap<&str, &str> = HashMap::new();
        let mut acknowledged = 0;
        for line in trace.lines() {
            let (thread, rest) = line.split_once(' ').expect("a thread and a call");
            let rest = rest.trim_start();
            let (call, starts, ends) = match rest.strip_suffix("<unfinished ...>") {
                Some(call) => {
                    unfinished.insert(thread, call);
                    (call, true, false)
                }
                None if rest.starts_with("<...") => match unfinished.remove(thread) {
                    Some(call) => (call, false, rest.contains("= ") && !rest.contains("= -1")),
                    None => continue,
                },
                None => (rest, true, !rest.contains("= -1")),
            };
            let name = call.split('(').next().unwrap_or_default();
            let to_wal = call.contains("log.sqlite-wal>");
            match name {
                "pwrite64" | "pwritev" if to_wal && ends => {
                    for event in events_in(call) {
                        ways.entry(event).or_default().written = true;
                    }
                }
                "fsync" | "fdatasync" if to_wal => ways.values_mut().for_each(|way| {
                    way.flushing |= way.written && starts;
                    way.flushed |= way.flushing && ends;
                }),
                "write" if call.starts_with("write(1<") && starts => {
                    for event in events_in(call) {
                        let way = ways.get(&event).unwrap_or_else(|| panic!("{event} was told before it was written"));
                        assert!(way.flushed, "{event} was told before it was flushed");
                        acknowledged += 1;
                    }
                }
                _ => {}
            }
        }
        acknowledged
    }

    /// What the bytes of a call say: events name themselves as `<stream/version>`.
    fn events_in(call: &str) -> Vec<String> {
        let parts = call.split("<conversation-").skip(1);
        parts.filter_map(|part| Some(part.split_once('>')?.0.to_owned())).collect()
    }
}
