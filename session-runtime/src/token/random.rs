//! Random bytes from the operating system, in one place so that a test can make them fail. A
//! failure ends the request; there is no fallback.

/// The error of an operating system that gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RandomError;

/// A source of random bytes.
#[derive(Clone, Copy)]
pub(crate) struct Random(fn(&mut [u8]) -> Result<(), RandomError>);

impl Random {
    /// The source of the operating system.
    pub(crate) const SYSTEM: Self = Self(|bytes| getrandom::fill(bytes).map_err(|_| RandomError));

    /// A source that always fails.
    #[cfg(test)]
    pub(crate) const BROKEN: Self = Self(|_| Err(RandomError));

    pub(crate) fn bytes<const N: usize>(self) -> Result<[u8; N], RandomError> {
        let mut bytes = [0; N];
        (self.0)(&mut bytes)?;
        Ok(bytes)
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}
