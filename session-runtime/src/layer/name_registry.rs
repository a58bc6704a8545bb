//! The owner of each name and of each namespace: under one key, each belongs to one session type.
//! Two types of one name would overwrite each other's cookie. Two types of one namespace would read
//! each other's sessions.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{cell::model::SessionType, key::RingKeys};

/// The property of a session type that no other type may have.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Property {
    /// The name of the cookie or header, in lower case, and its transport.
    Name(&'static str, String),
    Namespace(&'static str),
}

/// Claims a name and the type's namespace for `T`, under each key of the ring. Returns what to do if
/// one of them belongs to another type, under any of the keys.
pub(crate) fn claim<T: SessionType>(
    keys: &RingKeys,
    transport: &'static str,
    name: &str,
    audience: &str,
) -> Result<(), String> {
    type Owners = HashMap<([u8; 32], Property, String), (TypeId, &'static str)>;
    static OWNERS: Mutex<Option<Owners>> = Mutex::new(None);
    let spec = T::spec();
    let mine = (TypeId::of::<T>(), spec.type_name);
    let properties =
        [Property::Name(transport, name.to_ascii_lowercase()), Property::Namespace(spec.namespace)];
    let claims: Vec<_> = keys
        .fingerprints()
        .flat_map(|key| properties.clone().map(|property| (key, property, audience.to_owned())))
        .collect();
    // A map of plain values stays valid even if other code panicked while the map was locked.
    let mut owners = OWNERS.lock().unwrap_or_else(PoisonError::into_inner);
    let owners = owners.get_or_insert_default();
    for claim in &claims {
        let Some((_, owner)) = owners.get(claim).filter(|(owner, _)| *owner != mine.0) else {
            continue;
        };
        return Err(match &claim.1 {
            Property::Name(..) => format!(
                "the {transport} `{name}` belongs to the session type `{owner}` already, under a \
                 key that both have; give one of them another `#[session(name = \"…\")]`",
            ),
            Property::Namespace(namespace) => format!(
                "the namespace `{namespace}` belongs to the session type `{owner}` already, under \
                 a key that both have; give one of them another `#[session(namespace = \"…\")]`",
            ),
        });
    }
    owners.extend(claims.into_iter().map(|claim| (claim, mine)));
    Ok(())
}
