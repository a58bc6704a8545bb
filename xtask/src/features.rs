//! The library's features, read from its manifest. A feature that compiles together with all others
//! need not compile by itself, which is how most users have it.

/// The manifest that lists the features.
const MANIFEST: &str = include_str!("../../session-runtime/Cargo.toml");

/// The features that users can choose, in the order of the manifest: neither the default ones as a
/// whole, nor what begins with `_`, which several features share.
pub(crate) fn of_the_library() -> Vec<&'static str> {
    listed(MANIFEST).filter(|feature| *feature != "default" && !feature.starts_with('_')).collect()
}

fn listed(manifest: &str) -> impl Iterator<Item = &str> {
    let lines = manifest.lines().skip_while(|line| *line != "[features]").skip(1);
    let features = lines.take_while(|line| !line.starts_with('['));
    features
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once(" = ")?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_what_stands_in_their_table() {
        let manifest = "[package]\nname = \"a\"\n\n[features]\ndefault = [\"b\"]\n# Says why = so.\n\
                        b = [\n  \"dep:c\",\n]\n_d = []\n\n[dependencies]\nc = \"1\"\n";
        assert_eq!(listed(manifest).collect::<Vec<_>>(), ["default", "b", "_d"]);
    }

    #[test]
    fn the_library_has_features_for_axum_and_for_its_stores() {
        let features = of_the_library();
        for feature in ["axum", "embedded", "redis", "mongodb", "conformance", "testing"] {
            assert!(features.contains(&feature), "{features:?}");
        }
        assert!(!features.contains(&"default") && !features.contains(&"_sql"), "{features:?}");
    }
}
