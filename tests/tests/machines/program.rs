//! The program that serves the application: where it is, what it is told, and its own settings.

use std::process::Command;

use tests::{backend::kind::Backend, machine::Settings};

/// Where cargo put the program that serves the application.
pub(crate) const APP: &str = env!("CARGO_BIN_EXE_app");

/// Sessions at `backend`. What is asked here is whether it is right, on a machine that is busy with
/// many processes; how soon is not.
pub(crate) fn settings(backend: &impl Backend) -> Settings {
    Settings { deadline: "30000", ..Settings::new(backend.url()) }
}

#[test]
fn a_wrong_setting_is_one_line_and_exit_code_2() {
    let settings = Settings::new("memory:");
    let cases = [
        ("STORE", "", "`STORE` is not set"),
        ("STORE", "nowhere:", "`memory:`"),
        ("SESSION_KEYS", "short", "key"),
        ("CAP", "many", "`3:end-oldest`"),
        ("CAP", "3:sometimes", "`3:end-oldest`"),
        ("DEADLINE", "soon", "milliseconds"),
        ("AUDIENCE", "a b", "audience"),
        ("ENCRYPT", "yes", "`ENCRYPT`"),
    ];
    for (name, value, told) in cases {
        let output = Command::new(APP)
            .env("STORE", &settings.store)
            .env("SESSION_KEYS", &settings.keys)
            .env(name, value)
            .output()
            .expect("the program that cargo built starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}={value}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{name}={value}: {stderr}");
        assert!(stderr.contains(told), "{name}={value}: {stderr}");
        assert!(output.stdout.is_empty(), "{name}={value}");
    }
}
