//! Processes that die without notice: what was answered stays, what was ended stays so.

use tests::{app::Shown, backend::kind::Backend, machine::Machine};

use crate::{
    program::{APP, settings},
    steps::{assert_dead, copy, devices, get, post, shown, user},
};

pub(crate) async fn restart(mut backend: impl Backend) {
    let mut machine = Machine::start(APP, &settings(&backend));
    let (mut ada, mut bob) = (machine.client(), machine.client());
    for path in ["/theme/dark", "/notice/hello", "/tally", "/login/ada", "/remember", "/rotate"] {
        post(&ada, path).await;
    }
    post(&bob, "/login/bob").await;
    let mut gone = copy(&bob);
    for round in 1..=2 {
        let rotated = copy(&ada);
        post(&ada, "/rotate").await;
        post(&ada, "/hit").await;
        post(&bob, "/logout").await;
        post(&ada, &format!("/note/round/{round}")).await;
        // Right behind the answer.
        machine.kill();
        if round == 2 {
            backend.crash();
        }
        machine.restart();
        [ada, bob, gone] = [&ada, &bob, &gone].map(|it| it.moved(machine.url()));

        assert_eq!(get(&ada, "/hits").await, round.to_string());
        let expected = Shown {
            user: Some("ada".to_owned()),
            theme: "dark".to_owned(),
            notice: Some("hello".to_owned()),
            tally: 1,
            notes: [("round".to_owned(), round.to_string())].into(),
        };
        assert_eq!(shown(&ada).await, expected);
        assert_eq!(devices(&ada).await, [get(&ada, "/id").await]);
        assert_dead(&rotated.moved(machine.url())).await;
        assert_dead(&gone).await;
        // It goes on from there.
        post(&bob, "/login/bob").await;
        gone = copy(&bob);
        assert_eq!(user(&gone).await.as_deref(), Some("bob"));
        assert_eq!(devices(&bob).await.len(), 1);
    }
}
