use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use standfast::ports;

/// How often a segment is lost on a [`State::Lossy`] wire.
const LOSS: f64 = 0.3;
/// So many bytes are carried, or held, at once.
const AT_ONCE: usize = 1 << 20;
/// When a lost segment is first sent again: the least that Linux waits. It waits twice as long each further time.
const SENT_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What lies between a process and a port that it calls, and can be cut: a port of its own, whose connections go on to the
/// other.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) address: String,
    ends: Ends,
    _carries: JoinSet<()>,
}

/// What a wire and its connections know of each other.
#[derive(Clone, Debug)]
struct Ends {
    state: watch::Sender<State>,
    /// How many bytes are held, of the connection that has most of them.
    held: watch::Sender<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Whole,
    /// Drops everything, as a pulled cable does: both ends keep their connections. What was sent comes late, when it is
    /// whole again.
    Silent,
    /// Drops what is sent, and lets through what comes back.
    Mute,
    /// Refuses and resets, as a firewall does that rejects.
    Refusing,
    /// Loses three segments in ten, and those that are sent again too: what TCP makes of that, which is time.
    Lossy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

impl State {
    fn passes(self, way: Way) -> bool {
        match self {
            Self::Whole | Self::Lossy => true,
            Self::Mute => way == Way::Back,
            Self::Silent | Self::Refusing => false,
        }
    }
}

impl Wire {
    /// To `port`, `host:port`.
    pub(crate) fn to(port: &str) -> Self {
        let address = format!("127.0.0.1:{}", ports::reserve().unwrap());
        let ends = Ends {
            state: watch::Sender::new(State::Whole),
            held: watch::Sender::new(0),
        };
        let mut carries = JoinSet::new();
        let listens = address.parse().unwrap();
        carries.spawn(serve(listens, port.to_owned(), ends.clone()));
        Self {
            address,
            ends,
            _carries: carries,
        }
    }

    pub(crate) fn turn(&self, state: State) {
        self.ends.held.send_replace(0);
        self.ends.state.send_replace(state);
    }

    /// How many bytes are held, of the connection that has most of them.
    pub(crate) fn held(&self) -> usize {
        *self.ends.held.borrow()
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(1024).unwrap()
}

/// Goes with its wire.
async fn serve(address: SocketAddr, to: String, ends: Ends) {
    let mut state = ends.state.subscribe();
    loop {
        drop(state.wait_for(|state| *state != State::Refusing).await);
        let listener = listen(address);
        let mut carried = JoinSet::new();
        loop {
            // All arms are cancel safe.
            tokio::select! {
                accepted = listener.accept() => {
                    let (from, _) = accepted.unwrap();
                    carried.spawn(carry(from, to.clone(), ends.clone()));
                }
                Some(_ended) = carried.join_next() => {}
                _refuses = state.wait_for(|state| *state == State::Refusing) => break,
            }
        }
        drop(listener);
        carried.join_all().await;
    }
}

/// Carries one connection to its end.
async fn carry(mut from: TcpStream, to: String, ends: Ends) {
    let mut state = ends.state.subscribe();
    drop(state.wait_for(|state| state.passes(Way::There)).await);
    let Ok(mut to) = TcpStream::connect(to).await else {
        return;
    };
    for end in [&from, &to] {
        end.set_nodelay(true).unwrap();
    }
    let refuses = {
        let (from_read, from_write) = from.split();
        let (to_read, to_write) = to.split();
        // Neither end goes on without the other: these are connections of gRPC. All are dropped with them.
        tokio::select! {
            () = ends.pump(from_read, to_write, Way::There) => false,
            () = ends.pump(to_read, from_write, Way::Back) => false,
            () = ends.refuse() => true,
        }
    };
    if refuses {
        // That is a reset, and no end.
        from.set_zero_linger().unwrap();
        to.set_zero_linger().unwrap();
    }
}

impl Ends {
    async fn pump(&self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, way: Way) {
        let mut random = StdRng::from_rng(&mut rand::rng());
        let mut bytes = BytesMut::with_capacity(AT_ONCE);
        loop {
            let mut ended = from.read_buf(&mut bytes).await.unwrap_or_default() == 0;
            if *self.state.borrow() == State::Lossy {
                sent_again(&mut random).await;
            }
            ended |= self.hold(&mut from, &mut bytes, way).await;
            if to.write_all(&bytes.split()).await.is_err() || ended {
                return;
            }
            bytes.reserve(AT_ONCE);
        }
    }

    /// Reads on while nothing is let through. Whether that was all.
    async fn hold(&self, from: &mut ReadHalf<'_>, bytes: &mut BytesMut, way: Way) -> bool {
        let mut state = self.state.subscribe();
        let mut ended = false;
        while !state.borrow_and_update().passes(way) {
            if way == Way::There {
                self.held.send_modify(|held| *held = bytes.len().max(*held));
            }
            // Both arms are cancel safe.
            tokio::select! {
                changed = state.changed() => if changed.is_err() {
                    return true;
                },
                read = from.read_buf(bytes), if !ended && bytes.len() < AT_ONCE => {
                    ended = read.unwrap_or_default() == 0;
                }
            }
        }
        ended
    }

    async fn refuse(&self) {
        let mut state = self.state.subscribe();
        drop(state.wait_for(|state| *state == State::Refusing).await);
    }
}

/// What is sent at once arrives when its last segment does; one that was lost before the last is noticed without delay.
async fn sent_again(random: &mut StdRng) {
    let mut after = SENT_AGAIN_AFTER;
    while random.random_bool(LOSS) {
        tokio::time::sleep(after).await;
        after *= 2;
    }
}
