use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

/// Unmounts when this process was killed. A process whose thread waits for a file system that the same process serves
/// cannot even die before that.
///
/// A shell that is told by the kernel when the thread that started it is gone; so that thread is one that does nothing
/// else, and on no disk.
#[derive(Debug)]
pub(super) struct Janitor {
    go: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Janitor {
    pub(super) fn watch(mount: &Path) -> Self {
        let mount = mount.to_owned();
        let (go, stop) = channel::<()>();
        let (started, starts) = channel();
        let thread = std::thread::spawn(move || {
            let mut shell = start(&mount);
            started.send(()).unwrap();
            // Ends when the sender is dropped.
            assert!(stop.recv().is_err());
            shell.kill().unwrap();
            shell.wait().unwrap();
        });
        starts.recv().unwrap();
        Self {
            go: Some(go),
            thread: Some(thread),
        }
    }
}

fn start(mount: &Path) -> Child {
    use std::os::unix::process::CommandExt;

    let script = "trap 'umount -f -l \"$0\"; rmdir \"$0\"; exit' TERM; while :; do sleep 1; done";
    Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "sh", "-c", script])
        .arg(mount)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("`setpriv` of util-linux is installed")
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.go.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
