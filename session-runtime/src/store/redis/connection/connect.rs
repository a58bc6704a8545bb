//! Connections to a server, to the master that Sentinels name, and to a cluster, with their TLS.
//! This file owns how a connection is made and how one command is sent over it. When that happens,
//! and how often, is decided elsewhere.

use std::{
    path::Path,
    sync::{
        Arc, Once,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind,
    IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo, RedisError,
    RedisResult, ServerErrorKind, TlsCertificates, TlsMode, Value,
    aio::{AsyncPushSender, ConnectionLike, MultiplexedConnection, SendError},
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
    cluster_routing::SingleNodeRoutingInfo,
    io::tcp::TcpSettings,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use tokio::time::Instant;

use super::{
    super::url::{Kind, Login, Target, TlsFiles},
    batch::Batches,
};
use crate::store::{StoreError, home::Home};

/// The longest time for connecting to one server. It is shorter in a cluster, where all requests
/// wait while the connections are checked.
const CONNECT: Duration = Duration::from_secs(1);
const CONNECT_IN_CLUSTER: Duration = Duration::from_millis(500);
/// The longest wait for one answer.
const RESPONSE: Duration = Duration::from_millis(1500);

/// Makes connections.
pub(super) enum Connector {
    Server(Box<Client>),
    Sentinels(Box<SentinelClient>),
    /// The whole of a cluster, and its nodes that are known from the start.
    Cluster(Box<ClusterClient>, Vec<Client>),
}

/// A connection as it was made, until it breaks. Clones share it.
#[derive(Clone)]
pub(super) struct RawConnection {
    transport: Transport,
    pub(super) made: Instant,
    closed: Arc<AtomicBool>,
    home: Arc<Home>,
}

#[derive(Clone)]
enum Transport {
    One(Batches),
    Cluster(ClusterConnection),
}

impl Connector {
    pub(super) fn new(target: &Target) -> Result<Self, StoreError> {
        let certificates = target.tls.as_ref().map(read_certificates).transpose()?;
        let unusable =
            |error| StoreError::with_source(format!("{target}: it cannot be set up"), error);
        Self::build(target, certificates).map_err(unusable)
    }

    fn build(target: &Target, certificates: Option<TlsCertificates>) -> RedisResult<Self> {
        if certificates.is_some() {
            choose_cryptography();
        }
        let is_secure = certificates.is_some();
        let address = |(host, port): &(String, u16)| {
            let (host, port) = (host.clone(), *port);
            if is_secure {
                ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
            } else {
                ConnectionAddr::Tcp(host, port)
            }
        };
        let settings = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_db(target.database.into());
        let settings = with_login(settings, &target.login);
        let at = |address: ConnectionAddr| {
            let info = address.into_connection_info()?.set_tcp_settings(tcp());
            RedisResult::<ConnectionInfo>::Ok(info.set_redis_settings(settings.clone()))
        };
        let client = |node| match &certificates {
            Some(certificates) => Client::build_with_tls(node, certificates.clone()),
            None => Client::open(node),
        };
        let mut nodes = target.hosts.iter().map(|host| at(address(host)));
        Ok(match &target.kind {
            Kind::Server => {
                let node = nodes.next().unwrap_or_else(|| {
                    Err((ErrorKind::InvalidClientConfig, "there is no host").into())
                })?;
                Self::Server(Box::new(client(node)?))
            }
            Kind::Socket(path) => {
                let server = at(ConnectionAddr::Unix(path.clone()))?;
                Self::Server(Box::new(Client::open(server)?))
            }
            Kind::Cluster => {
                let nodes = nodes.collect::<RedisResult<Vec<_>>>()?;
                let clients = nodes.iter().cloned().map(client).collect::<RedisResult<_>>()?;
                let mut builder = ClusterClientBuilder::new(nodes)
                    // The builder's own retries would repeat a command that may have been
                    // carried out.
                    .retries(0)
                    .connection_timeout(CONNECT_IN_CLUSTER)
                    .response_timeout(RESPONSE)
                    .tcp_settings(tcp());
                if let Some(certificates) = certificates {
                    builder = builder.certs(certificates);
                }
                Self::Cluster(Box::new(builder.build()?), clients)
            }
            Kind::Sentinels { master, login } => {
                let sentinels = target.hosts.iter().map(address);
                let mut builder =
                    SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?
                        .set_client_to_redis_protocol(ProtocolVersion::RESP3)
                        .set_client_to_redis_db(target.database.into())
                        .set_client_to_redis_tcp_settings(tcp())
                        .set_client_to_sentinel_tcp_settings(tcp());
                if let Some(user) = &target.login.user {
                    builder = builder.set_client_to_redis_username(user);
                }
                if let Some(password) = &target.login.password {
                    builder = builder.set_client_to_redis_password(password);
                }
                if let Some(user) = &login.user {
                    builder = builder.set_client_to_sentinel_username(user);
                }
                if let Some(password) = &login.password {
                    builder = builder.set_client_to_sentinel_password(password);
                }
                if let Some(certificates) = certificates {
                    builder = builder
                        .set_client_to_redis_tls_mode(TlsMode::Secure)
                        .set_client_to_redis_certificates(certificates.clone())
                        .set_client_to_sentinel_tls_mode(TlsMode::Secure)
                        .set_client_to_sentinel_certificates(certificates);
                }
                Self::Sentinels(Box::new(builder.build()?))
            }
        })
    }

    /// Makes a new connection.
    pub(super) async fn connect(&mut self) -> RedisResult<RawConnection> {
        let closed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&closed);
        // Notices a connection that the server has closed before the next command is lost on it.
        let on_push = move |push: PushInfo| -> Result<(), SendError> {
            if push.kind == PushKind::Disconnection {
                flag.store(true, Ordering::SeqCst);
            }
            Ok(())
        };
        let config = patient().set_push_sender(on_push);
        let transport = match self {
            Self::Server(client) => Transport::One(Batches::new(
                client.get_multiplexed_async_connection_with_config(&config).await?,
            )),
            Self::Sentinels(client) => Transport::One(Batches::new(
                client.get_async_connection_with_config(&config).await?,
            )),
            Self::Cluster(client, _) => Transport::Cluster(client.get_async_connection().await?),
        };
        Ok(RawConnection {
            transport,
            made: Instant::now(),
            closed,
            home: Arc::new(Home::current()),
        })
    }

    /// Makes a connection of its own to a server that hears all publications: in a cluster, each does.
    /// `on_push` gets them.
    pub(super) async fn listen(
        &mut self,
        on_push: impl AsyncPushSender + Clone,
    ) -> RedisResult<MultiplexedConnection> {
        let config = patient().set_push_sender(on_push);
        match self {
            Self::Server(client) => {
                client.get_multiplexed_async_connection_with_config(&config).await
            }
            Self::Sentinels(client) => client.get_async_connection_with_config(&config).await,
            Self::Cluster(_, nodes) => {
                let mut failure = None;
                for node in nodes {
                    match node.get_multiplexed_async_connection_with_config(&config).await {
                        Ok(connection) => return Ok(connection),
                        Err(error) => failure = Some(error),
                    }
                }
                Err(failure.unwrap_or_else(|| (ErrorKind::Io, "there is no node").into()))
            }
        }
    }
}

fn patient() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(RESPONSE))
}

