//! The tokens of one browser, one after the other: a session goes on under each key once at most, and
//! no cookie is taken away. Knows nothing of what is in a session.

use std::collections::BTreeMap;

use super::Wrong;
use crate::Client;

/// The characters of a token that say under which key it was made: those of the version, the suite,
/// and the id of the key.
const KEY: usize = 8;

/// The tokens that a browser had, by the name of the cookie.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    of: BTreeMap<&'static str, Vec<String>>,
}

impl Tokens {
    /// Looks into the jar of the browser. Returns how many tokens are new since, but for the first of
    /// each cookie.
    pub(super) fn look(&mut self, client: &Client) -> Result<u64, Wrong> {
        let mut new = 0;
        for cookie in ["app", "numbers"] {
            let had = self.of.entry(cookie).or_default();
            let Some(token) = client.cookie(cookie) else {
                if had.is_empty() {
                    continue;
                }
                return Err(format!("the cookie {cookie} was taken away"));
            };
            let Some(last) = had.last() else {
                had.push(token);
                continue;
            };
            if *last == token {
                continue;
            }
            if had.iter().any(|it| it[..KEY] == token[..KEY]) {
                return Err(format!(
                    "a second token of {cookie} under the key {}, after {} tokens",
                    &token[..KEY],
                    had.len()
                ));
            }
            had.push(token);
            new += 1;
        }
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_under_each_key_is_allowed_and_a_second_one_or_none_is_wrong() {
        let (client, mut tokens) = (Client::at("http://127.0.0.1:1"), Tokens::default());
        let mut put = |token: &str| {
            client.set_cookie("app", token);
            tokens.look(&client)
        };
        assert_eq!(put("key-one-a"), Ok(0));
        assert_eq!(put("key-one-a"), Ok(0));
        assert_eq!(put("key-two-a"), Ok(1));
        assert!(put("key-two-b").is_err());
        assert!(put("key-one-a").is_err());
        assert_eq!(put("key-two-a"), Ok(0));
        assert!(tokens.look(&client.blank()).is_err());
    }
}
