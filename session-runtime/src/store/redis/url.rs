//! Redis URLs: the servers, the login, TLS or not, the prefix. This file knows no connection. Its
//! errors quote nothing of the URL, since any part of a mistyped URL may be the password.

use std::{fmt, path::PathBuf};

use crate::store::StoreError;

/// The servers, and how to reach them.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) kind: Kind,
    /// Never empty, but for a socket.
    pub(super) hosts: Vec<(String, u16)>,
    pub(super) login: Login,
    pub(super) database: u32,
    pub(super) tls: Option<TlsFiles>,
    /// The beginning of every key.
    pub(super) prefix: String,
}

/// The kind of the hosts.
#[derive(Clone)]
pub(super) enum Kind {
    Server,
    /// A server on this machine.
    Socket(PathBuf),
    Cluster,
    Sentinels {
        master: String,
        login: Login,
    },
}

/// The credentials of the client; anonymous without a password.
#[derive(Clone, Default)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

/// Files in PEM format.
#[derive(Clone, Default)]
pub(super) struct TlsFiles {
    pub(super) ca: Option<PathBuf>,
    pub(super) client: Option<(PathBuf, PathBuf)>,
}

/// The parameters of a URL; each is for some forms of URLs only.
pub(in crate::store) const PARAMETERS: &[&str] =
    &["prefix", "ca", "cert", "key", "sentinel_user", "sentinel_password", "db", "user", "pass"];

const FORMS: &str = "expected `redis://[user:password@]host[:port][/database]`, \
    `redis+cluster://[user:password@]host[:port],host[:port],…` or \
    `redis+sentinel://[user:password@]host[:port],host[:port],…/master-name[/database]`, \
    with `rediss` instead of `redis` for TLS, or `redis+unix:///path/of/the/socket`";

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        parse(url).map_err(|problem| {
            StoreError::new(format!("the URL of the Redis store cannot be used: {problem}"))
        })
    }
}

fn parse(url: &str) -> Result<Target, String> {
    // A scheme is case-insensitive (RFC 3986, section 3.1).
    let scheme = url.split(':').next().unwrap_or_default().to_ascii_lowercase();
    if let ("redis+unix" | "unix", Some((_, rest))) = (&*scheme, url.split_once(':')) {
        return parse_socket(rest);
    }
    let (_, rest) = url.split_once("://").ok_or_else(|| format!("it has no `://`; {FORMS}"))?;
    let (tls, form) = match scheme.strip_prefix("rediss") {
        Some(form) => (true, form),
        None => (false, scheme.strip_prefix("redis").unwrap_or("unknown")),
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    // A password may contain `@`, a host cannot.
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (parse_login(login)?, hosts),
        None => (Login::default(), authority),
    };
    let mut query = Query::parse(query)?;
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let (kind, default_port) = match form {
        "" => (Kind::Server, 6379),
        "+cluster" => (Kind::Cluster, 6379),
        "+sentinel" => {
            let master = segments.next().ok_or("it does not name the master after the hosts")?;
            let login = Login {
                user: query.sentinel_user.take(),
                password: query.sentinel_password.take(),
            };
            (Kind::Sentinels { master: decode(master, "the master's name")?, login }, 26379)
        }
        _ => return Err(format!("its scheme is not one of Redis; {FORMS}")),
    };
    query.has_nothing_for_others()?;
    let database = match segments.next() {
        None => 0,
        Some(number) => number.parse().map_err(
            |_| "its path is not the number of a database (a `/` in a password is written `%2F`)",
        )?,
    };
    if segments.next().is_some() {
        return Err("its path has too many parts".into());
    }
    if matches!(kind, Kind::Cluster) && database != 0 {
        return Err("a cluster has database 0 only".into());
    }
    let hosts = hosts
        .split(',')
        .map(|host| parse_host(host, default_port))
        .collect::<Result<Vec<_>, _>>()?;
    if matches!(kind, Kind::Server) && hosts.len() > 1 {
        return Err("several hosts need `redis+cluster` or `redis+sentinel`".into());
    }
    if query.tls.is_some() && !tls {
        return Err("`ca`, `cert` and `key` need `rediss`".into());
    }
    let prefix = query.prefix();
    if matches!(kind, Kind::Cluster) && prefix.contains(['{', '}']) {
        return Err(
            "with `{` or `}` in the prefix, a cluster keeps all sessions on one node".into()
        );
    }
    let tls = tls.then(|| query.tls.unwrap_or_default());
    Ok(Target { kind, hosts, login, database, tls, prefix })
}

