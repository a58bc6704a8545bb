//! Bundles of policy options under one name each. A preset sets only options for which the builder
//! has a method.

use crate::{
    engine::policy::{Policy, TouchOn},
    schema::options::{CommitOn, Create, OnEnd, OnStale, OnStoreError, Resend},
};

/// A bundle of policy options that behaves as another system does, for applications that come from
/// that system ([`SessionLayerBuilder::preset`](crate::SessionLayerBuilder::preset)). Each preset
/// is a column:
///
/// | | `OnDemand` | `Discreet` | `EveryVisitor` | `StableId` | `Rolling` |
/// |---|---|---|---|---|---|
/// | [`create`](crate::SessionLayerBuilder::create) | `OnWrite` | `OnWrite` | `Eager` | `Eager` | `Eager` |
/// | [`resend`](crate::SessionLayerBuilder::resend) | `OnChange` | `Never` | `OnChange` | `Never` | `Always` |
/// | [`touch_on`](crate::SessionLayerBuilder::touch_on) | `Extracted` | `AnyRequest` | `Extracted` | `Extracted` | `AnyRequest` |
/// | [`on_stale`](crate::SessionLayerBuilder::on_stale) | `ClearToken` | `Ignore` | `NewSession` | `NewSession` | `NewSession` |
/// | [`on_end`](crate::SessionLayerBuilder::on_end) | `ExpireToken` | `Silent` | `ExpireToken` | `ExpireToken` | `Silent` |
/// | [`on_store_error`](crate::SessionLayerBuilder::on_store_error) | `Fail` | `Degrade` | `Fail` | `Fail` | `Fail` |
/// | [`commit_on`](crate::SessionLayerBuilder::commit_on) | `Always` | `Always` | `Always` | `Not5xx` | `Always` |
/// | as known from | Ktor | ASP.NET Core | Pode | Primate | express-session |
///
/// Where those systems do what is not safe, this library does not. An unknown id is never adopted,
/// a response never leaves before its commit, and a session without a log-out still ends. A log-in
/// changes the token, and cookies are `HttpOnly`, `Secure` and `SameSite`. Presets change neither
/// the lifetime of sessions nor the cookie's attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// A session is created by the first write. A token without a live session is cleared.
    OnDemand,
    /// A session is created by the first write, and any request touches it. The client is sent its
    /// token once; neither the session's end nor a stale token is answered. If the store is down,
    /// handlers see an anonymous visitor; unlike there, a write is then an error.
    Discreet,
    /// Every visitor has a session once a handler extracts it, empty or not. A stale token is
    /// replaced at once.
    EveryVisitor,
    /// Every visitor has an id from the first request on, and is sent the token once.
    StableId,
    /// Every visitor has a session, and each response that used it sends the token again. Any
    /// request touches the session.
    Rolling,
}

impl Preset {
    pub(crate) fn apply(self, policy: &mut Policy) {
        policy.create = match self {
            Self::OnDemand | Self::Discreet => Create::OnWrite,
            Self::EveryVisitor | Self::StableId | Self::Rolling => Create::Eager,
        };
        policy.resend = match self {
            Self::OnDemand | Self::EveryVisitor => Resend::OnChange,
            Self::Discreet | Self::StableId => Resend::Never,
            Self::Rolling => Resend::Always,
        };
        policy.touch_on = match self {
            Self::OnDemand | Self::EveryVisitor | Self::StableId => TouchOn::Extracted,
            Self::Discreet | Self::Rolling => TouchOn::AnyRequest,
        };
        policy.on_stale = match self {
            Self::OnDemand => OnStale::ClearToken,
            Self::Discreet => OnStale::Ignore,
            Self::EveryVisitor | Self::StableId | Self::Rolling => OnStale::NewSession,
        };
        policy.on_end = match self {
            Self::OnDemand | Self::EveryVisitor | Self::StableId => OnEnd::ExpireToken,
            Self::Discreet | Self::Rolling => OnEnd::Silent,
        };
        policy.on_store_error = match self {
            Self::Discreet => OnStoreError::Degrade,
            Self::OnDemand | Self::EveryVisitor | Self::StableId | Self::Rolling => {
                OnStoreError::Fail
            }
        };
        policy.commit_on = match self {
            Self::StableId => CommitOn::Not5xx,
            Self::OnDemand | Self::Discreet | Self::EveryVisitor | Self::Rolling => {
                CommitOn::Always
            }
        };
    }
}
