use session_runtime::Session;

#[derive(Session)]
struct Shop<T: Send + Sync + 'static> {
    #[session(listed)]
    device: String,
    #[session(skip)]
    other: std::marker::PhantomData<T>,
}

fn main() {}
