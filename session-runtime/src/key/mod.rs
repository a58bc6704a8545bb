//! Secret keys: their sources, and the texts that are refused. Owns [`Key`], [`KeyRing`] and the
//! derivation of all other keys from them. Knows nothing of tokens, transports or sessions.

mod derive;
mod error;
mod file;
mod info;
mod keys;
mod ring;
#[cfg(test)]
mod tests;
mod time;
pub(crate) mod watch;
mod weak;

use std::{fmt, time::SystemTime};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use zeroize::Zeroizing;

pub(crate) use derive::{length_prefix, push_part};
pub use error::KeyError;
use error::Problem;
pub use info::KeyInfo;
pub(crate) use keys::{RingKey, RingKeys};
pub use ring::KeyRing;

/// The fewest bytes of a key: the output length of SHA-256 (RFC 2104, section 3, discourages
/// fewer).
const MIN_BYTES: usize = 32;
/// The most bytes of a key. A longer text comes from a file of another kind.
const MAX_BYTES: usize = 1024;
/// The most keys of a ring.
const MAX_KEYS: usize = 8;

const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const ANY_STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const ANY_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// One secret key: at least 32 random bytes.
///
/// Make a key with `openssl rand -base64 32`, or with [`Key::generate`]. Bytes that are visibly not
/// random are refused: short keys, patterns, passphrases, examples from documentation.
///
/// The bytes are wiped from memory on drop, and never printed.
///
/// ```
/// use session_runtime::{Key, KeyRing};
///
/// let key = Key::generate()?;
/// let text = key.to_base64();
/// let ring = KeyRing::new([Key::from_base64(&text)?])?;
/// assert_eq!(format!("{key:?}"), "Key(<redacted>)");
/// # Ok::<(), session_runtime::KeyError>(())
/// ```
pub struct Key {
    secret: Zeroizing<Vec<u8>>,
    not_after: Option<SystemTime>,
    read_only: bool,
}

impl Key {
    /// Reads a key from text: base64 (RFC 4648, sections 4 and 5: standard or URL-safe, padded or
    /// not), or at least 64 hex digits. White space around the text is ignored.
    ///
    /// ```
    /// use session_runtime::Key;
    ///
    /// // Each of these was published in some documentation, and is therefore refused.
    /// assert!(Key::from_base64("OM+wnyE0N9+ba5w8AZxpLThkAk5ZxHiFIUtaj4da8gg=").is_err());
    /// assert!(Key::from_base64("complex_password_at_least_32_characters_long").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text is neither, or if [`Key::from_bytes`] refuses its bytes.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let text = text.trim_ascii();
        if weak::is_placeholder(text.as_bytes()) {
            return Err(Problem::Known.into());
        }
        // The longest form is hex, with two characters a byte.
        if text.len() > 2 * MAX_BYTES {
            return Err(Problem::TooLong.into());
        }
        // Hex is also valid base64, of bytes that were never random. So the text is read as hex
        // whenever possible. The base64 of random bytes does not consist of hex digits only.
        let is_hex = text.len() >= MIN_BYTES && text.bytes().all(|c| c.is_ascii_hexdigit());
        let secret = if is_hex { decode_hex(text)? } else { decode_base64(text)? };
        Self::checked(secret)
    }

    /// Makes a key of the bytes that, say, a key management service returned.
    ///
    /// ```
    /// use session_runtime::Key;
    ///
    /// let error = Key::from_bytes(&[7; 32]).unwrap_err();
    /// assert!(error.to_string().contains("pattern"));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if there are fewer than 32 bytes or more than 1024, or if they are a
    /// pattern, a passphrase or an example from documentation.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::checked(Zeroizing::new(bytes.to_vec()))
    }

    /// Draws a new random key of 32 bytes from the operating system.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system gives no random bytes. There is no fallback.
    pub fn generate() -> Result<Self, KeyError> {
        Self::generate_from(|bytes| getrandom::fill(bytes).map_err(drop))
    }

    fn generate_from(fill: impl Fn(&mut [u8]) -> Result<(), ()>) -> Result<Self, KeyError> {
        let mut secret = Zeroizing::new(vec![0; MIN_BYTES]);
        fill(&mut secret).map_err(|()| Problem::Random)?;
        // A source that "succeeds" without filling the buffer must not give a key of zeros.
        Self::checked(secret)
    }

    /// Sets the last moment at which tokens made under this key are accepted. For keys that are
    /// being replaced; the key that writes cannot have such an end.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use session_runtime::{Key, KeyRing};
    ///
    /// let old = Key::generate()?.not_after(SystemTime::now() + Duration::from_secs(12 * 3600));
    /// let ring = KeyRing::new([Key::generate()?, old])?;
    /// # Ok::<(), session_runtime::KeyError>(())
    /// ```
    #[must_use]
    pub fn not_after(mut self, time: SystemTime) -> Self {
        self.not_after = Some(time);
        self
    }

    /// Makes the key one that does not write, also at the front of a ring: for a new key that not all
    /// processes have yet, and for an old key. Tokens under the key are accepted, and no session gets
    /// under the key. A session that another process has put under a key in front stays there; one that
    /// is under a key behind the writing one goes on under that one at once.
    ///
    /// ```
    /// use session_runtime::{Key, KeyRing};
    ///
    /// // `old` writes, until every process has this ring.
    /// let (new, old) = (Key::generate()?.read_only(), Key::generate()?);
    /// let ring = KeyRing::new([new, old])?;
    /// assert!(KeyRing::new([Key::generate()?.read_only()]).is_err(), "none of them writes");
    /// # Ok::<(), session_runtime::KeyError>(())
    /// ```
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Returns the secret in standard base64, for a program that makes keys and hands them to a
    /// secret store. **Anybody who has this text can make valid tokens.** The text is wiped from
    /// memory on drop.
    ///
    /// ```
    /// let text = session_runtime::Key::generate()?.to_base64();
    /// assert_eq!(text.len(), 44);
    /// # Ok::<(), session_runtime::KeyError>(())
    /// ```
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.secret.as_slice()))
    }

    fn checked(secret: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        weak::check(&secret)?;
        Ok(Self { secret, not_after: None, read_only: false })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(<redacted>)")
    }
}

fn decode_hex(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if text.len() % 2 == 1 {
        return Err(Problem::OddHex.into());
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    for pair in text.as_bytes().chunks_exact(2) {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
            return Err(Problem::Encoding.into());
        };
        bytes.push(high << 4 | low);
    }
    Ok(bytes)
}

fn decode_base64(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let engine = if text.contains(['-', '_']) { ANY_URL_SAFE } else { ANY_STANDARD };
    // The buffer is wiped, also if decoding fails half way.
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let length = engine.decode_slice(text, &mut bytes).map_err(|_| Problem::Encoding)?;
    bytes.truncate(length);
    Ok(bytes)
}
