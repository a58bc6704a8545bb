//! What one would write by hand without a store: a struct as JSON, sealed in the cookie with the
//! cipher that we seal with. It has one key, no rotation, no binding to a name or a deployment.

use std::hint::black_box;

use axum::{Router, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, aead::Aead};
use serde::{Deserialize, Serialize};

use super::floor::{Cookies, IDLE_SECONDS, Jar, now};
use crate::workload::Data;

const NONCE: usize = 24;

struct Sealer(XChaCha20Poly1305);

#[derive(Serialize, Deserialize)]
struct Kept {
    until: u64,
    data: Data,
}

impl Sealer {
    fn new() -> Self {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("random bytes");
        Self(XChaCha20Poly1305::new(&key.into()))
    }
}

impl Jar<Sealer> {
    fn open(&self) -> Option<Data> {
        let bytes = URL_SAFE_NO_PAD.decode(self.cookie()?).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let plain = self.keeper().0.decrypt(&(*nonce).into(), sealed).ok()?;
        let kept: Kept = serde_json::from_slice(&plain).ok()?;
        (kept.until >= now()).then_some(kept.data)
    }

    fn seal(&self, data: Data) {
        let plain = serde_json::to_vec(&Kept { until: now() + IDLE_SECONDS, data });
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).expect("random bytes");
        let sealed = self.keeper().0.encrypt(&nonce.into(), &*plain.expect("it is JSON"));
        let token = [&nonce[..], &sealed.expect("short enough")].concat();
        self.set_cookie(&URL_SAFE_NO_PAD.encode(token));
    }
}

pub(super) fn router() -> Router {
    Router::new()
        .route(
            "/sealed/create",
            get(async |jar: Jar<Sealer>| {
                jar.seal(Data::logged_in());
                "ok"
            }),
        )
        .route(
            "/sealed/read",
            get(async |jar: Jar<Sealer>| {
                black_box(jar.open().expect("a session").visits);
                "ok"
            }),
        )
        .route(
            "/sealed/write",
            get(async |jar: Jar<Sealer>| {
                let mut data = jar.open().expect("a session");
                data.visits += 1;
                jar.seal(data);
                "ok"
            }),
        )
        .layer(Cookies::new(Sealer::new()))
}
