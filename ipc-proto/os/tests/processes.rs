//! Servers in several processes on one path.
//!
//! This program is the test and, told a path by the environment, one of the servers: it says `ready`, waits for a
//! line, tries to listen, says what came of it, and stays until its input ends.

use std::{
    env, io,
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio},
};

use libtest_mimic::{Arguments, Trial};

const PATH: &str = "IPC_OS_TEST_PATH";

fn main() -> ExitCode {
    if let Ok(path) = env::var(PATH) {
        serve(&path);
        return ExitCode::SUCCESS;
    }
    let trials = if cfg!(unix) {
        vec![
            Trial::test("of_processes_that_start_at_once_exactly_one_wins", start_at_once),
            Trial::test("the_socket_of_a_killed_process_is_replaced", killed),
        ]
    } else {
        Vec::new()
    };
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

#[cfg(unix)]
fn serve(path: &str) {
    use ipc_proto::{Config, Dialect};

    println!("ready");
    wait_for_line();
    let result = ipc_os::bind_local(path, &Config::default().dialect(Dialect::Classic));
    match &result {
        Ok(_) => println!("won"),
        Err(error) => println!("{}", error.code()),
    }
    wait_for_line();
    drop(result);
}

#[cfg(not(unix))]
fn serve(_path: &str) {}

#[cfg(unix)]
fn wait_for_line() {
    io::stdin().read_line(&mut String::new()).expect("the test writes lines or ends");
}

/// A server in a process of its own.
struct Server {
    child: Child,
    input: ChildStdin,
    output: io::BufReader<ChildStdout>,
}

impl Server {
    fn new(path: &str) -> io::Result<Self> {
        let mut child =
            Command::new(env::current_exe()?).env(PATH, path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().expect("piped");
        let output = io::BufReader::new(child.stdout.take().expect("piped"));
        let mut server = Self { child, input, output };
        assert_eq!(server.line()?, "ready");
        Ok(server)
    }

    fn start(&mut self) -> io::Result<()> {
        io::Write::write_all(&mut self.input, b"\n")
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        io::BufRead::read_line(&mut self.output, &mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Ends its input, and waits until it is gone.
    fn stop(self) -> io::Result<bool> {
        let Self { mut child, input, output } = self;
        drop((input, output));
        Ok(child.wait()?.success())
    }
}

impl Server {
    fn outcome(&mut self) -> io::Result<String> {
        self.start()?;
        self.line()
    }
}

fn start_at_once() -> Result<(), libtest_mimic::Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("app.w");
    let text = path.to_str().expect("a temporary folder has a plain name");
    let mut servers = (0..6).map(|_| Server::new(text)).collect::<io::Result<Vec<_>>>()?;
    for server in &mut servers {
        server.start()?;
    }
    let mut outcomes = servers.iter_mut().map(Server::line).collect::<io::Result<Vec<_>>>()?;
    outcomes.sort();
    assert_eq!(outcomes, ["EADDRINUSE", "EADDRINUSE", "EADDRINUSE", "EADDRINUSE", "EADDRINUSE", "won"]);
    assert!(path.exists());
    for server in servers {
        assert!(server.stop()?);
    }
    assert!(!path.exists());
    Ok(())
}

fn killed() -> Result<(), libtest_mimic::Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("app.w");
    let text = path.to_str().expect("a temporary folder has a plain name");
    let mut first = Server::new(text)?;
    assert_eq!(first.outcome()?, "won");
    first.child.kill()?;
    assert!(!first.stop()?);
    assert!(path.exists());
    let mut second = Server::new(text)?;
    assert_eq!(second.outcome()?, "won");
    assert!(second.stop()?);
    assert!(!path.exists());
    Ok(())
}
