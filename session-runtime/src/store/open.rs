//! Opening a store by its URL. It owns the schemes and the feature that each scheme needs; the rest
//! of a URL is read by the store itself.

use std::sync::Arc;

use super::{LazyStore, MemoryStore, Properties, Store, StoreError};

/// Every scheme, with the feature it needs.
const SCHEMES: &[(&str, Option<&str>)] = &[
    ("memory", None),
    ("file", Some("file")),
    ("embedded", Some("embedded")),
    ("redis", Some("redis")),
    ("rediss", Some("redis")),
    ("redis+cluster", Some("redis")),
    ("rediss+cluster", Some("redis")),
    ("redis+sentinel", Some("redis")),
    ("rediss+sentinel", Some("redis")),
    ("redis+unix", Some("redis")),
    ("unix", Some("redis")),
    ("postgres", Some("postgres")),
    ("postgresql", Some("postgres")),
    ("mysql", Some("mysql")),
    ("mariadb", Some("mysql")),
    ("sqlite", Some("sqlite")),
    ("mongodb", Some("mongodb")),
    ("mongodb+srv", Some("mongodb")),
];

/// Opens the store that a URL names, so that a deployment can choose a store without a change to
/// the program.
///
/// | URL | store | feature |
/// |---|---|---|
/// | `memory:` | [`MemoryStore`] | |
/// | `file:DIRECTORY` | `FileStore` | `file` |
/// | `embedded:PATH` | `EmbeddedStore` | `embedded` |
/// | `sqlite:PATH` | `SqlStore` | `sqlite` |
/// | `postgres://user:password@host/database` | `SqlStore` | `postgres` |
/// | `mysql://user:password@host/database` | `SqlStore` | `mysql` |
/// | `mongodb://host/database` | `MongoStore` | `mongodb` |
/// | `redis://host`, `rediss://host` (TLS) | `RedisStore` | `redis` |
/// | `redis+cluster://host1,host2` | `RedisStore` | `redis` |
/// | `redis+sentinel://host1,host2/master` | `RedisStore` | `redis` |
/// | `redis+unix:///run/redis.sock` | `RedisStore` | `redis` |
///
/// Behind a `?`, a URL may set what a deployment needs: sizes of pools, timeouts, names of tables. [A
/// table](crate::guide::stores#what-a-url-can-say) lists all parameters; an unknown one is an error that
/// names those that there are. The constructor of each store documents the other parts of its URL, and the effect of opening
/// the store: connecting, or creating a directory or tables. An opened store has passed
/// [`check`](super::check): a missing right or a read-only server is an error here.
///
/// ```
/// # use session_runtime::{KeyRing, Session, SessionLayer, store};
/// # #[derive(Session)]
/// # struct Shop { cart: Vec<u32> }
/// # async fn start(keys: KeyRing) -> Result<(), Box<dyn std::error::Error>> {
/// let url = std::env::var("STORE").unwrap_or_else(|_| "memory:".to_owned());
/// let layer = SessionLayer::<Shop>::new(store::open(&url).await?, keys)?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Returns an error if the scheme is unknown, if the feature that the scheme needs is not compiled
/// in (the message names the feature), or if the store's own constructor fails. No message repeats
/// the URL: there may be a password in it.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    let (scheme, rest, feature) = scheme(url)?;
    match feature {
        None if rest.is_empty() => Ok(Arc::new(MemoryStore::default())),
        None => Err(StoreError::new(
            "the store `memory:` takes nothing behind the colon; its limits are the program's",
        )),
        #[cfg(feature = "file")]
        Some("file") => checked(super::FileStore::open(path(&scheme, rest)?)?).await,
        #[cfg(feature = "embedded")]
        Some("embedded") => checked(super::EmbeddedStore::open(path(&scheme, rest)?)?).await,
        #[cfg(feature = "redis")]
        Some("redis") => Ok(Arc::new(super::RedisStore::connect(url).await?)),
        #[cfg(feature = "postgres")]
        Some("postgres") => Ok(Arc::new(super::SqlStore::connect(url).await?)),
        #[cfg(feature = "mysql")]
        Some("mysql") => Ok(Arc::new(super::SqlStore::connect(url).await?)),
        #[cfg(feature = "sqlite")]
        Some("sqlite") => Ok(Arc::new(super::SqlStore::connect(url).await?)),
        #[cfg(feature = "mongodb")]
        Some("mongodb") => Ok(Arc::new(super::MongoStore::connect(url).await?)),
        #[allow(unreachable_patterns, reason = "with every feature on, all are handled above")]
        Some(feature) => Err(StoreError::new(format!(
            "the store `{scheme}:` needs the feature `{feature}`, which this program was built \
             without; build it with `--features {feature}`"
        ))),
    }
}

