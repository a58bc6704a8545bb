use session_runtime::Session;

#[derive(Session, serde::Serialize, serde::Deserialize)]
#[session(name = "shop")]
struct Shop {
    theme: String,
    #[serde(rename = "pass", skip)]
    password: String,
    #[serde(skip_serializing)]
    token: String,
    #[serde(default = "String::new", skip_deserializing)]
    code: String,
    // Says that it is not stored, to both.
    #[serde(skip)]
    #[session(skip)]
    timing: u32,
    // Is about what serde writes, and nothing that is to stay secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon: Option<String>,
}

fn main() {}
