//! The parameters in the URL of MongoDB: the store's own, and those that are the driver's. It knows no
//! connection. Its errors quote nothing of the URL, since any part of a mistyped URL may be the password.

use crate::store::StoreError;

/// The parameters of the store.
pub(in crate::store) const OURS: &[&str] = &["collection"];

/// The options that the driver reads, in any case.
pub(in crate::store) const DRIVERS: &[&str] = &[
    "maxPoolSize",
    "minPoolSize",
    "maxConnecting",
    "maxIdleTimeMS",
    "waitQueueTimeoutMS",
    "connectTimeoutMS",
    "socketTimeoutMS",
    "serverSelectionTimeoutMS",
    "heartbeatFrequencyMS",
    "localThresholdMS",
    "appName",
    "authMechanism",
    "authMechanismProperties",
    "authSource",
    "replicaSet",
    "directConnection",
    "readPreference",
    "readPreferenceTags",
    "maxStalenessSeconds",
    "readConcernLevel",
    "w",
    "wTimeoutMS",
    "journal",
    "retryReads",
    "retryWrites",
    "tls",
    "ssl",
    "tlsCAFile",
    "tlsCertificateKeyFile",
    "tlsInsecure",
    "tlsAllowInvalidCertificates",
    "srvServiceName",
    "srvMaxHosts",
    "loadBalanced",
    "compressors",
    "zlibCompressionLevel",
    "serverMonitoringMode",
    "uuidRepresentation",
];

/// Takes the store's parameters out of a URL. Returns the URL that is the driver's, and the name of the
/// collection.
pub(super) fn split(url: &str) -> Result<(String, Option<String>), StoreError> {
    let Some((rest, query)) = url.split_once('?') else { return Ok((url.to_owned(), None)) };
    let (mut left, mut collection) = (String::new(), None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name == "collection" {
            if value.is_empty() || collection.replace(value.to_owned()).is_some() {
                return Err(refused("`collection` is one name"));
            }
        } else if DRIVERS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            left.push(if left.is_empty() { '?' } else { '&' });
            left.push_str(pair);
        } else {
            let names = OURS.iter().chain(DRIVERS).map(|name| format!("`{name}`"));
            let names = names.collect::<Vec<_>>().join(", ");
            return Err(refused(&format!(
                "a parameter is unknown; there are {names} (a `?` in a password is written `%3F`)"
            )));
        }
    }
    Ok((format!("{rest}{left}"), collection))
}

fn refused(problem: &str) -> StoreError {
    StoreError::new(format!("the URL of MongoDB cannot be used: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collection_is_taken_out_and_the_drivers_options_are_left() {
        let url = "mongodb://u:p@a,b/d?replicaSet=rs&collection=web&maxpoolsize=3";
        let (left, collection) = split(url).expect("a URL");
        assert_eq!(left, "mongodb://u:p@a,b/d?replicaSet=rs&maxpoolsize=3");
        assert_eq!(collection.as_deref(), Some("web"));
        assert_eq!(split("mongodb://a/d").expect("a URL").1, None);
        for query in ["hunter2=1", "collection=", "collection=a&collection=hunter2", "hunter2"] {
            let told = split(&format!("mongodb://a/d?{query}")).expect_err(query).to_string();
            assert!(told.contains("`collection`") && !told.contains("hunter2"), "{told}");
        }
    }
}
