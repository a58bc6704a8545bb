//! The errors of the runtime, each with its predicate, its status and its words.

use std::error::Error as _;

use super::*;

fn down() -> Error {
    let source = StoreError::with_source("d", fmt::Error);
    Error::new(Kind::Store { operation: "load", source })
}

fn all() -> Vec<(Kind, &'static str, u16)> {
    let key = crate::KeyRing::from_text("").expect_err("no key in it");
    let second = Duration::from_secs(1);
    vec![
        (Kind::Config("c".to_owned()), "config", 500),
        (Kind::Key(key), "config", 500),
        (Kind::Store { operation: "load", source: StoreError::new("d") }, "unavailable", 503),
        (Kind::Deadline { operation: "load", after: second }, "unavailable", 503),
        (Kind::WhileDown(down()), "unavailable", 503),
        (Kind::Down { operation: "load", down_for: second, cause: down() }, "unavailable", 503),
        (Kind::Crowded { operation: "load", limit: 1, is_told: false }, "unavailable", 503),
        (Kind::Degraded, "unavailable", 503),
        (Kind::UnknownKey, "unknown_key", 503),
        (Kind::Interrupted, "unavailable", 503),
        (Kind::Conflict { field: "f".to_owned() }, "conflict", 409),
        (
            Kind::TooLarge { what: Large::Token, size: 2, limit: 1, fields: Vec::new() },
            "too_large",
            422,
        ),
        (
            Kind::TooLarge { what: Large::Session, size: 2, limit: 1, fields: Vec::new() },
            "too_large",
            422,
        ),
        (Kind::Encode { field: "f".to_owned(), message: "m".to_owned() }, "encode", 422),
        (Kind::OutOfRange { field: "f".to_owned() }, "out_of_range", 422),
        (Kind::Panicked { field: "f".to_owned() }, "", 500),
        (Kind::Identity { field: "f".to_owned() }, "", 500),
        (Kind::Gone, "gone", 409),
        (Kind::LogInConflict { field: "f".to_owned() }, "conflict", 409),
        (Kind::LogInDestroyed, "", 500),
        (Kind::NoConsent, "withheld", 403),
        (Kind::Closed, "closed", 500),
        (Kind::MissingLayer { type_name: "T" }, "missing_layer", 500),
        (Kind::TwoLayers { type_name: "T", outer: "o".to_owned(), inner: "i".to_owned() }, "", 500),
        (Kind::NotLoopback, "", 421),
        (Kind::Random, "", 500),
        (Kind::SessionIds("zeros"), "", 500),
        (Kind::NotListable, "", 500),
        (Kind::OutOfReach, "", 500),
        (Kind::InTheFuture, "", 500),
        (Kind::NoCurrentSession, "", 500),
    ]
}

#[test]
fn each_cause_answers_to_one_predicate_and_has_one_status() {
    for (kind, predicate, status) in all() {
        let error = Error::new(kind);
        let answers = [
            ("config", error.is_config()),
            ("unavailable", error.is_unavailable()),
            ("conflict", error.is_conflict()),
            ("too_large", error.is_too_large()),
            ("encode", error.is_encode()),
            ("out_of_range", error.is_out_of_range()),
            ("gone", error.is_gone()),
            ("withheld", error.is_withheld()),
            ("unknown_key", error.is_unknown_key()),
            ("closed", error.is_closed()),
            ("missing_layer", error.is_missing_layer()),
        ];
        for (name, answer) in answers {
            assert_eq!(answer, name == predicate, "is_{name} of {error:?}");
        }
        assert_eq!(error.status().as_u16(), status, "{error:?}");
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn causes_are_sources() {
    for (kind, ..) in all() {
        let caused = matches!(
            kind,
            Kind::Store { .. } | Kind::WhileDown(_) | Kind::Down { .. } | Kind::Key(_)
        );
        let error = Error::new(kind);
        assert_eq!(error.source().is_some(), caused, "{error:?}");
    }
}

#[test]
fn every_public_error_prints_its_message_and_its_causes() {
    let unset = crate::KeyRing::from_env("SESSION_KEYS_OF_NO_PROGRAM").expect_err("not set");
    let unreadable = crate::KeyRing::from_file("no/such/file").expect_err("not there");
    let cause = std::fs::read("no/such/file").expect_err("not there");
    let os = cause.to_string();
    let store = StoreError::with_source("Redis does not answer", cause);
    let load = Kind::Store { operation: "load", source: store.clone() };
    let unlike = crate::codec::CodecError::new("column 3");
    let errors: Vec<(Box<dyn std::error::Error>, String)> = vec![
        (unset.clone().into(), unset.to_string()),
        (unreadable.clone().into(), format!("{unreadable}: {os}")),
        (Error::from(unset.clone()).into(), unset.to_string()),
        (Error::from(unreadable.clone()).into(), format!("{unreadable}: {os}")),
        (store.into(), format!("Redis does not answer: {os}")),
        (Error::new(load).into(), format!("session store: load: Redis does not answer: {os}")),
        (unlike.clone().into(), "column 3".to_owned()),
        (
            crate::cell::DecodeError::Codec(unlike).into(),
            "not a value of the field's type (column 3)".to_owned(),
        ),
        (
            "no id".parse::<crate::SessionId>().expect_err("no digits").into(),
            "a session id is 32 hex digits in lower case".to_owned(),
        ),
        #[cfg(feature = "axum")]
        (
            crate::Rejection::from(Error::from(unreadable.clone())).into(),
            format!("{unreadable}: {os}"),
        ),
    ];
    for (error, expected) in errors {
        assert_eq!(format!("{error:?}"), expected);
        assert_eq!(format!("{error:#?}"), expected);
        assert!(expected.starts_with(&error.to_string()), "{error}");
    }
}

#[cfg(feature = "axum")]
#[test]
fn a_response_carries_the_error_for_middleware() {
    use axum_core::response::IntoResponse;
    for (kind, _, status) in all() {
        let response = Error::new(kind).into_response();
        assert_eq!(response.status().as_u16(), status);
        assert!(response.extensions().get::<Error>().is_some());
    }
}
