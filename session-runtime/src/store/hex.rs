//! Bytes as hex digits, for the names of things in stores, which are written at every request.

use std::fmt;

/// Prints bytes as hex digits in lower case, two for each.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Formatting each byte by itself takes ten times as long.
        let mut digits = [0; 32];
        for bytes in self.0.chunks(digits.len() / 2) {
            for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
                pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            }
            let written = str::from_utf8(&digits[..2 * bytes.len()]).map_err(|_| fmt::Error)?;
            f.write_str(written)?;
        }
        Ok(())
    }
}

const fn digit(nibble: u8) -> u8 {
    b"0123456789abcdef"[nibble as usize]
}

#[cfg(test)]
mod tests {
    use super::Hex;

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(Hex(&[]).to_string(), "");
        assert_eq!(Hex(&[0, 0x0f, 0xa0, 0xff]).to_string(), "000fa0ff");
        let long: Vec<u8> = (0..40).collect();
        let each: Vec<_> = long.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(Hex(&long).to_string(), each.concat());
    }
}