impl RawConnection {
    /// Sends one command, or several as a transaction. Dropping the future leaves the connection in
    /// order: the answer is discarded when it comes.
    pub(super) async fn send(&self, commands: &[Cmd]) -> RedisResult<Value> {
        // Boxed where a future is large: it would be part of every future that sends a command.
        match (&self.transport, commands) {
            (Transport::One(connection), [command]) => connection.send(command.clone()).await,
            (Transport::One(connection), commands) => {
                Box::pin(transaction(connection, commands)).await
            }
            (Transport::Cluster(connection), [command]) => {
                Box::pin(routed(connection.clone(), command)).await
            }
            (Transport::Cluster(_), _) => {
                Err((ErrorKind::Client, "a cluster has no transactions over several keys").into())
            }
        }
        .and_then(Value::extract_error)
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.transport, Transport::Cluster(_))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst) || self.home.has_ended()
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.closed, &other.closed)
    }

    /// Returns whether an error requires a new connection. A cluster's connection repairs itself.
    pub(super) fn is_over(&self, error: &RedisError) -> bool {
        use ServerErrorKind as Kind;
        // Another server may be the master by now, or behind the same address.
        let cannot_serve = matches!(
            error.kind(),
            ErrorKind::Server(Kind::ReadOnly | Kind::BusyLoading | Kind::MasterDown)
        );
        !self.is_cluster() && (error.is_unrecoverable_error() || cannot_serve)
    }
}

/// Carries out all commands or none, as far as the server can tell before it begins. The refusal of
/// one command tells more than the refusal of the whole.
async fn transaction(connection: &Batches, commands: &[Cmd]) -> RedisResult<Value> {
    let all = [redis::cmd("MULTI")].into_iter().chain(commands.iter().cloned());
    connection.send_all(all.chain([redis::cmd("EXEC")])).await
}

fn is_ask(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::Ask)
}

/// Asks the node that has the command's key.
async fn routed(mut connection: ClusterConnection, command: &Cmd) -> RedisResult<Value> {
    let answer = connection.req_packed_command(command).await;
    match answer.and_then(Value::extract_error) {
        Err(error) if is_ask(&error) => redirected(&mut connection, command, error).await,
        answer => answer,
    }
}

/// Asks the node that a slot is being moved to.
async fn redirected(
    connection: &mut ClusterConnection,
    command: &Cmd,
    ask: RedisError,
) -> RedisResult<Value> {
    let node = ask.redirect_node().and_then(|(node, _)| {
        let (host, port) = node.rsplit_once(':')?;
        Some(SingleNodeRoutingInfo::ByAddress { host: host.to_owned(), port: port.parse().ok()? })
    });
    let Some(node) = node else { return Err(ask) };
    let mut both = redis::pipe();
    both.cmd("ASKING").add_command(command.clone());
    let answers = connection.route_pipeline(both, 0, 2, node).await?;
    answers.into_iter().nth(1).ok_or(ask)
}

fn with_login(settings: RedisConnectionInfo, login: &Login) -> RedisConnectionInfo {
    let settings = match &login.user {
        Some(user) => settings.set_username(user),
        None => settings,
    };
    match &login.password {
        Some(password) => settings.set_password(password),
        None => settings,
    }
}

fn tcp() -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    // Notices a server that vanished by the packets that it does not acknowledge.
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let settings = settings.set_user_timeout(RESPONSE);
    settings
}

fn read_certificates(files: &TlsFiles) -> Result<TlsCertificates, StoreError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| {
            let path = path.display();
            StoreError::with_source(format!("the file {path} cannot be read"), error)
        })
    };
    let root_cert = files.ca.as_deref().map(read).transpose()?;
    let client_tls = match &files.client {
        Some((certificate, key)) => {
            Some(ClientTlsConfig { client_cert: read(certificate)?, client_key: read(key)? })
        }
        None => None,
    };
    Ok(TlsCertificates { client_tls, root_cert })
}

/// Chooses the cryptography for TLS, unless the program has chosen already.
fn choose_cryptography() {
    static CHOICE: Once = Once::new();
    CHOICE.call_once(|| {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // An error means that somebody chose at this very moment.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
    });
}
