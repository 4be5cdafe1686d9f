//! A real Redis for tests: Debian's `redis-server`, in a temporary folder, on a free port of this machine.
//!
//! A guardian process looks after it: when the pipe to the test program closes, however the program ended, it kills the
//! server and removes the folder.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

/// Starts a server, then does what it is told line by line, and answers each with a line. `start` answers only when the
/// server does, this very one: another may have taken the port meanwhile, and then this one ends.
const GUARDIAN: &str = r#"
set -eu
port=$1
folder=$(mktemp -d -t palabre-redis-XXXXXX)
server=
cli() { timeout 10 redis-cli -p "$port" "$@"; }
start() {
  redis-server --port "$port" --bind 127.0.0.1 --dir "$folder" --save "" --appendonly no --daemonize no \
               --logfile "$folder/log" >/dev/null & server=$!
  until cli info server 2>/dev/null | tr -d '\r' | grep -qx "process_id:$server"; do
    kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
  done
}
stop() { [ -z "$server" ] || { kill -KILL "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; server=; }; }
trap 'stop; rm -rf "$folder"' EXIT
start
echo started
while read -r order; do
  case $order in
    start) start;;
    kill) stop;;
    pause) kill -STOP "$server";;
    resume) kill -CONT "$server";;
    *) cli $order >/dev/null;;
  esac
  echo done
done
"#;

/// A running server. It is killed, and its folder removed, when this is dropped or the program ends.
pub struct RedisServer {
    port: u16,
    /// Gone only while it is dropped.
    orders: Mutex<(Option<ChildStdin>, BufReader<ChildStdout>)>,
    guardian: Child,
}

/// How many ports are tried: somebody else may take one between choosing and using it.
const STARTS_MAX: usize = 3;

impl RedisServer {
    /// Starts a server.
    pub fn start() -> Self {
        let started = (0..STARTS_MAX).find_map(|_| Self::try_to_start());
        started.expect("redis-server starts; scripts/install-test-needs installs it")
    }

    fn try_to_start() -> Option<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new("bash");
        command.args(["-c", GUARDIAN, "guardian", &port.to_string()]);
        // In a group of its own, so that an interrupt from the keyboard leaves it to clean up.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut guardian = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bash");
        let orders = guardian.stdin.take().unwrap();
        let mut answers = BufReader::new(guardian.stdout.take().unwrap());
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        if answer != "started\n" {
            guardian.wait().unwrap();
            return None;
        }
        Some(Self { port, orders: Mutex::new((Some(orders), answers)), guardian })
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Starts it after [`RedisServer::kill`]: another one on the same port, which knows nothing.
    pub fn start_again(&self) {
        self.order("start");
    }

    /// Stops its process where it stands: it keeps its connections and answers nothing.
    pub fn pause(&self) {
        self.order("pause");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.order("resume");
    }

    /// Gives a command, such as `FLUSHALL` or `CLIENT KILL TYPE pubsub`.
    pub fn command(&self, command: &str) {
        self.order(command);
    }

    fn order(&self, order: &str) {
        let (orders, answers) = &mut *self.orders.lock().unwrap();
        writeln!(orders.as_mut().unwrap(), "{order}").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "the guardian of Redis does what it is told");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // The guardian reads the end of its orders, kills the server and removes the folder.
        drop(self.orders.get_mut().map(|(orders, _)| orders.take()));
        if let Err(error) = self.guardian.wait() {
            eprintln!("the guardian of Redis is gone: {error}");
        }
    }
}
