//! The names by which stores know sessions, as text and in comparison.

use super::*;

#[test]
fn a_selector_has_one_spelling() {
    let selector = selector(7);
    let hex = selector.to_string();
    assert_eq!(Selector::from_hex(&hex), Some(selector));
    let zeros = "0".repeat(32);
    assert_eq!(Selector::from_hex(&zeros), Some(Selector::from_bytes([0; 16])));
    let letters = "abcdef0123456789".repeat(2);
    let parsed = Selector::from_hex(&letters).expect("32 digits in lower case");
    assert_eq!(parsed.to_string(), letters);
    for wrong in [
        letters.to_uppercase(),
        format!("{letters}0"),
        format!("{letters}00"),
        letters[..31].to_owned(),
        format!("{}g", &letters[..31]),
        format!("{} ", &letters[..31]),
        format!("{}ä", &letters[..30]),
        String::new(),
    ] {
        assert_eq!(Selector::from_hex(&wrong), None, "{wrong}");
    }
}

#[test]
fn a_check_is_compared_in_full() {
    for position in 0..16 {
        let mut other = [1; 16];
        other[position] ^= 1;
        assert_ne!(Check::from_bytes(other), check(1), "byte {position}");
    }
    assert_eq!(Check::from_bytes([1; 16]), check(1));
}
