//! A log-in whose session is over: the log-in is a new authentication, so it takes place in a fresh
//! session, with what the request wrote without comparing. Nothing of the old record goes on.

use crate::{
    cell::model::FieldSet,
    engine::{Engine, backend::Backend},
    error::{Error, Kind},
    event,
    request::{
        asked::Requested,
        state::{LoadedRecord, State, Status},
    },
};

/// Notes that a session whose payload is in its token has expired since the load. No store can say
/// so at the commit.
pub(super) fn lose_expired(engine: &Engine, state: &mut State) {
    if let (Backend::InToken(_), Status::Live(live)) = (&engine.backend, &state.status)
        && live.meta.as_ref().is_some_and(|meta| engine.now() >= meta.expires_at())
    {
        event::gone(engine.name(), live.selector);
        state.lose();
    }
}

/// Lets a request that ends a lost session, or logs in to one, go on. The record is there still if
/// only the credential was superseded, so it can be ended. The fields start anew for a log-in, unless
/// the request compared one of them with the old record.
pub(super) fn resume(
    engine: &Engine,
    fields: &dyn FieldSet,
    state: &mut State,
    requested: &Requested,
) -> Result<(), Error> {
    let Status::Lost(live) = &state.status else { return Ok(()) };
    if requested.end.is_some() {
        state.status = Status::Live((**live).clone());
        return Ok(());
    }
    if !requested.elevate {
        return Ok(());
    }
    if let Some(field) = compared(fields, requested) {
        event::conflict(engine.name(), live.selector, field);
        return Err(Error::new(Kind::LogInConflict { field: field.to_owned() }));
    }
    event::log_in_anew(engine.name(), live.selector);
    fields.context().forget();
    fields.each(&mut |cell| cell.start_anew());
    state.status = Status::Absent { stale: false };
    state.loaded = LoadedRecord::Replaced;
    Ok(())
}

/// Returns the first field that the request compared with the loaded record.
fn compared(fields: &dyn FieldSet, requested: &Requested) -> Option<&'static str> {
    let mut found = None;
    fields.each(&mut |cell| {
        let spec = cell.spec();
        let kept = |kept: &[_]| kept.iter().any(|kept| kept == spec.name);
        let cleared =
            spec.clear_on_login || requested.cleared.as_deref().is_some_and(|names| !kept(names));
        if found.is_none() && cell.is_compared(cleared) {
            found = Some(spec.name);
        }
    });
    found
}
