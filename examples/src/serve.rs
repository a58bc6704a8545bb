//! Serves a router on loopback, in plain http or with a certificate made on the spot, until the
//! process is told to stop. Knows nothing of sessions.

use std::{
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use axum_server::{
    Handle, Server,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer};
use tokio::net::TcpListener;

use crate::Failure;

/// How long running requests may take once the process is told to stop.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) async fn serve(router: Router, port: u16, tls: bool) -> Result<(), Failure> {
    let tls = tls.then(self_signed).transpose()?;
    let failed = |error: io::Error| Failure::run(format!("cannot serve: {error}"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        Failure::run(format!("cannot listen on 127.0.0.1:{port}: {error}; choose another PORT"))
    })?;
    let address = listener.local_addr().map_err(failed)?;

    let handle = Handle::new();
    // Before the address is announced: whoever reads it may end the process right away.
    let stop = stop_signal().map_err(failed)?;
    tokio::spawn({
        let handle = handle.clone();
        async move {
            stop.await;
            handle.graceful_shutdown(Some(GRACE));
        }
    });
    announce(if tls.is_some() { "https" } else { "http" }, address).map_err(failed)?;

    let server = Server::<SocketAddr>::from_listener(listener).handle(handle);
    let service = router.into_make_service();
    match tls {
        Some(config) => server.acceptor(RustlsAcceptor::new(config)).serve(service).await,
        None => server.serve(service).await,
    }
    .map_err(failed)
}

fn announce(scheme: &str, address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on {scheme}://{address}")?;
    out.flush()
}

/// A certificate for this machine alone, new at each start; browsers warn of it once.
fn self_signed() -> Result<RustlsConfig, Failure> {
    let failed =
        |error: &dyn std::error::Error| Failure::run(format!("cannot set up TLS: {error}"));
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| failed(&error))?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    // The provider by name: another crate of the build may have switched on a second one.
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key.into())
        })
        .map_err(|error| failed(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

/// Ready when the process is asked to stop; listens from the call on, not from the first poll.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ready when the process is asked to stop; listens from the call on, not from the first poll.
#[cfg(windows)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
