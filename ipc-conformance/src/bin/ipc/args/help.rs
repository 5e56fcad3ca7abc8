//! The texts behind `--help` that options do not have.

pub(super) const ENDPOINTS: &str = "\
Endpoints:
  world                 an id: by default the socket app.world in
                        $XDG_RUNTIME_DIR/node-ipc/ (modern) or /tmp/ (classic);
                        clients look at both
  unix:PATH             a Unix socket
  abstract:NAME         a Linux socket without a file
  pipe:NAME             a Windows named pipe, \\\\.\\pipe\\NAME
  tcp:HOST:PORT         TCP; port 0 lets the system pick, the start line says
  tls:HOST:PORT         TLS: servers need --key and --cert, clients --ca for
                        certificates that the system does not trust
  udp4:HOST:PORT        UDP over IPv4: both ends are servers, and a peer is who
  udp6:HOST:PORT        sends a datagram; there is no connect and no disconnect

Exit codes: 0 done, 1 failed, 2 bad usage, 3 timed out.";

pub(super) const EXAMPLES: &str = "\
Examples:
  ipc demo                                      see it work
  ipc serve world --echo                        answer everything that comes
  ipc emit world message '\"hello\"'              say one thing
  ipc connect world                             type `message \"hello\"`, see the answers";

pub(super) const SERVE_EXAMPLES: &str = "\
Examples:
  ipc serve                                     as `world`, print what comes
  ipc serve world --both-paths                  found by node-ipc 9-12 and by node-ipc 14
  ipc serve unix:/tmp/x.sock --echo --quiet     a fast echo server
  ipc serve tcp:127.0.0.1:0 --json              the port is in the first line
  ipc serve tls:127.0.0.1:8000 --key key.pem --cert cert.pem
  ipc serve udp4:127.0.0.1:8000                 peers are numbered as they speak
  ipc serve world --on ping=pong                answer `ping` with `pong` and the same data
  ipc serve world --profile raw --encoding hex  bytes instead of events";

pub(super) const CONNECT_EXAMPLES: &str = "\
Each line of standard input is one event: its type up to the first space,
then its data as JSON. A type with spaces is written as a JSON string. Without
data `{}` is sent. Blank lines are ignored. A line that cannot be sent is
reported and skipped, and the exit code is 1 in the end. With --profile raw a
line is text, which becomes bytes by --encoding.

At the end of input it waits until everything is written, and leaves when no
message has come for 200 ms. Over UDP it speaks from a port that the system
picks, and hears only the address that it speaks to; nothing says whether
anybody is there.

Examples:
  echo 'message \"hello\"' | ipc connect world    emit, print what comes back, leave
  ipc connect world --stay </dev/null           listen only
  ipc connect tcp:127.0.0.1:8000 --json         one JSON object per line, for programs
  ipc connect tls:localhost:8000 --ca ca.pem    verified by an authority of your own
  ipc connect udp4:127.0.0.1:8000               speak first to a UDP server
  printf '%s\\n' '\"my type\" [1,2]' ping | ipc connect world";

pub(super) const EMIT_EXAMPLES: &str = "\
Succeeds when the system has taken all bytes. Whether the peer read them only
an answer can tell: see request and connect. What is too large for a UDP
datagram is EMSGSIZE, and the exit code is 1.

Examples:
  ipc emit world message '{\"text\":\"hello\"}'
  ipc emit world ping                           no data: {} is sent
  ipc emit tcp:127.0.0.1:8000 message 5 --timeout 500ms
  ipc emit udp4:127.0.0.1:8000 message 5        one datagram
  ipc emit world 68656c6c6f --profile raw --encoding hex";

pub(super) const REQUEST_EXAMPLES: &str = "\
The data carries a number, and the answer of type `reply` brings it back. With
--sync nothing is added, and the next message is the answer, whatever its type:
any server of node-ipc that answers will do; UDP has no such mode. An answer
that is an error goes to stderr, and the exit code is 1.

Examples:
  ipc request world sum '[1,2]'
  ipc request world sum '[1,2]' --timeout 500ms --json
  ipc request world ping --sync";

pub(super) const RECORD_EXAMPLES: &str = "\
Ends on SIGINT or SIGTERM. Each line is in the file before its bytes go on. Of
TLS, which ends here and begins anew, it has the bytes inside; of UDP, a line for
each datagram, and a number for each who sends.

Examples:
  ipc record --listen unix:/tmp/tap.sock --to world talk.jsonl
  ipc record --listen tcp:127.0.0.1:0 --to tcp:127.0.0.1:8000 talk.jsonl --json";

pub(super) const REPLAY_EXAMPLES: &str = "\
Examples:
  ipc replay talk.jsonl
  ipc replay talk.jsonl --json
  ipc replay talk.jsonl --profile raw";

pub(super) const DEMO_EXAMPLES: &str = "\
With IPC_NODE_DIR set to a folder that ipc-conformance/node/install.sh has
filled, and node on the PATH, real node-ipc servers and clients take part.

Examples:
  ipc demo
  IPC_NODE_DIR=~/.cache/ipc-node ipc demo";

pub(super) const CHECK_EXAMPLES: &str = "\
Without --corpus, --receive and --lifecycle, the recordings in this program are
replayed; each of the three adds data of its own instead. Every case passes,
differs by design, is skipped with a reason, or fails. With --json, or
--verbose, each is a line; otherwise failures only, then the counts.

Captures and receive cases go through the protocol's core alone, cut in several
ways; lifecycle scenarios run over real sockets. With --runtime, captures and
receive cases are given to that runtime over real sockets as well; the built-in
captures and scenarios are, on every runtime of this build. Where IPC_NODE_DIR
names a folder with node-ipc, as for the demo, the built-in check talks to it.

At the end the counts are shown by version, transport and mode. --html writes
them to a page, with each failed conversation as a timeline of bytes and events.

Exit codes: 0 nothing failed; 1 something did; 2 the data cannot be read, or has
no case: the file and the place in it are named. What is of the documented form
but of an unknown kind is skipped, with its reason.

Examples:
  ipc check
  ipc check --verbose
  ipc check --corpus captures/ --json
  ipc check --receive receive_cases.json --runtime all --html failures.html
  ipc check --json --command node ipc-conformance/node/runner.mjs --version 14";
