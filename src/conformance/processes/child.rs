use std::collections::VecDeque;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use standfast_core::conformance::Process;
use standfast_core::{BootInstant, Error, ErrorKind, Result};
use tokio::sync::{oneshot, watch};

use super::words::{Address, Answer, Refused, Request, Told, line, parse};

/// A process that has a store open and does with it what it is asked. It is killed and reaped when this is dropped.
pub(super) struct Child {
    pid: Pid,
    process: Mutex<std::process::Child>,
    stdin: Mutex<ChildStdin>,
    heard: Arc<Heard>,
    listener: Option<JoinHandle<()>>,
}

/// Gets what comes of a request.
type Asked = oneshot::Sender<Result<Answer, Refused>>;

/// What the process has said, and who waits for more.
struct Heard {
    /// None once it says nothing more.
    waiting: Mutex<Option<VecDeque<Asked>>>,
    validity: watch::Sender<BootInstant>,
}

impl Child {
    /// Starts it; the store is opened with the first request.
    pub(super) fn start(command: &mut std::process::Command, address: &Address) -> Result<Self> {
        let failed = |source| Error::new(ErrorKind::Unavailable, "start process").source(source);
        let mut process = command.spawn().map_err(failed)?;
        let pipes = (process.stdin.take(), process.stdout.take());
        let (Some(stdin), Some(stdout)) = pipes else {
            unreachable!("both are piped");
        };
        let heard = Arc::new(Heard {
            waiting: Mutex::new(Some(VecDeque::new())),
            validity: watch::Sender::new(BootInstant::NEVER),
        });
        let told = Arc::clone(&heard);
        let mut child = Self {
            pid: Pid::from_child(&process),
            process: Mutex::new(process),
            stdin: Mutex::new(stdin),
            heard,
            listener: None,
        };
        let listener = std::thread::Builder::new().name("process".into());
        let listener = listener.spawn(move || listen(stdout, &told));
        child.listener = Some(listener.map_err(failed)?);
        child.write(&line(address)?)?;
        Ok(child)
    }

    /// What comes of a request.
    ///
    /// # Errors
    /// Those of the store; `Indeterminate` when the process ends before it answers.
    ///
    /// # Cancel safety
    /// A call that is dropped ends the process: nothing else would take the request back.
    pub(super) async fn ask(&self, request: &Request) -> Result<Answer> {
        let mut asking = Asking(Some(self));
        let answer = self.send(request)?.await;
        asking.0 = None;
        let answer = answer.map_err(|_gone| ended())?;
        answer.map_err(Refused::error)
    }

    /// Makes a request; the receiver gets what comes of it.
    pub(super) fn send(
        &self,
        request: &Request,
    ) -> Result<oneshot::Receiver<Result<Answer, Refused>>> {
        let (answer, answered) = oneshot::channel();
        let line = line(request)?;
        let mut stdin = self.stdin.lock();
        let mut waiting = self.heard.waiting.lock();
        waiting.as_mut().ok_or_else(ended)?.push_back(answer);
        drop(waiting);
        stdin.write_all(&line).map_err(|_gone| ended())?;
        Ok(answered)
    }

    fn write(&self, line: &[u8]) -> Result<()> {
        let written = self.stdin.lock().write_all(line);
        written.map_err(|_gone| ended())
    }

    /// Until when it believes that it leads, as far as it has said.
    pub(super) fn validity(&self) -> watch::Receiver<BootInstant> {
        self.heard.validity.subscribe()
    }

    /// Kills it, frozen or not, and waits until it is gone.
    pub(super) fn end(&self) -> Result<()> {
        let mut process = self.process.lock();
        let killed = process.kill().and_then(|()| process.wait());
        killed.map_err(|source| self.failed("kill process").source(source))?;
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        // What is not reaped keeps its number.
        let mut process = self.process.lock();
        let gone = process.try_wait();
        let gone = gone.map_err(|source| self.failed("signal process").source(source))?;
        if let Some(status) = gone {
            let told = format!("it ended by itself: {status}");
            return Err(self.failed("signal process").context(told));
        }
        kill_process(self.pid, signal)
            .map_err(|source| self.failed("signal process").source(source))?;
        if signal == Signal::STOP {
            let still = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            waitid(WaitId::Pid(self.pid), still)
                .map_err(|source| self.failed("wait for process").source(source))?;
        }
        Ok(())
    }

    fn failed(&self, operation: &'static str) -> Error {
        Error::new(ErrorKind::Unavailable, operation).context(format!("{:?}", self.pid))
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Indeterminate, "ask process")
        .context("it ended before it answered: nobody knows what it did")
}

/// A request without an answer yet.
struct Asking<'a>(Option<&'a Child>);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.map(Child::end) {
            tracing::debug!(%error, "a process that nobody asks any more goes on");
        }
    }
}

/// Hands on what the process says, until it ends.
fn listen(stdout: ChildStdout, heard: &Heard) {
    for line in BufReader::new(stdout).lines() {
        match line.map_err(|_gone| ended()).and_then(|line| parse(&line)) {
            Ok(Told::Validity(nanos)) => {
                heard.validity.send_replace(BootInstant::from_nanos(nanos));
            }
            Ok(Told::Answer(answer)) => {
                let asked = heard.waiting.lock().as_mut().and_then(VecDeque::pop_front);
                // Whoever asked may have gone.
                drop(asked.map(|asked| asked.send(answer)));
            }
            Err(error) => {
                tracing::error!(%error, "a process says what nobody understands");
                break;
            }
        }
    }
    *heard.waiting.lock() = None;
}

#[async_trait]
impl Process for Child {
    async fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    async fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    async fn kill(&self) -> Result<()> {
        self.end()
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Child({:?})", self.pid)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "a process goes on");
            return;
        }
        if let Some(listener) = self.listener.take() {
            // It ends with the process; that it panicked was told.
            drop(listener.join());
        }
    }
}
