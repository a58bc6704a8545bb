//! Sequences in which the search has found a fault, for each kind of session.

use super::{
    run,
    steps::{Request, Step, Word},
    world::Kind,
};

/// Runs requests of one client, one after the other, each with its words and its status.
async fn holds(requests: &[(&[Word], u16)]) {
    let steps: Vec<_> =
        requests.iter().map(|(words, status)| Step::Request(Request::of(words, *status))).collect();
    for kind in Kind::ALL {
        run(kind, &steps).await.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
    }
}

#[tokio::test]
async fn a_transaction_stays_though_a_log_out_without_a_session_came_first() {
    holds(&[(&[Word::LogOut, Word::Transact(1)], 200)]).await;
}

#[tokio::test]
async fn a_transaction_stays_though_what_was_set_first_was_there_already() {
    let set_again = [Word::Theme(1), Word::Transact(2)];
    holds(&[(&[Word::Theme(1)], 200), (&set_again, 200)]).await;
}

#[tokio::test]
async fn a_rotation_after_a_log_out_that_was_saved_revives_nothing_though_the_response_is_an_error()
{
    let log_in = [Word::LogIn('a'), Word::Push(1)];
    let log_out = [Word::LogOut, Word::Save, Word::Rotate];
    holds(&[(&log_in, 200), (&log_out, 500)]).await;
}
