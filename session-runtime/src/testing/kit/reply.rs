//! The response as a test reads it: whole.

use std::{fmt, future::poll_fn, pin::Pin};

use axum_core::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode, header::SET_COOKIE};
use http_body::Body as _;

/// A response, read to its end.
#[derive(Clone)]
#[non_exhaustive]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// Returns the body as text. Bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the first value of a header, if that is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the `Set-Cookie` lines, in order.
    pub fn set_cookies(&self) -> impl Iterator<Item = &str> {
        self.headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok())
    }

    /// Reads a response.
    pub(super) async fn read(response: Response<Body>) -> Self {
        let (head, mut body) = response.into_parts();
        let mut read = BytesMut::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let frame = frame.unwrap_or_else(|error| panic!("the body breaks off: {error}"));
            // Trailers are no part of the text.
            if let Ok(data) = frame.into_data() {
                read.extend_from_slice(&data);
            }
        }
        Self { status: head.status, headers: head.headers, body: read.freeze() }
    }
}

impl fmt::Debug for Reply {
    /// Prints no header: one may carry a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("text", &self.text())
            .finish_non_exhaustive()
    }
}
