use std::time::Duration;

/// How long something is waited for that nobody can await.
const PATIENCE: Duration = Duration::from_millis(200);

/// Does disk work for a `drop`, and waits for it a little.
pub(super) fn briefly(name: &str, work: impl FnOnce() + Send + 'static) {
    let (alive, ended) = std::sync::mpsc::channel::<()>();
    let spawned = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let _alive = alive;
            work();
        });
    match spawned {
        Ok(_left_to_itself) => drop(ended.recv_timeout(PATIENCE)),
        Err(error) => tracing::debug!(%error, name, "cannot start a thread"),
    }
}
