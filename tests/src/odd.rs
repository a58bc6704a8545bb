//! A field type that misbehaves.

use serde::{Deserialize, Serialize, Serializer, ser::Error};

/// A value that cannot be written when it is told so; its message quotes a `MARKER`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Odd {
    /// Whether it is told so.
    pub broken: bool,
}

impl Serialize for Odd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.broken {
            return Err(S::Error::custom("MARKER"));
        }
        serializer.serialize_unit()
    }
}
