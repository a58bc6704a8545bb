//! Writing a payload into its token: the epoch that its principal begins in, and a size that the
//! transport takes.

use std::cmp::Reverse;

use crate::{
    engine::{Engine, Residence},
    error::{Error, Kind},
    store::PrincipalKey,
    token::Envelope,
};

/// The epoch of a session that its principal begins now.
pub(crate) async fn epoch_of(
    engine: &Engine,
    principal: Option<&PrincipalKey>,
) -> Result<u64, Error> {
    match (&engine.residence, principal) {
        (Residence::Token { revocation: Some(revocation), .. }, Some(principal)) => {
            revocation.epoch(principal, engine.now()).await
        }
        _ => Ok(0),
    }
}

/// The token of a payload; too large, the error names the fields, the largest first.
pub(crate) fn seal(engine: &Engine, envelope: &Envelope) -> Result<String, Error> {
    let Residence::Token { codec, .. } = &engine.residence else {
        return Err(Error::config("a session in a store has no payload to seal"));
    };
    let text = codec.write(envelope, engine.random).map_err(|_| Error::new(Kind::Random))?;
    engine.carrier.check(&text).map_err(|too_large| {
        let mut fields: Vec<_> =
            envelope.fields.iter().map(|(name, value)| (name.to_string(), value.size())).collect();
        fields.sort_by_key(|(_, size)| Reverse(*size));
        Error::new(Kind::TooLarge { size: too_large.size, limit: too_large.limit, fields })
    })?;
    Ok(text)
}
