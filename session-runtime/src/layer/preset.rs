//! Bundles of policy knobs under one name each. They set what the builder has a method for, and
//! nothing of their own.

use crate::{
    engine::policy::{Policy, TouchOn},
    schema::{CommitOn, Create, OnEnd, OnStale, OnStoreError, Resend},
};

/// A bundle of policy knobs, for those who come from a system that behaves so
/// ([`SessionLayerBuilder::preset`](crate::SessionLayerBuilder::preset)). Each is a column:
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
/// Where those systems do what is not safe, this library does not: an unknown id is never taken
/// over, a response never leaves before its commit, a session without log-out still ends, log-in
/// changes the token, cookies are `HttpOnly`, `Secure` and `SameSite`. How long sessions live, and
/// the cookie's attributes, are set apart from this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// A session begins with the first write; a token that leads nowhere is cleared.
    OnDemand,
    /// A session begins with the first write, lives on with any request, and the client hears of
    /// its token once: neither its end nor a stale token is answered, and without the store
    /// handlers see an anonymous visitor.
    Discreet,
    /// Every visitor whom a handler looks at has a session, empty or not; a stale token is
    /// replaced at once.
    EveryVisitor,
    /// Every visitor has an id from the first request on, and is told of it once.
    StableId,
    /// Every visitor has a session, and each response that used it sends the token again; any
    /// request keeps it alive.
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
