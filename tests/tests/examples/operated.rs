//! The examples as those who run them meet them: each says whether its sessions can be served. Knows
//! nothing of any single example.

use tests::example::Example;

/// Those whose sessions are in the store that `STORE` names.
const EXAMPLES: [&str; 12] = [
    "admin",
    "jobs",
    "kestrun",
    "ktor_auth",
    "ktor_header",
    "ktor_server",
    "metrics",
    "pode",
    "pode_header",
    "primate",
    "shop",
    "verb",
];

#[test]
fn every_example_is_ready_only_while_its_store_is() {
    for name in EXAMPLES {
        // Nobody listens there.
        let example =
            Example::start(name, &[("STORE", "redis://127.0.0.1:1"), ("STORE_LAZY", "1")]);
        assert_eq!(example.request("/readyz", &[]).status, 503, "{name}");
    }
}
