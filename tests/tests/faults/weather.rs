//! The proxy itself: each weather does to an echo what it says.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tests::proxy::{Proxy, Weather};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

const SOON: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_millis(100);

/// A server that says everything twice.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

async fn connected(weather: Weather) -> (Proxy, TcpStream) {
    let proxy = Proxy::start(echo().await).await;
    let mut client = TcpStream::connect(proxy.address()).await.expect("the proxy listens");
    assert_eq!(said(&mut client, "before").await.as_deref(), Some("before"));
    proxy.set(weather);
    (proxy, client)
}

/// What comes back of `text`; `None` if the connection ends.
async fn said(client: &mut TcpStream, text: &str) -> Option<String> {
    client.write_all(text.as_bytes()).await.ok()?;
    heard(client, text.len()).await
}

async fn heard(client: &mut TcpStream, length: usize) -> Option<String> {
    let mut answer = vec![0; length];
    let read = timeout(SOON, client.read_exact(&mut answer)).await.expect("not so late");
    read.ok()?;
    Some(String::from_utf8(answer).expect("what was said"))
}

#[tokio::test]
async fn a_black_hole_holds_back_and_what_it_held_comes_late() {
    let (proxy, mut client) = connected(Weather::BlackHole).await;
    let mut fresh = TcpStream::connect(proxy.address()).await.expect("accepted all the same");
    for stream in [&mut client, &mut fresh] {
        stream.write_all(b"held").await.expect("taken all the same");
        assert!(timeout(LONG, stream.read_u8()).await.is_err(), "something passed");
    }
    proxy.set(Weather::Pass);
    for stream in [&mut client, &mut fresh] {
        assert_eq!(heard(stream, 4).await.as_deref(), Some("held"));
        assert_eq!(said(stream, "after").await.as_deref(), Some("after"));
    }
}

#[tokio::test]
async fn slow_is_late_and_drip_is_a_byte_at_a_time() {
    let (proxy, mut client) = connected(Weather::Slow).await;
    let started = Instant::now();
    assert_eq!(said(&mut client, "slow").await.as_deref(), Some("slow"));
    assert!(started.elapsed() >= Duration::from_millis(10), "5 ms each way");
    proxy.set(Weather::Drip);
    let started = Instant::now();
    assert_eq!(said(&mut client, "drip").await.as_deref(), Some("drip"));
    assert!(started.elapsed() >= Duration::from_secs(1), "250 ms a byte");
    let mut fresh = TcpStream::connect(proxy.address()).await.expect("the proxy listens");
    for stream in [&mut client, &mut fresh] {
        stream.write_all(b"a long answer, of which the rest comes at once").await.expect("open");
        assert_eq!(heard(stream, 1).await.as_deref(), Some("a"));
    }
    proxy.set(Weather::Pass);
    for stream in [&mut client, &mut fresh] {
        let rest = heard(stream, 45).await;
        assert_eq!(rest.as_deref(), Some(" long answer, of which the rest comes at once"));
    }
}

#[tokio::test]
async fn half_closed_the_client_may_write_and_hears_the_end() {
    let (proxy, mut client) = connected(Weather::HalfClose).await;
    let mut fresh = TcpStream::connect(proxy.address()).await.expect("accepted all the same");
    for stream in [&mut client, &mut fresh] {
        assert_eq!(timeout(SOON, stream.read(&mut [0])).await.expect("soon").ok(), Some(0));
        for _ in 0..3 {
            stream.write_all(b"still").await.expect("the other direction is open");
        }
    }
}

#[tokio::test]
async fn dropped_connections_end_and_so_do_new_ones() {
    let (proxy, mut client) = connected(Weather::Drop).await;
    assert_eq!(heard(&mut client, 1).await, None);
    let mut fresh = TcpStream::connect(proxy.address()).await.expect("accepted for a moment");
    assert_eq!(heard(&mut fresh, 1).await, None);
    proxy.set(Weather::Pass);
    let mut again = TcpStream::connect(proxy.address()).await.expect("the proxy listens");
    assert_eq!(said(&mut again, "again").await.as_deref(), Some("again"));
}

#[tokio::test]
async fn a_cut_ends_what_is_open_and_nothing_else() {
    let (proxy, mut client) = connected(Weather::Pass).await;
    proxy.cut();
    assert_eq!(heard(&mut client, 1).await, None);
    let mut fresh = TcpStream::connect(proxy.address()).await.expect("the proxy listens");
    assert_eq!(said(&mut fresh, "fresh").await.as_deref(), Some("fresh"));
}

#[tokio::test]
async fn a_client_that_dies_is_heard_to_the_byte() {
    let (proxy, mut client) = connected(Weather::Pass).await;
    proxy.die_after(4);
    client.write_all(b"together").await.expect("taken all the same");
    assert_eq!(heard(&mut client, 4).await.as_deref(), Some("toge"));
    assert_eq!(heard(&mut client, 1).await, None);
    timeout(SOON, proxy.dead()).await.expect("the server has heard it");
}
