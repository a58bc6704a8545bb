//! Opening the store that the command line names. Makes no directory or database file and changes no
//! table: a mistyped path must not become an empty store.

use std::{path::Path, sync::Arc};

use session_runtime::{
    admin::StoredSessions,
    store::{self, Store, StoreError},
};

use crate::{Failure, args::Place};

impl Place {
    /// Returns the URL of the store.
    fn url(&self) -> Result<&str, Failure> {
        self.store.as_deref().filter(|url| !url.is_empty()).ok_or_else(|| {
            Failure::new("no store: set SESSION_STORE to the URL of the store, or give --store URL")
        })
    }

    /// Returns the scheme of the store's URL, which holds no secret.
    pub(crate) fn scheme(&self) -> Result<&str, Failure> {
        Ok(self.url()?.split_once(':').map_or("", |(scheme, _)| scheme))
    }

    /// Returns true if the command line names a store and a session type.
    pub(crate) const fn is_given(&self) -> bool {
        self.store.is_some() && self.name.is_some()
    }

    /// Opens the store.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Store>, Failure> {
        let url = self.url()?;
        let scheme = self.scheme()?.to_ascii_lowercase();
        if let ("file" | "embedded" | "sqlite", Some(path)) = (&*scheme, path(url)) {
            let is_there = Path::new(path).exists();
            if !is_there {
                return Err(Failure::new(format!("there is no store at `{path}`")));
            }
        }
        Ok(match &*scheme {
            "postgres" | "postgresql" | "mysql" | "mariadb" | "sqlite" => self.sql(url).await?,
            _ => store::open(url).await?,
        })
    }

    /// Waits for one operation of the store, as long as the deadline allows.
    pub(crate) async fn within<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(self.deadline, operation).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Failure::new(format!(
                "the store gave no answer in {}",
                humantime::format_duration(self.deadline)
            ))),
        }
    }

    /// Opens the sessions of the type that the command line names.
    pub(crate) async fn sessions(&self) -> Result<StoredSessions, Failure> {
        let name = self.name.as_deref().ok_or_else(|| {
            Failure::new("no session type: set SESSION_TYPE to the name, or give --type NAME")
        })?;
        let store = self.open().await?;
        Ok(StoredSessions::new(store, name, &self.audience)?.deadline(self.deadline))
    }

    #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
    async fn sql(&self, url: &str) -> Result<Arc<dyn Store>, StoreError> {
        // The application decides when its tables change.
        let mut builder = store::SqlStore::builder().without_migration();
        if let Some(table) = &self.table {
            builder = builder.table(table);
        }
        if let Some(schema) = &self.schema {
            builder = builder.schema(schema);
        }
        Ok(Arc::new(builder.connect(url).await?))
    }

    #[cfg(not(any(feature = "mysql", feature = "postgres", feature = "sqlite")))]
    async fn sql(&self, url: &str) -> Result<Arc<dyn Store>, StoreError> {
        // The error says which feature is missing.
        store::open(url).await
    }
}

/// Returns the path in the URL of a store on this machine; `None` if the URL names no file.
fn path(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once(':')?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let path = rest.split_once('?').map_or(rest, |(path, _)| path);
    (!path.is_empty() && !path.contains(":memory:")).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_as_stores_read_it() {
        assert_eq!(path("file:data/sessions"), Some("data/sessions"));
        assert_eq!(path("embedded:///var/lib/sessions"), Some("/var/lib/sessions"));
        assert_eq!(path("sqlite:/var/a.db?mode=rwc"), Some("/var/a.db"));
        assert_eq!(path("sqlite::memory:"), None);
        assert_eq!(path("file:"), None);
    }
}
