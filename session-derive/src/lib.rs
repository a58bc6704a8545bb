//! The derive macro of `session-runtime`; use it through that crate.

mod attr;
mod check;
mod diag;
mod emit;
mod expand;
mod lower;
mod model;
mod names;
mod paths;
mod principal;
mod shape;
mod suggest;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Turns a struct into a session type: each field becomes a group of typed accessors on
/// `Session<T>`, and is stored, merged and tracked on its own.
///
/// ```
/// use session_runtime::Session;
/// # use std::fmt;
/// # #[derive(session_runtime::Principal, Clone, serde::Serialize, serde::Deserialize)]
/// # struct UserId(u64);
/// # impl fmt::Display for UserId {
/// #     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
/// #         self.0.fmt(f)
/// #     }
/// # }
/// # #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
/// # struct Item;
///
/// #[derive(Session)]
/// #[session(idle = "30m", absolute = "12h")]
/// struct Shop {
///     #[session(principal, extract = "CurrentUser")] // who is logged in
///     user: Option<UserId>,
///     cart: Vec<Item>,
///     #[session(counter)] // parallel requests add up
///     visits: i64,
///     #[session(flash)] // read once
///     notice: Option<String>,
/// }
///
/// async fn add(session: Session<Shop>) {
///     session.add_visits(1);
///     session.push_cart(Item::default()); // and so do parallel requests
///     session.set_notice("Added".to_owned());
/// }
///
/// async fn orders(CurrentUser(user): CurrentUser) -> String {
///     format!("orders of {user}") // rejected without a user
/// }
/// ```
///
/// # What it generates
///
/// - `ShopFields`, which `Session<Shop>` dereferences to: the accessors, with each field's
///   visibility, documentation and `#[deprecated]`. All take `&self`.
/// - A tuple struct for each `extract = "Name"`.
/// - The traits that connect them with the runtime.
///
/// | field | accessors | two requests at once |
/// |---|---|---|
/// | any `x: T` | `x() -> &T`, `set_x(T)`, `update_x(\|x: &mut T\| …)`, `reset_x()` | the later `set_x` stands; `update_x` runs again on what the other has written |
/// | `x: Option<T>` | `x() -> Option<&T>`, `set_x(T)`, `put_x(Option<T>)`, `take_x() -> Option<T>`, `clear_x()`, `update_x`, `reset_x`, `claim_x().await -> Result<Option<T>, Error>` | the second `take_x` is a conflict; of several `claim_x`, one gets the value |
/// | `x: Vec<T>`, `VecDeque<T>` | `x()`, `push_x(T)`, `extend_x(iter)`, `set_x`, `update_x`, `reset_x` | all items arrive |
/// | `x: BTreeMap<K, V>`, `HashMap<K, V>` | `x()`, `contains_x(&K)`, `insert_x(K, V)`, `remove_x(&K)`, `update_x_at(K, \|v: &mut V\| …)`, `set_x`, `update_x`, `reset_x` | merged key by key |
/// | `x: BTreeSet<M>`, `HashSet<M>` | `x()`, `contains_x(&M)`, `insert_x(M)`, `remove_x(&M)`, `set_x`, `update_x`, `reset_x` | merged member by member |
/// | a number, `bool` or `char`, or an `Option` of one | as above, but `x() -> T` or `x() -> Option<T>` | |
/// | `copy` | `x() -> T` | |
/// | `counter` | `x() -> T`, `add_x(i64)`, `reset_x()`; on a map also `add_x(K, i64)` | they add up |
/// | `flash` | of an `Option` `set_x(T)`, of a `Vec` `push_x(T)`; `take_x()`, `peek_x()` | what was taken goes, what was written meanwhile stays |
/// | `principal` | `x() -> Option<&T>`, `update_x(\|x: &mut T\| …)` for what is not the identity; it is set by `log_in` and `log_out` | |
/// | `merge = "max"` | `x() -> T`, `set_x(T)` | the largest stands |
/// | `merge = "once"` | `x()`, `set_x(T)` | the first stands |
///
/// A closure of `update_x` runs at once. At the commit it may run again, as that of
/// [`fetch_update`](std::sync::atomic::AtomicU64::fetch_update) does, if another request has changed
/// the field meanwhile. So the closure owns what it uses, has no effect but on the value, and decides
/// inside what depends on the value. `remove_x` and `contains_x` take a `&str` where keys or members are
/// `String`s.
///
/// A reference from `x()` stays what it was until the request ends. So the first change after `x()` changes
/// a clone, and the value that was shown is kept as long as the request runs; further changes are made in
/// place. That is nothing to think of, except in a loop that reads by reference *and* changes each time:
/// 10,000 rounds of `if !s.seen().contains(&id) { s.insert_seen(id) }` keep 10,000 sets, half a gigabyte.
/// `contains_x`, a getter that returns by value, and an `update_x` that decides inside keep nothing:
///
/// ```
/// # use session_runtime::Session;
/// # use std::collections::BTreeSet;
/// # #[derive(Session)]
/// # struct Shop { seen: BTreeSet<u32>, cart: Vec<u32> }
/// async fn merge(s: Session<Shop>, ids: Vec<u32>) {
///     for id in ids {
///         if !s.contains_seen(&id) {
///             s.insert_seen(id);
///         }
///         s.update_cart(move |cart| {
///             if !cart.contains(&id) {
///                 cart.push(id);
///             }
///         });
///     }
/// }
/// ```
///
/// With a payload in the token there is nothing to merge with: of two parallel responses, the later
/// one wins.
///
/// An accessor cannot have the name of a method of `Session<T>`, nor one that is reserved for such
/// a method: the derive says so, and `getter = "…"` or another name for the field is the way out.
///
/// # On the struct
///
/// | key | says | otherwise |
/// |---|---|---|
/// | `name = "shop"` | name of the cookie or header; a cookie's name gets a `prefix`, unless it begins with one | the struct's name in kebab case |
/// | `prefix = "strongest"` | the prefix that the name of a cookie gets, by which browsers hold it to its attributes: the `strongest` that `path`, `domain`, `secure` and `http_only` allow (`__Host-Http-`, `__Host-`, `__Http-`, `__Secure-`), or `none`: the cookie has exactly the name that is written | `strongest` |
/// | `namespace = "shop"` | name of the session type in stores, tokens and logs: types of one namespace read each other's sessions, so that a struct can be renamed | the struct's name in kebab case |
/// | `transport = "cookie"` | where the token travels: `cookie`, `header` or `bearer` | `cookie` |
/// | `payload = "server"` | where the fields are: `server` (in a store), `sealed` (in the token, encrypted) or `signed` (in the token, readable) | `server` |
/// | `idle = "30m"` | how long it lives without use, or `"never"` | 30 minutes |
/// | `absolute = "12h"` | how long it lives at all, or `"never"`; one of the two must end it | 12 hours |
/// | `path = "/"` | the cookie's `Path` | `/` |
/// | `domain = "example.com"` | the cookie's `Domain` | none: this host only |
/// | `same_site = "lax"` | the cookie's `SameSite`: `lax`, `strict` or `none` | `lax` |
/// | `secure = false` | whether the cookie is `Secure` | `true` |
/// | `http_only = false` | whether the cookie is `HttpOnly` | `true` |
/// | `partitioned = false` | whether the cookie is `Partitioned` | `false` |
/// | `persistent = false` | whether the cookie outlives the browser | `false` |
/// | `create = "on_write"` | when a session comes into being: `on_write` or `eager` | `on_write` |
/// | `resend = "on_change"` | when a token is sent again: `on_change`, `always` or `never` | `on_change` |
/// | `on_stale = "clear_token"` | what a token that is no live session leads to: `clear_token`, `new_session` or `ignore` | `clear_token` |
/// | `on_store_error = "fail"` | what a store that is down leads to: `fail` or `degrade` | `fail` |
/// | `commit_on = "not_5xx"` | which responses commit: `not_5xx` or `always` | `not_5xx` |
/// | `on_end = "expire_token"` | what the client is told when its session ends: `expire_token` or `silent` | `expire_token` |
/// | `on_lost = "keep"` | what a request is answered whose session is over before its changes are stored: `keep` (its own answer) or `conflict` (409) | `keep` |
/// | `codec = MsgPack` | how its fields are written as bytes: any type that implements `session_runtime::codec::Codec`; not for `principal`, nor for numbers that are counted or compared | `session_runtime::codec::Json` |
/// | `crate = ::path::to::session_runtime` | where `session_runtime` is, if renamed or re-exported | `::session_runtime` |
///
/// Durations are numbers with the units `s`, `m`, `h`, `d` and `w`: `"90s"`, `"1d 6h"`. `secure`,
/// `http_only`, `partitioned` and `persistent` alone mean `true`.
///
/// ```
/// # use session_runtime::Session;
/// #[derive(Session)]
/// #[session(name = "x-session", transport = "header", payload = "sealed", absolute = "30d")]
/// struct Api {
///     #[session(principal)]
///     user: Option<u64>,
/// }
/// ```
///
/// # On a field
///
/// | key | says |
/// |---|---|
/// | `principal` | says whose session it is; an `Option` of a type that is a `Principal`, at most one |
/// | `extract = "CurrentUser"` | generates an extractor that requires the field, which is an `Option` |
/// | `validate = is_active` | whether the extractor accepts a value that is there: a function or closure from a reference to `bool`; if not, the request is rejected as if there were none |
/// | `counter` | parallel requests add up: no addition is lost; integers up to `i64`, or a map of them |
/// | `flash` | read once: gone when taken; an `Option` or a `Vec` |
/// | `max_len = 100` | the most items of a list; pushing drops the oldest |
/// | `merge = "last"` | how writes of parallel requests merge: `last`, `counter`, `max`, `once`, `flash` or `cas` (a conflict is an error) |
/// | `group = "checkout"` | fields that are compared together: a write of one conflicts with a parallel write of another |
/// | `copy` | the getter returns by value, for any `Copy` type; numbers, `bool`, `char` and `Option`s of them need no `copy` |
/// | `skip` | for this request only, not stored; any `Clone` type |
/// | `secret` | sealed in the store, each field on its own |
/// | `listed` | shown by lists of sessions: in `SessionInfo::listed`, a generated struct with the field's visibility; needs a store, and not for `secret` |
/// | `keep` | survives log-out and a change of principal |
/// | `clear_on_login` | is reset when somebody logs in |
/// | `codec = MsgPack` | how the field is written as bytes: any type that implements `session_runtime::codec::Codec` for the field's type, which need not be serde's then |
/// | `default = 1` | what the field starts from: any expression; `Default::default()` otherwise |
/// | `rename = "basket"` | the stored name; the field's name otherwise |
/// | `alias = "old_name"` | a former stored name; may be repeated |
/// | `getter = "get_cart"` | another name for the getter |
/// | `on_decode_error = "default"` | what stored bytes that do not decode lead to: `default`, or `reject` for no session |
///
/// ```
/// # use session_runtime::Session;
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// # enum Theme { Dark }
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// # struct Item;
/// # #[derive(Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
/// # struct Cents(u32);
/// # #[derive(Clone, Default)]
/// # struct Timing;
/// #[derive(Session)]
/// struct Account {
///     #[session(rename = "basket", alias = "cart_v1")] // renamed twice; old sessions are read
///     cart: Vec<Item>,
///     #[session(default = Theme::Dark, keep)] // stays after log-out
///     theme: Theme,
///     #[session(secret, clear_on_login, on_decode_error = "reject")]
///     pending_code: Option<String>,
///     #[session(merge = "cas", copy)] // two that spend at once: one is told so
///     balance: Cents,
///     #[session(skip)]
///     timing: Timing,
/// }
/// ```
///
/// `counter`, `max`, `once`, `cas` and `group` need a store: with `payload = "sealed"` or `"signed"`
/// there is nothing to merge with, and the derive says so.
#[proc_macro_derive(Session, attributes(session))]
pub fn derive_session(input: TokenStream) -> TokenStream {
    expand::expand(input.into()).into()
}

/// Says what is the identity of a principal: the value itself of a newtype, or the member that is marked
/// `#[principal(id)]`. What else is in the value may change without making another principal of it.
///
/// ```
/// # use session_runtime::Principal;
/// #[derive(Principal, Clone, serde::Serialize, serde::Deserialize)]
/// struct UserId(u64);
///
/// #[derive(Principal, Clone, serde::Serialize, serde::Deserialize)]
/// struct User {
///     #[principal(id)]
///     id: UserId,
///     name: String,
/// }
/// ```
///
/// The value in a newtype must be `Eq + Hash`; a marked member must be a principal itself. For a runtime under
/// another name, `#[principal(crate = path)]` on the type says where it is.
#[proc_macro_derive(Principal, attributes(principal))]
pub fn derive_principal(input: TokenStream) -> TokenStream {
    expand::guarded(|| principal::expand(input.into())).into()
}
