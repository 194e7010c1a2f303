use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use standfast::ports;

/// How often a segment is lost on a [`State::Lossy`] wire.
const LOSS: f64 = 0.3;
/// When a lost segment is first sent again: the least that Linux waits. It waits twice as long each further time.
const SENT_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What lies between a process and a port that it calls, and can be cut: a port of its own, whose connections go on to the
/// other.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) address: String,
    state: watch::Sender<State>,
    _carries: JoinSet<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Whole,
    /// Drops everything, as a pulled cable does: both ends keep their connections. What was sent comes late, when it is
    /// whole again.
    Silent,
    /// Refuses and resets, as a firewall does that rejects.
    Refusing,
    /// Loses three segments in ten, and those that are sent again too: what TCP makes of that, which is time.
    Lossy,
}

impl Wire {
    /// To `port`, `host:port`.
    pub(crate) fn to(port: &str) -> Self {
        let address = format!("127.0.0.1:{}", ports::reserve().unwrap());
        let state = watch::Sender::new(State::Whole);
        let mut carries = JoinSet::new();
        carries.spawn(serve(
            address.parse().unwrap(),
            port.to_owned(),
            state.subscribe(),
        ));
        Self {
            address,
            state,
            _carries: carries,
        }
    }

    pub(crate) fn turn(&self, state: State) {
        self.state.send_replace(state);
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(1024).unwrap()
}

async fn serve(address: SocketAddr, to: String, mut state: watch::Receiver<State>) {
    let handed_on = state.clone();
    loop {
        let listens = state.wait_for(|state| *state != State::Refusing);
        if listens.await.is_err() {
            return;
        }
        let listener = listen(address);
        let mut carried = JoinSet::new();
        loop {
            // All arms are cancel safe.
            tokio::select! {
                accepted = listener.accept() => {
                    let (from, _) = accepted.unwrap();
                    carried.spawn(carry(from, to.clone(), handed_on.clone()));
                }
                Some(_ended) = carried.join_next() => {}
                _refuses = state.wait_for(|state| *state == State::Refusing) => break,
            }
        }
    }
}

/// Carries one connection to its end.
async fn carry(from: TcpStream, to: String, mut state: watch::Receiver<State>) {
    // Whoever cuts this drops it: that is a reset, and no end.
    from.set_zero_linger().unwrap();
    passes(&mut state).await;
    let Ok(to) = TcpStream::connect(to).await else {
        return;
    };
    to.set_zero_linger().unwrap();
    for end in [&from, &to] {
        end.set_nodelay(true).unwrap();
    }
    let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
    let there = pump(from_read, to_write, state.clone());
    let back = pump(to_read, from_write, state);
    // Neither end goes on without the other: these are connections of gRPC.
    tokio::select! {
        () = there => {}
        () = back => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let mut random = StdRng::from_rng(&mut rand::rng());
    let mut bytes = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut bytes).await;
        passes(&mut state).await;
        let count = read.unwrap_or_default();
        if count == 0 {
            return;
        }
        if *state.borrow() == State::Lossy {
            sent_again(&mut random).await;
            passes(&mut state).await;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// Waits while nothing is let through. A wire that refuses is dropped with all that it carries.
async fn passes(state: &mut watch::Receiver<State>) {
    let passes = |state: &State| matches!(state, State::Whole | State::Lossy);
    drop(state.wait_for(passes).await);
}

/// What is sent at once arrives when its last segment does; one that was lost before the last is noticed without delay.
async fn sent_again(random: &mut StdRng) {
    let mut after = SENT_AGAIN_AFTER;
    while random.random_bool(LOSS) {
        tokio::time::sleep(after).await;
        after *= 2;
    }
}
