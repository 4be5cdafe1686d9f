//! A real PostgreSQL for tests: in a temporary folder of its own, on a free port and a Unix socket.
//!
//! [`PostgresServer::shared`] is started once per test program; each test takes a [`PostgresServer::fresh_database`].
//! A guardian process looks after the server: when the pipe to the test program closes, however the program ended, it
//! stops the server and removes the folder. The server cannot run as root, so root has the user `postgres` run it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

/// The password of the user `postgres` over TCP; over the socket there is none.
const PASSWORD: &str = "a password with spaces";
/// The same within a URL.
const PASSWORD_IN_URL: &str = "a%20password%20with%20spaces";

/// Makes a server, then does what it is told line by line: `restart` kills and starts it, `freeze` has all its processes
/// stand still until `thaw`, `stop` and `start` as they say. Answers each with a line.
const GUARDIAN: &str = r#"
set -eu
PATH="$1:$PATH"; port=$2; password=$3; extra=$4
cd /
folder=$(mktemp -d -t palabre-postgres-XXXXXX)
signal() {
  if postmaster=$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null); then
    # Children may end meanwhile.
    kill -s "$1" $postmaster $(cat /proc/$postmaster/task/$postmaster/children 2>/dev/null) 2>/dev/null || true
  fi
}
stop() { signal CONT; pg_ctl -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; }
trap 'stop; rm -rf "$folder"' EXIT
printf '%s' "$password" > "$folder/password"
initdb -D "$folder/data" -U postgres --pwfile="$folder/password" --auth-local=trust --auth-host=scram-sha-256 \
       --no-sync --no-instructions -E UTF8 --locale=C >"$folder/initdb" 2>&1 || { cat "$folder/initdb" >&2; exit 1; }
options="-c port=$port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder -c max_connections=300 $extra"
start() { pg_ctl -D "$folder/data" -l "$folder/log" -w -t 60 -o "$options" start >/dev/null || { cat "$folder/log" >&2; exit 1; }; }
tls() {
  key() { openssl req "$@" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes 2>/dev/null; }
  cd "$folder"
  key -x509 -keyout ca.key -out ca.crt -subj "/CN=Test CA" -days 2
  key -new -keyout server.key -out server.csr -subj /CN=localhost
  echo subjectAltName=DNS:localhost >names
  openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out server.crt -extfile names \
          2>/dev/null
  printf "ssl = on\nssl_cert_file = '%s/server.crt'\nssl_key_file = '%s/server.key'\n" "$folder" "$folder" \
         >>data/postgresql.auto.conf
  pg_ctl -D data reload >/dev/null
}
start
echo "$folder"
while read -r order; do
  case $order in
    restart) stop; start;;
    stop) stop;;
    start) start;;
    tls) tls;;
    freeze) signal STOP;;
    thaw) signal CONT;;
  esac
  echo done
done
"#;

/// A running server. It is stopped, and its folder removed, when this is dropped or the program ends.
pub struct PostgresServer {
    folder: PathBuf,
    port: u16,
    /// Gone only while it is dropped.
    orders: Mutex<(Option<ChildStdin>, BufReader<ChildStdout>)>,
    guardian: Child,
}

impl PostgresServer {
    /// The server of this test program.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<PostgresServer> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a server of one's own, for tests that stop it.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// The same with further options, such as `-c fsync=off`.
    pub fn start_with(options: &str) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "bash"]);
            command
        } else {
            Command::new("bash")
        };
        command.args(["-c", GUARDIAN, "guardian"]).arg(programs()).args([&port.to_string(), PASSWORD, options]);
        // In a group of its own, so that an interrupt from the keyboard leaves it to clean up.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut guardian = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bash and runuser");
        let orders = guardian.stdin.take().unwrap();
        let mut answers = BufReader::new(guardian.stdout.take().unwrap());
        let mut folder = String::new();
        answers.read_line(&mut folder).unwrap();
        assert!(folder.ends_with('\n'), "PostgreSQL does not start; its reason is above");
        Self { folder: folder.trim_end().into(), port, orders: Mutex::new((Some(orders), answers)), guardian }
    }

    /// The URL of a new, empty database, over the Unix socket.
    pub fn fresh_database(&self) -> String {
        self.database_url(&self.make_database())
    }

    /// The URL of a new, empty database, over TCP with a password.
    pub fn fresh_database_over_tcp(&self) -> String {
        format!("postgres://postgres:{PASSWORD_IN_URL}@127.0.0.1:{}/{}", self.port, self.make_database())
    }

    /// The URL of a new, empty database, over TLS: the server is given a certificate, and the URL says who signed it.
    pub fn fresh_database_over_tls(&self) -> String {
        self.order("tls");
        let (ca, name) = (self.folder.join("ca.crt"), self.make_database());
        let base = format!("postgres://postgres:{PASSWORD_IN_URL}@localhost:{}/{name}", self.port);
        format!("{base}?sslmode=verify-full&sslrootcert={}", ca.display())
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder with `data` and the Unix socket.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// Kills the server as a crash would, and starts it again.
    pub fn restart(&self) {
        self.order("restart");
    }

    /// Kills the server as a crash would.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// Starts it after [`PostgresServer::stop`].
    pub fn start_again(&self) {
        self.order("start");
    }

    /// Makes the server silent: connections to it are taken up, by the system, and nothing is ever said on any.
    pub fn freeze(&self) {
        self.order("freeze");
    }

    /// Has it go on after [`PostgresServer::freeze`].
    pub fn thaw(&self) {
        self.order("thaw");
    }

    /// Runs SQL in the database of `url`, as a careless or malicious hand would, and answers what it says.
    pub fn sql(&self, url: &str, sql: &str) -> String {
        let database = url.rsplit('/').next().unwrap().split('?').next().unwrap();
        let output = Command::new(programs().join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", sql])
            .arg("-h")
            .arg(&self.folder)
            .args(["-p", &self.port.to_string()])
            .output()
            .expect("psql");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// A program that comes with the server, such as `pg_dump`.
    pub fn program(&self, name: &str) -> Command {
        Command::new(programs().join(name))
    }

    fn make_database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    fn database_url(&self, name: &str) -> String {
        let socket = self.folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://postgres@{socket}:{}/{name}", self.port)
    }

    fn order(&self, order: &str) {
        let (orders, answers) = &mut *self.orders.lock().unwrap();
        writeln!(orders.as_mut().unwrap(), "{order}").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "the guardian of PostgreSQL does what it is told");
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // The guardian reads the end of its orders, stops the server and removes the folder.
        drop(self.orders.get_mut().map(|(orders, _)| orders.take()));
        if let Err(error) = self.guardian.wait() {
            eprintln!("the guardian of PostgreSQL is gone: {error}");
        }
    }
}

/// The newest programs of the server, where Debian puts them.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let newest =
        versions.map(|entry| entry.path()).filter(|path| path.join("bin/initdb").is_file()).max_by_key(version);
    newest.expect("PostgreSQL is missing; scripts/install-test-needs installs it").join("bin")
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id");
    output.stdout.trim_ascii() == b"0"
}
