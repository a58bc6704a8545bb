use session_runtime::Session;

#[derive(Session)]
struct Shop {
    #[session(max_len = "20")]
    text: Vec<u32>,
    #[session(max_len = 0)]
    none: Vec<u32>,
    #[session(max_len)]
    nothing: Vec<u32>,
    #[session(max_len = -1)]
    negative: Vec<u32>,
}

fn main() {}
