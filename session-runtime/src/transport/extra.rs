//! Attributes of a cookie that have no setting of their own: the check of their text.

/// The most bytes of an attribute's value. Browsers ignore a longer value
/// (draft-ietf-httpbis-rfc6265bis, section 5.6).
const MAX_ATTRIBUTE: usize = 1024;
/// The attributes that have a setting.
const OURS: [&str; 8] =
    ["domain", "expires", "httponly", "max-age", "partitioned", "path", "samesite", "secure"];

/// Checks the attributes that a deployment adds to a cookie. Returns what is wrong with them.
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

/// Returns true if a text may be part of an attribute.
pub(super) fn fits(value: &str) -> bool {
    value.len() <= MAX_ATTRIBUTE && value.bytes().all(|c| matches!(c, b' '..=b'~') && c != b';')
}

/// Returns true for a character of an RFC 9110 token (section 5.6.2); a cookie's name is such a
/// token.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
