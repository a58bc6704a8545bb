//! The pages of `docs/coming-from`, whose Rust must compile: they are documentation tests.

#[doc = include_str!("../../docs/coming-from/actix-session.md")]
mod actix_session {}

#[doc = include_str!("../../docs/coming-from/axum_session.md")]
mod axum_session {}

#[doc = include_str!("../../docs/coming-from/express-session.md")]
mod express_session {}

#[doc = include_str!("../../docs/coming-from/kestrun.md")]
mod kestrun {}

#[doc = include_str!("../../docs/coming-from/ktor.md")]
mod ktor {}

#[doc = include_str!("../../docs/coming-from/pode.md")]
mod pode {}

#[doc = include_str!("../../docs/coming-from/primate.md")]
mod primate {}

#[doc = include_str!("../../docs/coming-from/spring-session.md")]
mod spring_session {}

#[doc = include_str!("../../docs/coming-from/tower-sessions.md")]
mod tower_sessions {}

#[doc = include_str!("../../docs/coming-from/verb.md")]
mod verb {}
