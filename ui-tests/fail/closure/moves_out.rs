use session_runtime::Session;

#[derive(Session)]
struct Shop {
    names: Vec<String>,
}

fn add(session: &Session<Shop>, name: String) {
    session.update_names(move |names| names.push(name));
}

fn main() {}
