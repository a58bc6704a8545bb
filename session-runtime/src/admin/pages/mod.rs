//! Pages for administrators, over the operations of [`StoredSessions`]: which request leads to which
//! operation and page. Owns the headers of the pages; the HTML is `view`'s. Knows nobody: who may come
//! in is up to the guard in front.

mod html;
mod time;
mod view;

use std::{collections::HashMap, fmt, sync::Arc};

use axum::{
    Router,
    extract::{Form, Query, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};
use tower_http::csrf::CsrfLayer;

use self::{
    html::{Html, encoded},
    view::Ended,
};
use super::{StoredSessions, principal_key};
use crate::{cell::model::SessionType, error::Error, event, layer::SessionLayer};

/// Pages on which administrators find and end the sessions of a layer. Plain HTML: they work without
/// JavaScript, and load nothing from elsewhere.
///
/// **Mount them behind a guard of your own:** whoever can open the pages can end everybody's sessions.
///
/// ```
/// use axum::{Router, extract::Request, middleware::{self, Next}, response::Response};
/// use session_runtime::{Error, KeyRing, Session, SessionLayer, admin::AdminPages, store::MemoryStore};
///
/// #[derive(Session)]
/// struct Shop {
///     #[session(principal, extract = "CurrentUser", validate = is_administrator)]
///     user: Option<String>,
///     device: String,
/// }
///
/// fn is_administrator(user: &String) -> bool {
///     user == "root"
/// }
///
/// async fn guard(_: CurrentUser, request: Request, next: Next) -> Response {
///     next.run(request).await
/// }
///
/// # fn app() -> Result<Router, Error> {
/// let layer = SessionLayer::<Shop>::new(MemoryStore::default(), KeyRing::ephemeral()?)?;
/// let pages = AdminPages::of(&layer)?.labels(&["device"])?.router();
/// let app = Router::new()
///     .nest("/admin/sessions", pages.layer(middleware::from_fn(guard)))
///     .layer(layer);
/// # Ok(app) }
/// # app().unwrap();
/// ```
///
/// The pages list the sessions of a principal, show one, end one or all, and show the state of the
/// store and of the key ring. They show no token and no value of a field, except the labels. A form is
/// refused (403) if it comes from another site: the pages are behind tower-http's `CsrfLayer`. The
/// principal that is searched for is in the address, and so in the log of a proxy that writes one.
#[derive(Clone)]
pub struct AdminPages {
    sessions: StoredSessions,
    fields: Vec<(&'static str, bool)>,
    labels: Vec<&'static str>,
}

impl AdminPages {
    /// Makes the pages of a layer's sessions.
    ///
    /// # Errors
    ///
    /// Returns an error if the payload travels in the token: such sessions cannot be listed.
    pub fn of<T: SessionType>(layer: &SessionLayer<T>) -> Result<Self, Error> {
        let fields = T::spec().fields.iter().map(|field| (field.name, field.secret)).collect();
        Ok(Self { sessions: StoredSessions::of(layer)?, fields, labels: Vec::new() })
    }

    /// Sets the fields, by their stored names, whose values the list shows: a device, a browser, a
    /// city. By default none is shown.
    ///
    /// # Errors
    ///
    /// Returns an error for a field that the session type does not have, or that is `secret`.
    pub fn labels(mut self, labels: &[&'static str]) -> Result<Self, Error> {
        for label in labels {
            let reason = match self.fields.iter().find(|(name, _)| name == label) {
                Some((_, false)) => continue,
                Some((_, true)) => "is `secret`, and never shown",
                None => "is no field that is stored",
            };
            return Err(Error::config(format!("the label `{label}` {reason}")));
        }
        self.labels = labels.to_vec();
        Ok(self)
    }

    /// Makes the router: one path, `/`, to be nested where the pages are to be.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        Router::new()
            .route("/", get(answer).post(end))
            .layer(CsrfLayer::new())
            .with_state(Arc::new(self))
    }

    fn begin(&self) -> Html {
        view::begin(&self.sessions)
    }
}

impl fmt::Debug for AdminPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminPages")
            .field("sessions", &self.sessions)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

type Fields = HashMap<String, String>;

/// Answers a link or a search.
async fn answer(State(pages): State<Arc<AdminPages>>, Query(query): Query<Fields>) -> Response {
    let asked =
        |name: &str| query.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let shown = match (asked("principal"), asked("session")) {
        (Some(principal), _) => list(&pages, principal, &query).await,
        (None, Some(session)) => show(&pages, session).await,
        (None, None) => home(&pages, &query).await,
    };
    shown.unwrap_or_else(|error| failed(&pages, &error))
}

async fn home(pages: &AdminPages, query: &Fields) -> Result<Response, Error> {
    let (mut page, mut status) = (pages.begin(), StatusCode::OK);
    if let Some(ended) = outcome(query) {
        view::ended(&mut page, ended);
    }
    view::search(&mut page, "", "");
    let mut health = None;
    if query.contains_key("check") {
        health = Some("The store works.");
        if let Err(error) = pages.sessions.check().await {
            event::failed(&error, true);
            status = StatusCode::SERVICE_UNAVAILABLE;
            health = Some("The store does not work; the log has the reason.");
        }
    }
    view::state(&mut page, &pages.sessions, health);
    Ok(respond(status, page))
}

async fn list(pages: &AdminPages, principal: &str, query: &Fields) -> Result<Response, Error> {
    let mut page = pages.begin();
    let after = match query.get("after").map(|after| after.parse()) {
        Some(Err(_)) => {
            view::message(&mut page, "This link to a further page is broken.");
            return Ok(respond(StatusCode::BAD_REQUEST, page));
        }
        Some(Ok(after)) => Some(after),
        None => None,
    };
    let key = principal_key(principal);
    let count = pages.sessions.count(&key).await?;
    let found = pages.sessions.list(&key, after).await?;
    if let Some(ended) = outcome(query) {
        view::ended(&mut page, ended);
    }
    view::search(&mut page, principal, "");
    // As the store's index has it, so that `42` and `"42"` are told apart.
    view::list(&mut page, key.as_str(), count, &found, &pages.labels);
    Ok(respond(StatusCode::OK, page))
}

async fn show(pages: &AdminPages, session: &str) -> Result<Response, Error> {
    let mut page = pages.begin();
    view::search(&mut page, "", session);
    let Ok(id) = session.parse() else {
        view::message(&mut page, "A session id is 32 hex digits in lower case.");
        return Ok(respond(StatusCode::BAD_REQUEST, page));
    };
    let Some(record) = pages.sessions.find(&id).await? else {
        view::message(&mut page, "There is no such session.");
        return Ok(respond(StatusCode::NOT_FOUND, page));
    };
    view::session(&mut page, id, &record, &pages.labels);
    Ok(respond(StatusCode::OK, page))
}

/// Ends what a form names, and leads to the page that tells the outcome.
async fn end(State(pages): State<Arc<AdminPages>>, Form(form): Form<Fields>) -> Response {
    let principal = form.get("principal");
    let ended = match (form.get("end").map(String::as_str), form.get("session"), principal) {
        (Some("one"), Some(session), _) => match session.parse() {
            Ok(id) => pages.sessions.end(&id).await.map(|ended| (u64::from(ended), true)),
            Err(_) => return refused(&pages),
        },
        (Some("all"), None, Some(principal)) => {
            let ended = pages.sessions.end_all(&principal_key(principal)).await;
            ended.map(|ended| (ended.count, ended.is_done))
        }
        _ => return refused(&pages),
    };
    let (count, is_done) = match ended {
        Ok(ended) => ended,
        Err(error) => return failed(&pages, &error),
    };
    let mut target = format!("?ended={count}&done={is_done}");
    if let Some(principal) = principal {
        target.push_str("&principal=");
        target.push_str(&encoded(principal));
    }
    let mut response = respond(StatusCode::SEE_OTHER, Html::default());
    match HeaderValue::try_from(target) {
        Ok(target) => drop(response.headers_mut().insert(header::LOCATION, target)),
        // Nothing but unreserved characters, `%`, `?`, `&` and `=`.
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    response
}

/// Returns the outcome that the address tells of.
fn outcome(query: &Fields) -> Option<Ended> {
    let count = query.get("ended")?.parse().ok()?;
    Some(Ended { count, is_done: query.get("done").is_none_or(|done| done == "true") })
}

fn refused(pages: &AdminPages) -> Response {
    let mut page = pages.begin();
    view::message(&mut page, "This form is not one of these pages.");
    respond(StatusCode::BAD_REQUEST, page)
}

fn failed(pages: &AdminPages, error: &Error) -> Response {
    event::failed(error, true);
    let mut page = pages.begin();
    view::message(&mut page, "The store does not answer as it should; the log has the reason.");
    respond(error.status(), page)
}

fn respond(status: StatusCode, page: Html) -> Response {
    let style = STANDARD.encode(Sha256::digest(view::STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, &policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Without a referrer, browsers say of a form that it comes from nowhere.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (status, headers, page.finish()).into_response()
}
