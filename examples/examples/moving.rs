//! How an application keeps its users logged in while it moves here from another system: whoever
//! comes with that system's cookie, correctly signed, is logged in, once, and the cookie goes.
//!
//! - **No old id becomes ours.** It stands in the old store, its backups and logs, and somebody may
//!   have planted it. It only says whom to log in; `log_in` makes a token of its own.
//! - **Only signed cookies count.** Otherwise whoever reads an id somewhere is logged in. So nothing
//!   here reads hashes that are no HMAC, or what Ktor encrypts: the first block can be forged.
//! - **It stays as long as an old session can live** after the old system's last cookie. Then this
//!   middleware, the old secret and the old store go.
//!
//! Start it with `cargo run -p examples --example moving`, then try, twice,
//! `curl -b 'pode.sid=s:value.kPv88V50o2uJ29sqch2a7P/f3dxcg+J/dZJZT3GTJIE=' -i localhost:3000`.

use std::{
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, header},
    middleware::{self, Next},
    response::{AppendHeaders, IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use session_runtime::{Error, Principal, Session};
use sha2::Sha256;

#[derive(Session)]
struct App {
    #[session(principal)]
    user: Option<UserId>,
}

#[derive(Principal, Clone, Copy, Serialize, Deserialize)]
struct UserId(u32);

#[tokio::main]
async fn main() -> ExitCode {
    let home = async |session: Session<App>| match session.user() {
        Some(UserId(id)) => format!("Hello, user {id}."),
        None => "Hello, stranger.".to_owned(),
    };
    examples::run(|startup| {
        Ok(Router::new()
            .route("/", get(home))
            .route("/logout", post(async |session: Session<App>| session.log_out()))
            .layer(middleware::from_fn(move_over)) // inside the sessions' layer, which it needs
            .layer(startup.build(startup.sessions::<App>())?))
    })
    .await
}

/// Name, secret and format of an old cookie.
type OldCookie = (&'static str, &'static [u8], fn(&str, &[u8]) -> Option<String>);

/// An application has one of them, and its secret elsewhere.
const OLD_COOKIES: [OldCookie; 3] = [
    ("pode.sid", b"key", pode),
    ("connect.sid", b"key", express),
    ("user_session", b"\x68\x19\xb5\x7a\x32\x69\x45\xc1\x96\x8f\x45\x23\x65\x89", ktor),
];

async fn move_over(request: Request, next: Next) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    let mut expired = Vec::new();
    for (name, secret, id_in) in OLD_COOKIES {
        let Some(value) = cookie(&parts.headers, name) else { continue };
        // With the `Path` and `Domain` that it was set with, or the client keeps it.
        expired.push((header::SET_COOKIE, format!("{name}=; Path=/; Max-Age=0")));
        let Some(id) = id_in(&value, secret) else { continue };
        let old_session = format!("{name} {id}");
        let session = Session::<App>::from_parts(&parts).await?;
        if session.is_new()
            && let Some(user) = old_user(&old_session)
        {
            session.log_in(user);
            session.save().await?; // if the store is down, the old session is still there
        }
        // Also if one of ours came along, or this cookie could undo that one's log-out.
        end_old_session(&old_session);
    }
    Ok((AppendHeaders(expired), next.run(Request::from_parts(parts, body)).await).into_response())
}

/// Its value, without the escapes that some of the old systems write.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split("; ")).filter_map(|it| it.split_once('='));
    let (_, value) = cookies.find(|(found, _)| *found == name)?;
    Some(value.replace("%3A", ":").replace("%2F", "/").replace("%2B", "+"))
}

/// `s:<id>.<base64>`. Pode itself takes the base64 in any case.
fn pode(cookie: &str, secret: &[u8]) -> Option<String> {
    let (id, base64) = cookie.strip_prefix("s:")?.rsplit_once('.')?;
    signed(id, &BASE64_STANDARD.decode(base64).ok()?, secret)
}

/// The same without the padding.
fn express(cookie: &str, secret: &[u8]) -> Option<String> {
    pode(&format!("{cookie}="), secret)
}

/// `<id>/<small hex digits>`.
fn ktor(cookie: &str, secret: &[u8]) -> Option<String> {
    let (id, hex) = cookie.rsplit_once('/')?;
    let byte = |at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let tag = (0..hex.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
    let exact = hex.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    signed(id, &tag, secret).filter(|_| exact)
}

/// The id, if the tag is its HMAC: all of it, compared in constant time.
fn signed(id: &str, tag: &[u8], secret: &[u8]) -> Option<String> {
    let mac = Hmac::<Sha256>::new_from_slice(secret).ok()?.chain_update(id);
    mac.verify_slice(tag).ok().map(|()| id.to_owned())
}

/// Stands for the old store, which finds nothing that is over by the old system's rules.
static OLD_SESSIONS: Mutex<[(&str, Option<UserId>); 3]> = Mutex::new([
    ("pode.sid value", Some(UserId(1))),
    ("connect.sid value", Some(UserId(2))),
    ("user_session abc123", Some(UserId(3))),
]);

fn old_user(session: &str) -> Option<UserId> {
    let sessions = OLD_SESSIONS.lock().unwrap_or_else(PoisonError::into_inner);
    sessions.iter().find(|(old, _)| *old == session)?.1
}

fn end_old_session(session: &str) {
    let mut sessions = OLD_SESSIONS.lock().unwrap_or_else(PoisonError::into_inner);
    sessions.iter_mut().filter(|(old, _)| *old == session).for_each(|(_, user)| *user = None);
}
