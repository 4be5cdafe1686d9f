//! Every way in and out of the shell, one test each, around real conversations and a model of the log.

mod batch;
mod conflict;
mod known;
mod load;
mod stop;

use super::*;
use crate::conversation::{Conversation, ConversationCommand, ConversationRejection};
use crate::log::{Append, AppendFailure, AppendItem, Fingerprint, FirstAnswer, ItemAnswer, KeyedCommand};
use crate::testing::*;
use crate::{Actor, CommandKey, NewEvent, StreamId};
use uuid::Uuid;

type Command = ConversationCommand;
type Outputs = Vec<Output<ConversationRejection>>;

/// The shell around Anna's and Dora's conversation, and the log beneath it.
struct Stage {
    shell: Shell<Conversation>,
    log: ModelLog,
}

fn stream() -> StreamId {
    talk_with(ANNA).into()
}

fn submission(command: Command, by: Actor, key: Option<KeyedCommand>) -> Box<Submission<Command>> {
    Box::new(Submission {
        command,
        by,
        key,
        command_id: Uuid::from_u128(0x1000),
        correlation_id: Uuid::from_u128(0x2000),
        causation_id: None,
        traceparent: None,
        now: now(),
    })
}

fn say() -> Command {
    Command::PostMessage { text: posted(ANNA).text, in_reply_to: None }
}

fn retract(message: u64) -> Command {
    Command::RetractMessage { message }
}

fn open() -> Command {
    Command::Open(Box::new(opened()))
}

fn keyed(key: CommandKey, body: u8) -> KeyedCommand {
    KeyedCommand { account: ANNA, key, fingerprint: Fingerprint([body; 16]) }
}

fn input(ticket: u64, command: Command) -> Input<Command> {
    Input::Command(ticket, submission(command, by(ANNA), None))
}

fn input_keyed(ticket: u64, command: Command, key: KeyedCommand) -> Input<Command> {
    Input::Command(ticket, submission(command, by(ANNA), Some(key)))
}

impl Stage {
    /// Nothing was opened yet, and the shell sleeps.
    fn empty() -> Self {
        Self { shell: Shell::new(stream()), log: ModelLog::default() }
    }

    /// The conversation is open and holds one message (version 2) of Anna's; the shell is awake.
    fn awake() -> Self {
        let mut stage = Self::empty();
        stage.elsewhere(open(), None);
        stage.elsewhere(say(), None);
        let (_, outputs) = stage.shell.look();
        assert!(stage.run(outputs).is_empty());
        assert_eq!(stage.version(), 2);
        stage
    }

    fn version(&self) -> u64 {
        self.shell.settled().expect("nothing is in flight").1
    }

    fn page(&self, after_version: u64) -> Input<Command> {
        Input::Loaded(Some(self.log.read(stream(), after_version, 100)))
    }

    /// Another node decides and commits a command on the same log.
    fn elsewhere(&mut self, command: Command, key: Option<KeyedCommand>) {
        let mut other = Self { shell: Shell::new(stream()), log: std::mem::take(&mut self.log) };
        let outputs = other.shell.handle(Input::Command(0, submission(command, by(ANNA), key)));
        let answers = other.run(outputs);
        assert!(matches!(answers[..], [(0, Answer::Committed(_))]), "{answers:?}");
        self.log = other.log;
    }

    /// Carries out everything at once, and says what was answered.
    fn run(&mut self, outputs: Outputs) -> Vec<(u64, Answer<ConversationRejection>)> {
        let mut answers = Vec::new();
        let mut todo = std::collections::VecDeque::from(outputs);
        while let Some(output) = todo.pop_front() {
            let input = match output {
                Output::Load { after_version } => self.page(after_version),
                Output::Append(append) => Input::Appended(Ok(self.log.append(&append, now()))),
                Output::LookUp(ticket, key) => Input::LookedUp(ticket, Ok(self.log.first_answer(&key))),
                Output::Reply(ticket, answer) => {
                    answers.push((ticket, answer));
                    continue;
                }
                Output::Publish(..) => continue,
                Output::Stop(reason) => panic!("stopped: {reason:?}"),
            };
            todo.extend(self.shell.handle(input));
        }
        answers
    }
}

/// The append among `outputs`, of which it is the last and only.
#[track_caller]
fn the_append(mut outputs: Outputs) -> Append {
    match (outputs.pop(), outputs.is_empty()) {
        (Some(Output::Append(append)), true) => append,
        (last, _) => panic!("expected one append, not {outputs:?} and {last:?}"),
    }
}

#[track_caller]
fn loads_after(outputs: &Outputs, version: u64) {
    assert!(matches!(outputs[..], [Output::Load { after_version }] if after_version == version), "{outputs:?}");
}

/// The tickets that were answered, each with a word for its answer.
fn replies(outputs: &Outputs) -> Vec<(u64, &'static str)> {
    let word = |output: &Output<ConversationRejection>| match output {
        Output::Reply(ticket, answer) => Some((*ticket, word(answer))),
        _ => None,
    };
    outputs.iter().filter_map(word).collect()
}

fn word<R>(answer: &Answer<R>) -> &'static str {
    match answer {
        Answer::Committed(_) => "committed",
        Answer::Unchanged { .. } => "unchanged",
        Answer::Duplicate(_) => "duplicate",
        Answer::KeyReused => "key reused",
        Answer::Rejected(_) => "rejected",
        Answer::Busy => "busy",
        Answer::Unavailable => "unavailable",
    }
}

fn words(answers: &[(u64, Answer<ConversationRejection>)]) -> Vec<(u64, &'static str)> {
    answers.iter().map(|(ticket, answer)| (*ticket, word(answer))).collect()
}
