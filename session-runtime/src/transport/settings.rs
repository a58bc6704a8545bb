//! The cookie's settings: the struct's attributes, what the deployment says instead, and the check
//! of both together. Knows nothing of tokens and requests.

use cookie::SameSite;

use super::{
    attributes::Attributes,
    extra::{self, fits, is_token},
    prefix::{self, Prefix},
    secure::SecureCookie,
};
use crate::schema::{self, Spec, Transport};

/// A deployment's settings for the carrier of its tokens. `None`: as the struct says.
#[derive(Clone, Debug, Default)]
pub(crate) struct CarrierOptions {
    pub(crate) transport: Option<Transport>,
    pub(crate) name: Option<String>,
    pub(crate) prefix: Option<schema::Prefix>,
    pub(crate) path: Option<String>,
    pub(crate) domain: Option<Domain>,
    pub(crate) same_site: Option<SameSite>,
    pub(crate) http_only: Option<bool>,
    pub(crate) partitioned: Option<bool>,
    pub(crate) persistent: Option<bool>,
    pub(crate) secure: Option<SecureCookie>,
    /// True if browsers accept the cookie over plain http, for development.
    pub(crate) insecure_dev: bool,
    /// Further attributes, not checked yet.
    pub(crate) attributes: Vec<String>,
}

/// The hosts that get a cookie.
#[derive(Clone, Debug)]
pub(crate) enum Domain {
    /// The host that sets the cookie.
    ThisHost,
    /// A host and all hosts below it.
    Below(String),
}

/// The responses whose cookie is `Secure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secured {
    Always,
    Never,
    ByRequest,
}

/// A cookie's name and attributes, which a browser will accept.
#[derive(Debug)]
pub(super) struct CookieSettings {
    /// The name with its prefix; under `insecure_dev` without.
    pub(super) name: String,
    /// True if the name has a prefix, of which `insecure_dev` makes the server's port.
    pub(super) by_port: bool,
    /// True if the name lets browsers keep one cookie only: on this host, for every path.
    pub(super) is_alone: bool,
    pub(super) attributes: Attributes,
    pub(super) secured: Secured,
}

impl CarrierOptions {
    pub(super) fn transport(&self, spec: &Spec) -> Transport {
        self.transport.unwrap_or(spec.transport)
    }

    pub(super) fn name<'a>(&'a self, spec: &'a Spec) -> &'a str {
        self.name.as_deref().unwrap_or(spec.name)
    }

    pub(super) fn is_persistent(&self, spec: &Spec) -> bool {
        self.persistent.unwrap_or(spec.cookie.persistent)
    }

    /// Checks that no cookie setting is used with a transport without a cookie. Returns what is
    /// wrong.
    pub(super) fn check_unused(&self) -> Result<(), String> {
        let given = [
            ("secure", self.secure.is_some()),
            ("cookie_attribute", !self.attributes.is_empty()),
            ("prefix", self.prefix.is_some()),
            ("path", self.path.is_some()),
            ("domain", self.domain.is_some()),
            ("same_site", self.same_site.is_some()),
            ("http_only", self.http_only.is_some()),
            ("partitioned", self.partitioned.is_some()),
            ("persistent", self.persistent.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((option, _)) => {
                Err(format!("`{option}` is for cookies; drop it, or the `transport`"))
            }
            None => Ok(()),
        }
    }

    /// Settles the cookie of a session type. Returns what is wrong with it, if anything is.
    pub(super) fn cookie(&self, spec: &Spec) -> Result<CookieSettings, String> {
        let cookie = &spec.cookie;
        let attributes = Attributes {
            path: self.path.clone().unwrap_or_else(|| cookie.path.to_owned()),
            domain: match &self.domain {
                Some(Domain::ThisHost) => None,
                Some(Domain::Below(domain)) => Some(domain.clone()),
                None => cookie.domain.map(str::to_owned),
            },
            same_site: self.same_site.unwrap_or(cookie.same_site),
            http_only: self.http_only.unwrap_or(cookie.http_only),
            partitioned: self.partitioned.unwrap_or(cookie.partitioned),
        };
        if self.secure.is_some() && self.insecure_dev {
            return Err("`secure` and `insecure_dev` contradict each other; drop one".to_owned());
        }
        let by_struct = if cookie.secure { SecureCookie::Always } else { SecureCookie::Never };
        let secured = match self.secure.unwrap_or(by_struct) {
            SecureCookie::Always => Secured::Always,
            SecureCookie::Never => Secured::Never,
            SecureCookie::When(_) => Secured::ByRequest,
        };
        let secure = secured == Secured::Always;
        let (name, prefix) = self.prefixed(spec, &attributes, secure);
        check(&name, prefix, &attributes, secure)?;
        extra::check(&name, &self.attributes)?;
        Ok(CookieSettings {
            by_port: self.insecure_dev && prefix.is_some(),
            is_alone: !self.insecure_dev && prefix.is_some_and(Prefix::is_of_host),
            name: if self.insecure_dev { prefix::strip(&name).to_owned() } else { name },
            attributes,
            secured,
        })
    }

    /// Returns the name of the cookie, and the prefix in it. A prefix that is written in the name
    /// stays; to any other name, the strongest one is added.
    fn prefixed(
        &self,
        spec: &Spec,
        attributes: &Attributes,
        secure: bool,
    ) -> (String, Option<&'static Prefix>) {
        let name = self.name(spec);
        if let Some(prefix) = Prefix::of(name) {
            return (name.to_owned(), Some(prefix));
        }
        let strongest = match self.prefix.unwrap_or(spec.prefix) {
            schema::Prefix::None => None,
            schema::Prefix::Strongest => Prefix::strongest(attributes, secure),
        };
        (format!("{}{name}", strongest.map_or("", |prefix| prefix.text)), strongest)
    }
}

/// Checks the settings as browsers do. The derive already refuses these mistakes of the struct, but
/// the deployment may have made them.
fn check(
    name: &str,
    prefix: Option<&Prefix>,
    cookie: &Attributes,
    secure: bool,
) -> Result<(), String> {
    let refuse = |what: &str| Err(format!("cookie `{name}`: {what}"));
    if prefix::strip(name).is_empty() || !name.bytes().all(is_token) {
        return Err(format!("`{name}` cannot be the name of a cookie"));
    }
    if let Some(prefix) = prefix
        && let Some(problem) = prefix.problem(cookie, secure)
    {
        return refuse(&format!("a name that begins with `{}` {problem}", prefix.text));
    }
    if cookie.same_site == SameSite::None && !secure {
        return refuse("`SameSite=None` needs `Secure` on every response");
    }
    if cookie.partitioned && !secure {
        return refuse("`Partitioned` needs `Secure` on every response");
    }
    let path = cookie.path.as_str();
    if !path.starts_with('/') || !fits(path) || path != path.trim() {
        return refuse("its path must begin with `/` and be visible ASCII without `;`");
    }
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.');
    let is_domain =
        |domain: &str| !domain.is_empty() && fits(domain) && domain.bytes().all(is_plain);
    if !cookie.domain.as_deref().is_none_or(is_domain) {
        return refuse("its domain must be letters, digits, `-` and `.`");
    }
    Ok(())
}