/// Opens the store that a URL names, as [`open`] does; if that is a server, at the first use instead of
/// now: a [`LazyStore`]. So a program can start while its server is down, and serve what needs no
/// session. Give [`SessionLayer::ready`](crate::SessionLayer::ready) to the readiness probe of such a
/// program.
///
/// Redis may be set up to evict records, which nobody knows before the store is open, so that the
/// layer takes this for granted. **A lazy Redis store cannot be a
/// [`revocation`](crate::SessionLayerBuilder::revocation) store, therefore.**
///
/// ```no_run
/// # use session_runtime::{KeyRing, Session, SessionLayer, store};
/// # #[derive(Session)]
/// # struct Shop { cart: Vec<u32> }
/// # async fn start(keys: KeyRing) -> Result<(), Box<dyn std::error::Error>> {
/// let store = store::open_lazy("postgres://shop@db/shop").await?;
/// let layer = SessionLayer::<Shop>::new(store, keys)?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Returns an error if the scheme is unknown, or if the feature that the scheme needs is not
/// compiled in. Any other error of a server's store comes at its use.
pub async fn open_lazy(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    let (_, _, feature) = scheme(url)?;
    let expected = match feature {
        Some("redis") if cfg!(feature = "redis") => {
            Properties { evicts: true, ..Properties::SHARED }
        }
        Some("postgres") if cfg!(feature = "postgres") => Properties::SHARED,
        Some("mysql") if cfg!(feature = "mysql") => Properties::SHARED,
        Some("mongodb") if cfg!(feature = "mongodb") => Properties::SHARED,
        // On this machine, or not in this build.
        _ => return open(url).await,
    };
    let url = url.to_owned();
    Ok(Arc::new(LazyStore::new(expected, move || {
        let url = url.clone();
        async move { open(&url).await }
    })))
}

/// Returns a URL's scheme, the rest of the URL, and the feature that the scheme needs.
fn scheme(url: &str) -> Result<(String, &str, Option<&'static str>), StoreError> {
    let (scheme, rest) = url.split_once(':').ok_or_else(unknown)?;
    // A scheme is case-insensitive (RFC 3986, section 3.1).
    let scheme = scheme.to_ascii_lowercase();
    let (_, feature) = SCHEMES.iter().find(|(known, _)| *known == scheme).ok_or_else(unknown)?;
    Ok((scheme, rest, *feature))
}

#[cfg(any(feature = "embedded", feature = "file"))]
async fn checked(store: impl Store) -> Result<Arc<dyn Store>, StoreError> {
    super::check(&store).await?;
    Ok(Arc::new(store))
}

/// Returns the path of a store on this machine: `file:sessions`, `file:/var/lib/sessions`,
/// `file:///var/lib/sessions`.
#[cfg(any(feature = "embedded", feature = "file"))]
fn path<'a>(scheme: &str, rest: &'a str) -> Result<&'a std::path::Path, StoreError> {
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(local) if local.starts_with('/') => local,
        Some(_) => {
            return Err(StoreError::new(format!(
                "the store `{scheme}:` is on this machine, so its URL names no host; write \
                 `{scheme}:relative/path` or `{scheme}:/absolute/path`"
            )));
        }
    };
    if path.contains('?') {
        return Err(StoreError::new(format!(
            "the store `{scheme}:` has no parameters, and its path no `?`"
        )));
    }
    if path.is_empty() {
        return Err(StoreError::new(format!(
            "the store `{scheme}:` needs a path behind the colon, like `{scheme}:data/sessions`"
        )));
    }
    Ok(std::path::Path::new(path))
}

fn unknown() -> StoreError {
    let mut known = String::new();
    for (scheme, _) in SCHEMES {
        known.push_str(if known.is_empty() { "`" } else { ", `" });
        known.push_str(scheme);
        known.push_str(":`");
    }
    StoreError::new(format!("this is no URL of a store; it begins with one of {known}"))
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    /// Returns the error for a URL that is refused before any server is contacted.
    fn refusal(url: &str) -> String {
        match pin!(open(url)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(error)) => error.to_string(),
            Poll::Ready(Ok(_)) => panic!("{url} opened a store"),
            Poll::Pending => panic!("{url} was not refused at once"),
        }
    }

    #[test]
    fn memory_opens_at_once() {
        let opened = pin!(open("memory:")).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(opened, Poll::Ready(Ok(store)) if !store.properties().durable));
        assert!(refusal("memory:1000").contains("nothing behind the colon"));
    }

    #[test]
    fn what_is_no_url_of_a_store_is_told_the_schemes_and_never_repeated() {
        for url in ["", "memory", "http://user:hunter2@host/", "hunter2", ":hunter2"] {
            let told = refusal(url);
            assert!(told.contains("`embedded:`") && told.contains("`redis+cluster:`"), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[tokio::test]
    async fn a_lazy_store_needs_no_server_and_refuses_what_no_server_would_mend() {
        for url in
            ["redis://127.0.0.1:1", "postgres://127.0.0.1:1/none", "mongodb://127.0.0.1:1/it"]
        {
            match open_lazy(url).await {
                Ok(store) => assert!(store.properties().shared, "{url}"),
                Err(error) => assert!(error.to_string().contains("the feature"), "{error}"),
            }
        }
        for url in ["memory:1000", "http://host"] {
            assert!(open_lazy(url).await.is_err(), "{url}");
        }
    }

    #[cfg(not(feature = "redis"))]
    #[test]
    fn a_store_that_is_not_compiled_in_names_its_feature() {
        for url in ["redis://:hunter2@host", "REDISS://host", "redis+sentinel://a,b/master"] {
            let told = refusal(url);
            assert!(told.contains("the feature `redis`") && !told.contains("hunter2"), "{told}");
        }
    }

    #[cfg(feature = "file")]
    #[test]
    fn a_path_is_needed_and_a_host_is_refused() {
        assert!(refusal("file:").contains("needs a path"));
        assert!(refusal("file:sessions?table=x").contains("no parameters"));
        assert!(refusal("file://host/sessions").contains("names no host"));
        assert_eq!(path("file", "///var/it").ok(), Some(std::path::Path::new("/var/it")));
        assert_eq!(path("file", "a/b").ok(), Some(std::path::Path::new("a/b")));
    }
}
