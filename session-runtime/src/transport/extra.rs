//! Attributes of a cookie that have no key of their own: which texts can be one.

/// The most bytes of an attribute's value; browsers ignore a longer one (draft-ietf-httpbis-rfc6265bis, section 5.6).
const MAX_ATTRIBUTE: usize = 1024;
/// Those that are written elsewhere.
const OURS: [&str; 8] =
    ["domain", "expires", "httponly", "max-age", "partitioned", "path", "samesite", "secure"];

/// What is wrong with the attributes that a deployment adds to a cookie.
pub(super) fn check(cookie: &str, attributes: &[String]) -> Result<(), String> {
    let mut seen: Vec<String> = Vec::new();
    for attribute in attributes {
        let refuse =
            |what: &str| Err(format!("cookie `{cookie}`: its attribute {attribute:?} {what}"));
        let name = attribute.split_once('=').map_or(attribute.as_str(), |(name, _)| name);
        if name.is_empty() || !name.bytes().all(is_token) {
            return refuse("must be a name of letters, digits and `-`, or a name, `=` and a value");
        }
        if !fits(attribute) || *attribute != attribute.trim() {
            return refuse("must be visible ASCII without `;`, and of at most 1024 bytes");
        }
        let name = name.to_ascii_lowercase();
        if OURS.contains(&name.as_str()) {
            return refuse("is written by the library; say it with the struct's key");
        }
        if seen.contains(&name) {
            return refuse("is there twice");
        }
        seen.push(name);
    }
    Ok(())
}

/// Whether a text can stand in an attribute.
pub(super) fn fits(value: &str) -> bool {
    value.len() <= MAX_ATTRIBUTE && value.bytes().all(|c| matches!(c, b' '..=b'~') && c != b';')
}

/// The characters of a token (RFC 9110, section 5.6.2), which a cookie's name is.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
