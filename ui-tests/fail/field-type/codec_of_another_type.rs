use session_runtime::{
    Session,
    codec::{Codec, CodecError},
};

struct Bit;

impl Codec<bool> for Bit {
    fn encode(value: &bool) -> Result<Vec<u8>, CodecError> {
        Ok(vec![u8::from(*value)])
    }

    fn decode(bytes: &[u8]) -> Result<bool, CodecError> {
        Ok(bytes == [1])
    }
}

#[derive(Session)]
struct Shop {
    #[session(codec = Bit)]
    dark: bool,
    #[session(codec = Bit)]
    page: u32,
}

fn main() {}