/// Parses what follows the scheme of a Unix socket's URL, in the form that other clients of Redis
/// use: `///path?db=…&user=…&pass=…`.
fn parse_socket(rest: &str) -> Result<Target, String> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.strip_prefix("//").unwrap_or(path);
    if !path.starts_with('/') || !cfg!(unix) {
        return Err(
            "a socket is an absolute path on a Unix, as in `redis+unix:///run/a.sock`".into()
        );
    }
    let path = decode(path, "the path")?.into();
    let mut query = Query::parse(query)?;
    let login = Login { user: query.user.take(), password: query.pass.take() };
    let database = match query.db.take() {
        None => 0,
        Some(number) => number.parse().map_err(|_| "`db` is not the number of a database")?,
    };
    query.has_nothing_for_others()?;
    if query.tls.is_some() {
        return Err("`ca`, `cert` and `key` need `rediss`".into());
    }
    let prefix = query.prefix();
    Ok(Target { kind: Kind::Socket(path), hosts: Vec::new(), login, database, tls: None, prefix })
}

fn parse_login(text: &str) -> Result<Login, String> {
    let (user, password) = text.split_once(':').ok_or("before the `@` is no `user:password`")?;
    let user = decode(user, "the user")?;
    let password = decode(password, "the password")?;
    if password.is_empty() {
        return Err("its password is empty".into());
    }
    Ok(Login { user: (!user.is_empty()).then_some(user), password: Some(password) })
}

fn parse_host(text: &str, default_port: u16) -> Result<(String, u16), String> {
    const PORT: &str = "a port is not a number from 1 to 65535";
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("an IPv6 address has no closing `]`")?;
            let port = match port {
                "" => None,
                port => Some(port.strip_prefix(':').ok_or(PORT)?),
            };
            (host, port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err("a host is missing".into());
    }
    let port = match port {
        None => default_port,
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(PORT)?,
    };
    Ok((decode(host, "a host")?, port))
}

#[derive(Default)]
struct Query {
    prefix: Option<String>,
    tls: Option<TlsFiles>,
    sentinel_user: Option<String>,
    sentinel_password: Option<String>,
    user: Option<String>,
    pass: Option<String>,
    db: Option<String>,
}

impl Query {
    fn parse(text: &str) -> Result<Self, String> {
        let mut query = Self::default();
        let (mut certificate, mut key) = (None, None);
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or("a parameter has no `=`")?;
            let value = decode(value, "a parameter")?;
            let twice = match name {
                "prefix" => query.prefix.replace(value).is_some(),
                "ca" => query.tls.get_or_insert_default().ca.replace(value.into()).is_some(),
                "cert" => certificate.replace(value.into()).is_some(),
                "key" => key.replace(value.into()).is_some(),
                "sentinel_user" => query.sentinel_user.replace(value).is_some(),
                "sentinel_password" => query.sentinel_password.replace(value).is_some(),
                "user" => query.user.replace(value).is_some(),
                "pass" => query.pass.replace(value).is_some(),
                "db" => query.db.replace(value).is_some(),
                _ => {
                    let names: Vec<_> = PARAMETERS.iter().map(|name| format!("`{name}`")).collect();
                    return Err(format!(
                        "a parameter is unknown; there are {} (a `?` in a password is written `%3F`)",
                        names.join(", ")
                    ));
                }
            };
            if twice {
                return Err("a parameter is there twice".into());
            }
        }
        match (certificate, key) {
            (None, None) => {}
            (Some(certificate), Some(key)) => {
                query.tls.get_or_insert_default().client = Some((certificate, key));
            }
            _ => return Err("`cert` and `key` go together".into()),
        }
        Ok(query)
    }

    fn prefix(&mut self) -> String {
        self.prefix.take().unwrap_or_else(|| "session:".to_owned())
    }

    /// Checks that no parameter is left that belongs to another kind of URL.
    fn has_nothing_for_others(&self) -> Result<(), String> {
        if self.sentinel_user.is_some() || self.sentinel_password.is_some() {
            return Err("`sentinel_user` and `sentinel_password` belong to `redis+sentinel`".into());
        }
        if self.user.is_some() || self.pass.is_some() || self.db.is_some() {
            return Err("`user`, `pass` and `db` belong to `redis+unix`".into());
        }
        Ok(())
    }
}

/// Undoes percent-encoding.
fn decode(text: &str, what: &str) -> Result<String, String> {
    let problem = || format!("{what} is not percent-encoded UTF-8 (`%` itself is written `%25`)");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2).ok_or_else(problem)?;
        rest = after;
        let digit = |digit: u8| char::from(digit).to_digit(16);
        let byte = digit(digits[0]).zip(digit(digits[1])).map(|(high, low)| high * 16 + low);
        bytes.push(byte.and_then(|byte| u8::try_from(byte).ok()).ok_or_else(problem)?);
    }
    String::from_utf8(bytes).map_err(|_| problem())
}

impl fmt::Display for Target {
    /// Prints the servers; never the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Server => f.write_str("Redis at ")?,
            Kind::Socket(path) => write!(f, "Redis at {}", path.display())?,
            Kind::Cluster => f.write_str("Redis Cluster at ")?,
            Kind::Sentinels { master, .. } => write!(f, "Redis `{master}` of the Sentinels at ")?,
        }
        for (position, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(f, "{comma}{host}:{port}")?;
        }
        Ok(())
    }
}
