//! The answer to a client when nobody is logged in.

use http::{HeaderMap, HeaderValue, StatusCode, header};

/// The answer of a guard (`#[session(extract = "Name")]`) whose field is empty. Without a
/// challenge, a guard answers 401.
///
/// ```
/// # use session_runtime::Challenge;
/// let challenge = Challenge::redirect("/login");
/// ```
#[derive(Clone, Debug)]
pub struct Challenge {
    location: Result<HeaderValue, String>,
    status: StatusCode,
}

impl Challenge {
    /// Redirects browsers to a log-in page with 303 See Other. A client that asks for JSON, and not
    /// for HTML, still gets 401.
    ///
    /// [`build`](crate::SessionLayerBuilder::build) refuses a `location` that no header can carry.
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        Self::new(StatusCode::SEE_OTHER, location)
    }

    /// Redirects as [`redirect`](Self::redirect) does, but with 302 Found, for clients that were
    /// written for another framework's redirect.
    #[must_use]
    pub fn found(location: &str) -> Self {
        Self::new(StatusCode::FOUND, location)
    }

    fn new(status: StatusCode, location: &str) -> Self {
        let value = HeaderValue::from_str(location).ok().filter(|value| !value.is_empty());
        Self { location: value.ok_or_else(|| location.to_owned()), status }
    }

    /// Checks the location. Returns what is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.location.as_ref().map(drop).map_err(|location| {
            format!("a challenge's location must be a percent-encoded URL, not {location:?}")
        })
    }

    /// Returns the status and location of the redirect, or `None` if these request headers get 401.
    pub(crate) fn location(&self, headers: &HeaderMap) -> Option<(StatusCode, &HeaderValue)> {
        let location = self.location.as_ref().ok().filter(|_| !wants_json(headers))?;
        Some((self.status, location))
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    // Media types match in any case (RFC 9110, section 8.3.1).
    let ends_with = |kind: &str, ending: &str| {
        let start = kind.len().checked_sub(ending.len());
        start.and_then(|at| kind.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(ending))
    };
    let accepts = |ending: &str| {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .filter_map(|range| range.split(';').next())
            .any(|kind| ends_with(kind.trim(), ending))
    };
    (accepts("/json") || accepts("+json")) && !accepts("/html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_sent_to_the_page_and_clients_of_json_are_not() {
        let challenge = Challenge::redirect("/login?from=cart");
        let sent = |accepted: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for accept in accepted {
                headers.append(header::ACCEPT, HeaderValue::from_static(accept));
            }
            challenge.location(&headers).map(|(_, location)| location.clone())
        };
        let page = Some(HeaderValue::from_static("/login?from=cart"));
        for accepted in [
            &[][..],
            &[""],
            &["*/*"],
            &["text/html,application/xhtml+xml,*/*;q=0.8"],
            &["application/json, text/html"],
            &["application/json", "text/HTML;q=0.9"],
            &["application/jsonp"],
            &["json"],
            &["text/plain;as=application/json"],
        ] {
            assert_eq!(sent(accepted), page, "{accepted:?}");
        }
        for accepted in [
            &["application/json"][..],
            &["application/json;q=0.9, */*;q=0.1"],
            &["*/*", "application/problem+json ; charset=utf-8"],
            &["Application/JSON"],
            &["text/plain, APPLICATION/LD+JSON"],
        ] {
            assert_eq!(sent(accepted), None, "{accepted:?}");
        }
    }

    #[test]
    fn a_location_that_no_header_can_carry_is_refused() {
        assert_eq!(Challenge::redirect("https://login.example.com/?next=%2F").check(), Ok(()));
        for location in ["", "/caf\u{e9}\n", "/a\r\nSet-Cookie: x=1", "/\0"] {
            let challenge = Challenge::redirect(location);
            let problem = challenge.check().expect_err(location);
            assert!(problem.contains("percent-encoded"), "{problem}");
            assert_eq!(challenge.location(&HeaderMap::new()), None);
        }
    }
}
