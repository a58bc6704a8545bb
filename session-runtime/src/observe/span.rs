//! The `tracing` spans around a load and around a commit, at debug level. Where nobody listens, a span
//! costs the look that finds so.

use std::future::Future;

use tracing::{Instrument as _, Span, field, level_filters::LevelFilter};

use crate::event::{Failure, PublicId};

/// Declares spans: for each a function that begins the span, or returns `None` if nobody listens.
/// `id` and `store` are asked only for who listens.
macro_rules! spans {
    ($($(#[$meta:meta])* $function:ident => $name:literal;)*) => {
        $(
            $(#[$meta])*
            pub(crate) fn $function<I: PublicId>(
                session: &str,
                id: impl FnOnce() -> Option<I>,
                store: impl FnOnce() -> Option<&'static str>,
            ) -> Option<Box<Span>> {
                if LevelFilter::current() < LevelFilter::DEBUG {
                    return None;
                }
                let span = tracing::debug_span!(
                    target: "session_runtime",
                    $name,
                    "session.type" = session,
                    "session.id" = id().map(field::display),
                    "session.store" = store(),
                    "error.type" = field::Empty,
                );
                // In a box, which is no burden for the futures in which nobody listens.
                (!span.is_disabled()).then(|| Box::new(span))
            }
        )*

        /// The name of every span, and what it is around.
        #[cfg(test)]
        pub(crate) const SPANS: &[&str] = &[$($name),*];
    };
}

spans! {
    /// Begins the span around the load of a session.
    load => "session.load";

    /// Begins the span around the commit of a request's changes.
    commit => "session.commit";
}

/// Carries out `work` inside of a span, and notes in the span the type of its error.
pub(crate) async fn within<T, E: Failure>(
    span: Box<Span>,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let result = work.instrument(Span::clone(&span)).await;
    if let Err(error) = &result {
        span.record("error.type", error.type_name());
    }
    result
}

#[cfg(test)]
mod tests {
    use std::{
        fmt::{Debug, Write as _},
        sync::{Arc, Mutex},
    };

    use tracing::{
        Event, Metadata, Subscriber,
        field::{Field, Visit},
        span::{Attributes, Id, Record},
    };

    use super::*;
    use crate::{error::Error, store::Selector};

    /// Notes the spans, and what is recorded in them.
    #[derive(Clone, Default)]
    struct Notes(Arc<Mutex<String>>);

    impl Visit for Notes {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            let mut text = self.0.lock().expect("no panic");
            let _ = write!(text, " {}={value:?}", field.name());
        }
    }

    impl Subscriber for Notes {
        fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, attributes: &Attributes<'_>) -> Id {
            *self.0.lock().expect("no panic") += attributes.metadata().name();
            attributes.record(&mut self.clone());
            Id::from_u64(1)
        }

        fn record(&self, _span: &Id, values: &Record<'_>) {
            values.record(&mut self.clone());
        }

        fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

        fn event(&self, _event: &Event<'_>) {}

        fn enter(&self, _span: &Id) {}

        fn exit(&self, _span: &Id) {}
    }

    #[tokio::test]
    async fn a_span_has_the_session_its_store_and_the_type_of_an_error() {
        let notes = Notes::default();
        let _listening = tracing::subscriber::set_default(notes.clone());
        let id = || Some(Selector([1; 16]));
        let span = load("shop", id, || Some("memory")).expect("somebody listens");
        let failed: Result<(), Error> = within(span, async { Err(Error::degraded()) }).await;
        assert!(failed.is_err());
        let text = notes.0.lock().expect("no panic").clone();
        let id = "01".repeat(16);
        assert_eq!(
            text,
            format!(
                "session.load session.type=\"shop\" session.id={id} session.store=\"memory\" \
                 error.type=\"degraded\""
            )
        );
    }

    #[test]
    fn nothing_is_asked_for_a_span_that_nobody_listens_to() {
        let _silent =
            tracing::subscriber::set_default(tracing::subscriber::NoSubscriber::default());
        let span = commit("shop", || -> Option<Selector> { panic!("asked") }, || panic!("asked"));
        assert!(span.is_none());
    }
}
