//! A disk without any room: nothing is written, and a session is ended all the same.

use session_runtime::{store::Store, testing::conformance::Repository as _};

use crate::support::*;

const SESSIONS: u64 = 20;

#[test]
fn on_a_full_disk_a_session_is_ended_and_nothing_is_written() {
    if let Some((store, _)) = in_child() {
        for number in 0..SESSIONS {
            let told = error_of(wait(store.insert_capped(&key(100), anonymous(), None)));
            assert!(told.contains("File too large"), "{told}");
            error_of(wait(store.commit(&key(number), &commit([add()]))));
            assert!(wait(store.load(&key(number))).expect("reads go on").is_some());
            assert!(wait(store.remove(&key(number), None)).expect("it needs no room"));
            assert_eq!(wait(store.load(&key(number))).expect("a load"), None);
        }
        return;
    }
    let home = home();
    let store = open(&home);
    for number in 0..SESSIONS {
        put(&store, number, owned(ada()));
    }
    assert_eq!(entries(&home).len() as u64, SESSIONS);
    let name = "full::on_a_full_disk_a_session_is_ended_and_nothing_is_written";
    let output = child_without_room(&home, name, 0).wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!((sessions(&home), entries(&home)), (Vec::new(), Vec::new()));
    // There is room again.
    put(&store, 1, owned(ada()));
}
