//! The names that accessors cannot have, since `Session<T>` has them: an accessor of that name could
//! never be called past the handle's method. Owns the lists, which a test compares with the handle;
//! must not know fields.

/// Methods of the handle.
pub(crate) const METHODS: &[&str] = &[
    "clear",
    "create",
    "destroy",
    "expires_at",
    "info",
    "is_live",
    "is_new",
    "log_in",
    "log_out",
    "remember_for",
    "replace",
    "rotate",
    "save",
    "session_id",
    "session_token",
    "set_absolute",
    "set_idle",
    "snapshot",
    "touch",
    "transact",
    "try_transact",
];

/// Methods of traits that the handle implements and every module sees, or the handle cannot do
/// without.
pub(crate) const OF_TRAITS: &[&str] = &["clone", "deref", "into", "to_owned", "try_into"];

/// Names of methods to come, each with what the method is for: a program that compiles today is not
/// to be broken by the release that brings one.
pub(crate) const LATER: &[(&str, &str)] = &[
    ("act_as", "an administrator who sees what a user sees"),
    ("actor", "who that administrator is"),
    ("confirm_identity", "the time at which the user proved who they are"),
    ("csrf_token", "a token for forms, bound to the session"),
    ("detach", "a handle for work after the response"),
    ("discard", "the changes of this request, dropped"),
    ("forget_me", "the end of \"remember me\""),
    ("presented", "the kind of token that the request brought"),
    ("reload", "the present record, read again"),
    ("single_flight", "work that one request of a session does for all"),
    ("stop_acting", "the end of `act_as`"),
];

/// Says why an accessor cannot have this name, if the handle has or reserves the name.
pub(super) fn taken(name: &str) -> Option<&'static str> {
    if METHODS.contains(&name) || OF_TRAITS.contains(&name) {
        return Some("is a method of the session handle already");
    }
    let later = LATER.iter().any(|(later, _)| *later == name);
    later.then_some("is reserved for a method of the session handle")
}
