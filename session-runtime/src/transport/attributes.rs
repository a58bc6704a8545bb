//! The attributes of a cookie on which its name and its scope depend. Knows nothing of the sources of
//! the attributes.

use cookie::SameSite;

/// The attributes of a cookie, settled.
#[derive(Clone, Debug)]
pub(super) struct Attributes {
    pub(super) path: String,
    pub(super) domain: Option<String>,
    pub(super) same_site: SameSite,
    pub(super) http_only: bool,
    pub(super) partitioned: bool,
}
