//! The owner of each name: under one key, a name belongs to one session type. Two types of one name
//! would accept each other's tokens, or overwrite each other's cookie.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{cell::model::SessionType, key::KeyRing};

/// Claims a name for `T`. Returns the name's owner if that is another type.
pub(crate) fn claim<T: SessionType>(
    keys: &KeyRing,
    transport: &'static str,
    name: &str,
    audience: &str,
) -> Result<(), &'static str> {
    type Names = HashMap<([u8; 32], &'static str, String, String), (TypeId, &'static str)>;
    static NAMES: Mutex<Option<Names>> = Mutex::new(None);
    // A map of plain values stays valid even if other code panicked while the map was locked.
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (keys.fingerprint(), transport, name.to_ascii_lowercase(), audience.to_owned());
    let mine = (TypeId::of::<T>(), T::spec().type_name);
    let (owner, owner_name) = names.get_or_insert_default().entry(key).or_insert(mine);
    if *owner == mine.0 { Ok(()) } else { Err(owner_name) }
}
