//! The pages of the repository's `docs/`, as part of the documentation: [stores] for one process and
//! for many machines, [testing] of handlers, [features] beside those of other systems, [performance]
//! in figures, and [coming_from] another system; for those who operate it, [deploying], [sizing],
//! [alerts] and [night]. This file owns which page is which module; the text is in the pages, whose
//! programs are compiled as documentation tests.

#[doc = include_str!("../docs/stores.md")]
pub mod stores {}

// Its programs need the feature.
#[cfg(feature = "testing")]
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/features.md")]
pub mod features {}

// Its program is served by axum.
#[cfg(feature = "axum")]
#[doc = include_str!("../docs/deploying.md")]
pub mod deploying {}

#[doc = include_str!("../docs/night.md")]
pub mod night {}

#[doc = include_str!("../docs/sizing.md")]
pub mod sizing {}

// Its program has the feature's observer.
#[cfg(feature = "metrics")]
#[doc = include_str!("../docs/alerts.md")]
pub mod alerts {}

#[doc = include_str!("../docs/performance.md")]
pub mod performance {}

#[doc = include_str!("../docs/coming-from/README.md")]
pub mod coming_from {
    #[doc = include_str!("../docs/coming-from/kestrun.md")]
    pub mod kestrun {}

    #[doc = include_str!("../docs/coming-from/pode.md")]
    pub mod pode {}

    #[doc = include_str!("../docs/coming-from/ktor.md")]
    pub mod ktor {}

    #[doc = include_str!("../docs/coming-from/primate.md")]
    pub mod primate {}

    #[doc = include_str!("../docs/coming-from/verb.md")]
    pub mod verb {}

    #[doc = include_str!("../docs/coming-from/express-session.md")]
    pub mod express_session {}

    #[doc = include_str!("../docs/coming-from/tower-sessions.md")]
    pub mod tower_sessions {}

    #[doc = include_str!("../docs/coming-from/axum_session.md")]
    pub mod axum_session {}

    #[doc = include_str!("../docs/coming-from/actix-session.md")]
    pub mod actix_session {}

    #[doc = include_str!("../docs/coming-from/spring-session.md")]
    pub mod spring_session {}
}
