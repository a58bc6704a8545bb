//! An HTTP client with one cookie jar: it sends every cookie it was given, `Secure` ones too
//! (browsers do so on loopback), and forgets those that are expired.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::Server;

/// One browser, more or less.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    jar: Arc<Mutex<BTreeMap<String, String>>>,
}

/// A response, read to its end.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

impl Client {
    /// A fresh browser for `server`.
    ///
    /// # Panics
    ///
    /// If the client cannot be built.
    #[must_use]
    pub fn new(server: &Server) -> Self {
        Self::at(&server.url(""))
    }

    /// A fresh browser for whatever serves at `base` (`http://127.0.0.1:3000`).
    ///
    /// # Panics
    ///
    /// If the client cannot be built.
    #[must_use]
    pub fn at(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client without TLS builds");
        Self { http, base: base.to_owned(), jar: Arc::default() }
    }

    /// The same browser as it is now, which finds the application at another address; with a jar of
    /// its own from here on.
    #[must_use]
    pub fn moved(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.fork() }
    }

    /// A browser with nothing in its jar, for the same application.
    #[must_use]
    pub fn blank(&self) -> Self {
        Self { http: self.http.clone(), base: self.base.clone(), jar: Arc::default() }
    }

    /// The same browser as it is now, with a jar of its own from here on.
    #[must_use]
    pub fn fork(&self) -> Self {
        let jar = Arc::new(Mutex::new(self.lock().clone()));
        Self { http: self.http.clone(), base: self.base.clone(), jar }
    }

    /// The same browser with the same jar, which finds the application at another address.
    #[must_use]
    pub fn roams(&self, base: &str) -> Self {
        Self { http: self.http.clone(), base: base.to_owned(), jar: Arc::clone(&self.jar) }
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[]).await
    }

    /// `POST path` with an empty body.
    pub async fn post(&self, path: &str) -> Reply {
        self.send(Method::POST, path, &[]).await
    }

    /// Sends a request with these headers besides the jar's cookies, and takes over the cookies of
    /// the response.
    ///
    /// # Panics
    ///
    /// If there is no response.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.exchange(self.request(method, path, headers)).await
    }

    /// Sends a request to an application that may be gone. Returns nothing if no whole answer came in
    /// that time.
    pub async fn attempt(&self, method: Method, path: &str, patience: Duration) -> Option<Reply> {
        self.answer(self.request(method, path, &[]).timeout(patience)).await.ok()
    }

    /// Posts a form, given as a browser encodes it.
    ///
    /// # Panics
    ///
    /// If there is no response.
    pub async fn post_form(&self, path: &str, form: String) -> Reply {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.exchange(self.request(Method::POST, path, &headers).body(form)).await
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> reqwest::RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        let cookies: Vec<_> = self.lock().iter().map(|(k, v)| format!("{k}={v}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            request = request
                .header(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
        }
        request
    }

    async fn exchange(&self, request: reqwest::RequestBuilder) -> Reply {
        self.answer(request).await.expect("the server answers, with a text")
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Reply, reqwest::Error> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut reply = Reply { status, headers, body: String::new() };
        // A browser has the cookies before the body, and keeps them if the body never comes.
        self.take_over(&reply);
        reply.body = response.text().await?;
        Ok(reply)
    }

    fn take_over(&self, reply: &Reply) {
        for line in reply.set_cookies() {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a cookie is name=value");
            if attributes.split(';').any(|a| a.trim().eq_ignore_ascii_case("max-age=0")) {
                self.lock().remove(name);
            } else {
                self.lock().insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The value of a cookie in the jar.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.lock().get(name).cloned()
    }

    /// Puts a cookie into the jar.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.lock().insert(name.to_owned(), value.to_owned());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reply {
    /// Every `Set-Cookie` line, in order.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok()).collect()
    }

    /// A header's only value, as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
