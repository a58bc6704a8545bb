//! Presets, each against the behaviour that its column says.

use std::time::Duration;

use axum::{http::StatusCode, routing::get};
use session_runtime::{
    Session, SessionLayerBuilder,
    policy::{CommitOn, Create, OnEnd, OnStale, OnStoreError, Preset, Resend},
};
use tests::{
    Client, Fault, Verb,
    sessions::{self, Case, Stored},
};

/// What can be seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an observation of its own")]
struct Seen {
    created_by_a_look: bool,
    sent_again: bool,
    touched_by_any_request: bool,
    /// `cleared`, `replaced` or `ignored`.
    stale: &'static str,
    end_is_told: bool,
    status_without_store: u16,
    committed_with_500: bool,
}

async fn observe(
    adjust: impl FnOnce(SessionLayerBuilder<Stored>) -> SessionLayerBuilder<Stored>,
) -> Seen {
    let routes = sessions::routes::<Stored>()
        .route("/look", get(async |_: Session<Stored>| "looked"))
        .route("/destroy", get(async |s: Session<Stored>| s.destroy()))
        .route("/asset", get(async || "asset"))
        .route(
            "/500",
            get(async |s: Session<Stored>| {
                s.set_theme("broken".to_owned());
                StatusCode::INTERNAL_SERVER_ERROR
            }),
        );
    let Case { server, clock, store } = Case::start(routes, adjust).await;
    let created_by_a_look = !Client::new(&server).get("/look").await.set_cookies().is_empty();
    let client = Client::new(&server);
    client.get("/set").await;
    let sent_again = !client.get("/read").await.set_cookies().is_empty();
    store.take_calls();
    clock.advance(Duration::from_secs(120));
    client.get("/asset").await;
    let touched_by_any_request = store.take_calls() == ["load", "touch"];
    client.get("/500").await;
    let committed_with_500 = client.get("/read").await.body == "broken";
    store.fault(Verb::Load, Fault::Down);
    let status_without_store = client.get("/read").await.status.as_u16();
    store.heal(Verb::Load);
    let end_is_told = !client.get("/destroy").await.set_cookies().is_empty();
    let stale = Client::new(&server);
    stale.set_cookie("s", "AAAA");
    let stale = match stale.get("/read").await.set_cookies().as_slice() {
        [] => "ignored",
        [cookie] if cookie.contains("Max-Age=0") => "cleared",
        _ => "replaced",
    };
    Seen {
        created_by_a_look,
        sent_again,
        touched_by_any_request,
        stale,
        end_is_told,
        status_without_store,
        committed_with_500,
    }
}

const DEFAULTS: Seen = Seen {
    created_by_a_look: false,
    sent_again: false,
    touched_by_any_request: false,
    stale: "cleared",
    end_is_told: true,
    status_without_store: 503,
    committed_with_500: false,
};

#[tokio::test]
async fn each_preset_behaves_as_its_column_says() {
    assert_eq!(observe(|builder| builder).await, DEFAULTS);
    for (preset, expected) in [
        (Preset::OnDemand, Seen { committed_with_500: true, ..DEFAULTS }),
        (
            Preset::Discreet,
            Seen {
                touched_by_any_request: true,
                stale: "ignored",
                end_is_told: false,
                status_without_store: 200,
                committed_with_500: true,
                ..DEFAULTS
            },
        ),
        (
            Preset::EveryVisitor,
            Seen {
                created_by_a_look: true,
                stale: "replaced",
                committed_with_500: true,
                ..DEFAULTS
            },
        ),
        (Preset::StableId, Seen { created_by_a_look: true, stale: "replaced", ..DEFAULTS }),
        (
            Preset::Rolling,
            Seen {
                created_by_a_look: true,
                sent_again: true,
                touched_by_any_request: true,
                stale: "replaced",
                end_is_told: false,
                committed_with_500: true,
                ..DEFAULTS
            },
        ),
    ] {
        assert_eq!(observe(|builder| builder.preset(preset)).await, expected, "{preset:?}");
    }
}

#[tokio::test]
async fn what_is_called_later_overrides() {
    let rolling_but = |builder: SessionLayerBuilder<Stored>| {
        builder
            .preset(Preset::Discreet)
            .preset(Preset::Rolling)
            .create(Create::OnWrite)
            .resend(Resend::OnChange)
            .touch_on(session_runtime::policy::TouchOn::Extracted)
            .on_stale(OnStale::ClearToken)
            .on_end(OnEnd::ExpireToken)
            .commit_on(CommitOn::Not5xx)
    };
    assert_eq!(observe(rolling_but).await, DEFAULTS);
    let overridden = |builder: SessionLayerBuilder<Stored>| {
        builder.on_store_error(OnStoreError::Degrade).preset(Preset::StableId)
    };
    let expected = Seen { created_by_a_look: true, stale: "replaced", ..DEFAULTS };
    assert_eq!(observe(overridden).await, expected);
}
