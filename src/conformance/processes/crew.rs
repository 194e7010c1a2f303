use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use standfast_core::{Error, ErrorKind, Result};

use super::child::Child;
use super::words::Address;

/// How the suite starts processes, which it freezes and kills: a program that calls [`super::attend`] with the registry of
/// the suite.
#[derive(Clone, Debug)]
pub struct Processes {
    program: PathBuf,
    arguments: Vec<OsString>,
    started: Arc<Mutex<Started>>,
}

#[derive(Debug, Default)]
struct Started {
    children: Vec<Weak<Child>>,
    /// No more are started.
    closed: bool,
}

impl Processes {
    /// The program, and the arguments with which it attends.
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            started: Arc::default(),
        }
    }

    fn start(&self, address: &Address) -> Result<Arc<Child>> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // Held, so that none is started while all are ended.
        let mut started = self.started.lock();
        if started.closed {
            let told = "the suite was told to stop";
            return Err(Error::new(ErrorKind::Cancelled, "start process").context(told));
        }
        let child = Arc::new(Child::start(&mut command, address)?);
        started.children.retain(|child| child.strong_count() > 0);
        started.children.push(Arc::downgrade(&child));
        Ok(child)
    }

    /// Kills all that run, and starts no more.
    ///
    /// # Errors
    /// The first that cannot be killed; the others are.
    pub(in crate::conformance) fn close(&self) -> Result<()> {
        let mut started = self.started.lock();
        started.closed = true;
        end(&started.children)
    }
}

fn end(children: &[Weak<Child>]) -> Result<()> {
    let mut result = Ok(());
    for child in children.iter().filter_map(Weak::upgrade) {
        let ended = child.end();
        result = result.and(ended);
    }
    result
}

/// The processes of one space.
#[derive(Debug)]
pub(in crate::conformance) struct Crew {
    processes: Option<Processes>,
    children: Mutex<Vec<Weak<Child>>>,
}

impl Crew {
    /// None can be started without `processes`.
    pub(in crate::conformance) fn new(processes: Option<Processes>) -> Self {
        Self {
            processes,
            children: Mutex::default(),
        }
    }

    /// Another process, if there can be one.
    pub(super) fn start(&self, address: &Address) -> Result<Option<Arc<Child>>> {
        let Some(processes) = &self.processes else {
            return Ok(None);
        };
        let child = processes.start(address)?;
        self.children.lock().push(Arc::downgrade(&child));
        Ok(Some(child))
    }

    /// Kills those that are left: a case that hangs or panics may have some.
    ///
    /// # Errors
    /// The first that cannot be killed; the others are.
    pub(in crate::conformance) fn end(&self) -> Result<()> {
        end(&self.children.lock())
    }
}
