//! What a client is told to do when nobody is logged in.

use http::{HeaderMap, HeaderValue, header};

/// What a guard (`#[session(extract = "Name")]`) answers when its field is empty, instead of the
/// 401 that is its default.
///
/// ```
/// # use session_runtime::Challenge;
/// let challenge = Challenge::redirect("/login");
/// ```
#[derive(Clone, Debug)]
pub struct Challenge {
    location: Result<HeaderValue, String>,
}

impl Challenge {
    /// Sends browsers to a log-in page with 303 See Other. A client that asks for JSON, and not for
    /// HTML, still gets 401.
    ///
    /// A `location` that no header can carry is refused by
    /// [`build`](crate::SessionLayerBuilder::build).
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        Self { location: HeaderValue::from_str(location).map_err(|_| location.to_owned()) }
    }

    /// What is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.location.as_ref().map(drop).map_err(|location| {
            format!("a challenge's location must be printable ASCII, percent-encoded: {location:?}")
        })
    }

    /// Where to send the client that sent these headers.
    pub(crate) fn location(&self, headers: &HeaderMap) -> Option<&HeaderValue> {
        self.location.as_ref().ok().filter(|_| !wants_json(headers))
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accepts = |ending: &str| {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .any(|range| range.split(';').next().is_some_and(|kind| kind.trim().ends_with(ending)))
    };
    (accepts("/json") || accepts("+json")) && !accepts("/html")
}
