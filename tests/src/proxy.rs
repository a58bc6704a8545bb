//! A TCP proxy with faults, for the connection between the application and a store's server. It
//! owns what a network does to bytes, and knows nothing of what they mean.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// How long a dripping connection waits before each byte: at this pace no answer of any server is
/// whole within a session store's deadline.
const DRIP: Duration = Duration::from_millis(250);

/// How late everything is on a slow network, each way.
const LATE: Duration = Duration::from_millis(5);

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Passes everything on.
    Pass,
    /// Passes everything on, a little later.
    Slow,
    /// Accepts connections and bytes, and holds them back; what was held arrives late, once the
    /// weather changes.
    BlackHole,
    /// Passes a byte at a time, slowly.
    Drip,
    /// The server's side of every connection is closed, the client's stays open: the client may
    /// write, and is never answered.
    HalfClose,
    /// Breaks every connection, and each new one at once.
    Drop,
}

/// A proxy on a port of its own, in tasks of the runtime that started it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: Arc<watch::Sender<Weather>>,
    /// Changes with each cut.
    cuts: Arc<watch::Sender<u64>>,
    clients: Clients,
    accepting: tokio::task::JoinHandle<()>,
}

/// The clients of a proxy, who live until they have sent so many bytes.
#[derive(Clone, Debug)]
struct Clients {
    /// The number of bytes that still pass.
    left: Arc<Mutex<usize>>,
    /// True once the server has dealt with everything that has passed.
    dead: Arc<watch::Sender<bool>>,
}

impl Clients {
    fn immortal() -> Self {
        Self { left: Arc::new(Mutex::new(usize::MAX)), dead: Arc::new(watch::Sender::new(false)) }
    }

    fn left(&self) -> MutexGuard<'_, usize> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many of so many bytes pass.
    fn send(&self, bytes: usize) -> usize {
        let mut left = self.left();
        let passed = bytes.min(*left);
        *left -= passed;
        passed
    }
}

impl Proxy {
    /// Passes connections on to `target`.
    ///
    /// # Panics
    ///
    /// If the machine has no loopback port to give.
    pub async fn start(target: SocketAddr) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let weather = Arc::new(watch::Sender::new(Weather::Pass));
        let cuts = Arc::new(watch::Sender::new(0));
        let (weather_now, cuts_now) = (Arc::clone(&weather), Arc::clone(&cuts));
        let clients = Clients::immortal();
        let clients_now = clients.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (weather, mut cut) = (weather_now.subscribe(), cuts_now.subscribe());
                let clients = clients_now.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        () = connection(client, target, weather, clients) => {}
                        // An error: the proxy itself is gone.
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { address, weather, cuts, clients, accepting }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, for connections that are open too.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Breaks the connections that there are, whatever is under way on them; new ones pass.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Lets the clients send so many bytes more, and no others: what they have sent until then
    /// arrives, as of processes that die.
    pub fn die_after(&self, bytes: usize) {
        *self.clients.left() = bytes;
    }

    /// Waits until the clients are dead, and the server has dealt with everything that arrived.
    pub async fn dead(&self) {
        // An error is not possible: this proxy has the sender.
        let _ = self.clients.dead.subscribe().wait_for(|dead| *dead).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn connection(
    client: TcpStream,
    target: SocketAddr,
    mut weather: watch::Receiver<Weather>,
    clients: Clients,
) {
    // A server whose network is down is not even reached.
    if weather.wait_for(|it| *it != Weather::BlackHole).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else { return };
    for socket in [&client, &server] {
        // Latency alone; without it a test is slower.
        let _ = socket.set_nodelay(true);
    }
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let broken = {
        let mut weather = weather.clone();
        async move {
            // An error: the proxy itself is gone.
            let _ = weather.wait_for(|it| *it == Weather::Drop).await;
        }
    };
    let both = async {
        tokio::join!(
            pass(from_client, to_server, weather.clone(), Some(&clients)),
            pass(from_server, to_client, weather.clone(), None),
        )
    };
    tokio::select! {
        () = broken => {}
        (sent, _) = both => {
            if matches!(sent, Ok(Sent::Part)) {
                clients.dead.send_replace(true);
            }
        }
    }
}

/// What has passed in one direction of a connection.
enum Sent {
    All,
    /// Not what the client sent after it was to die.
    Part,
}

/// One direction of a connection, until either end closes it: the way of the clients, or of answers.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    clients: Option<&Clients>,
) -> io::Result<Sent> {
    let answers = clients.is_none();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let half_closed = answers && *weather.borrow_and_update() == Weather::HalfClose;
        if half_closed {
            to.shutdown().await?;
            // What the server still says goes nowhere, until the client closes too.
            while from.read(&mut buffer).await? > 0 {}
            return Ok(Sent::All);
        }
        let read = tokio::select! {
            read = from.read(&mut buffer) => read?,
            _ = weather.changed(), if answers => continue,
        };
        let passed = clients.map_or(read, |clients| clients.send(read));
        write(&mut to, &buffer[..passed], &mut weather, answers).await?;
        if read == 0 || passed < read {
            to.shutdown().await?;
            return Ok(if passed < read { Sent::Part } else { Sent::All });
        }
    }
}

/// Writes `bytes` as the weather of the moment allows.
async fn write(
    to: &mut OwnedWriteHalf,
    bytes: &[u8],
    weather: &mut watch::Receiver<Weather>,
    answers: bool,
) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        let now = *weather.borrow_and_update();
        match now {
            Weather::BlackHole => {
                let _ = weather.changed().await;
            }
            #[expect(clippy::disallowed_methods, reason = "it plays a slow network")]
            Weather::Drip if answers => {
                tokio::select! {
                    () = tokio::time::sleep(DRIP) => {
                        to.write_all(&bytes[written..=written]).await?;
                        written += 1;
                    }
                    _ = weather.changed() => {}
                }
            }
            #[expect(clippy::disallowed_methods, reason = "it plays a slow network")]
            Weather::Slow => {
                tokio::time::sleep(LATE).await;
                to.write_all(&bytes[written..]).await?;
                written = bytes.len();
            }
            // The caller closes this direction.
            Weather::HalfClose if answers => return Ok(()),
            _ => {
                to.write_all(&bytes[written..]).await?;
                written = bytes.len();
            }
        }
    }
    Ok(())
}
