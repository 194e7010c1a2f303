use std::future::Future;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Does what may block its thread, as a writer of a log may on its disk: the other tasks of this worker go on elsewhere.
///
/// On a runtime of one thread there is no elsewhere: they wait.
///
/// # Cancel safety
/// It goes on to its end, though nobody waits for it any more.
pub(super) async fn may_block<T>(work: impl Future<Output = T>) -> T {
    let runtime = Handle::current();
    match runtime.runtime_flavor() {
        RuntimeFlavor::CurrentThread => work.await,
        _ => block_in_place(|| runtime.block_on(work)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn others_go_on_while_it_blocks() {
        let (sender, receiver) = channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(may_block(async move {
            receiver.recv_timeout(Duration::from_mins(1)).unwrap();
        }));
        tasks.spawn(async move { sender.send(()).unwrap() });
        tasks.join_all().await;
    }
}
