//! The rehearsal of the page about deploying, typed as it is written there. Knows nothing of the
//! example behind it.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use tests::{
    backend::{free_port, postgres::Postgres},
    example::{command, run_to_end},
};

const PAGE: &str = include_str!("../../../docs/deploying.md");

/// Returns the code blocks of the section, in their order.
fn blocks() -> String {
    let (_, section) = PAGE.split_once("\n## A rehearsal\n").expect("the section");
    let section = section.split("\n## ").next().expect("a beginning");
    let blocks = section.split("\n```sh\n").skip(1);
    blocks.map(|block| block.split("```\n").next().expect("an end")).collect()
}

/// A shell with the variables that the page names, and those by which cargo finds what is built.
fn shell(script: &str) -> Command {
    let of_cargo = |name: &str| {
        let of_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
        (name.starts_with("CARGO") || name.starts_with("RUST"))
            && of_package.iter().all(|prefix| !name.starts_with(prefix))
    };
    let kept = env::vars().filter(|(name, _)| of_cargo(name) || name == "PATH" || name == "HOME");
    let mut shell = Command::new("bash");
    // As with a person at the terminal, who stops at the first failure, and leaves nothing running.
    let script =
        format!("set -euo pipefail; trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{script}");
    shell.env_clear().envs(kept).args(["-c", &script]).stdin(Stdio::null());
    shell.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    shell
}

#[test]
fn the_rehearsal_of_the_page_about_deploying_goes_as_the_page_says() {
    // What is built before does not count as the time of the rehearsal.
    let _ = command("metrics", &[]);
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().expect("a folder");
    let ports = [(); 3].map(|()| free_port().to_string()).join(" ");
    let mut shell = shell(&blocks());
    shell.env("SESSION_STORE", postgres.database("rehearsal")).env("PORTS", ports);
    shell.env("TMPDIR", folder.path());
    let output = run_to_end(&mut shell);
    let (said, told) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{told}");
    let mut rest = &*said;
    for part in [
        "ada: 1",
        "ada: 2",
        "refused until the old key has ended",
        "ada: 3",
        "session.keys",
        "session_requests_total{",
        "2 sessions ended",
        "no session is left",
    ] {
        let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("{part}: {said}\n{told}"));
        rest = after;
    }
    assert_eq!(rest.trim(), "1", "{said}");
}
