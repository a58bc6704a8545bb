//! The form in which an event is declared: from one entry come the function that logs, and the line
//! of the catalogue. Knows no event.

/// An event as the catalogue lists it.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) level: &'static str,
    pub(crate) fields: &'static [&'static str],
    pub(crate) message: &'static str,
    pub(crate) what_to_do: &'static str,
}

/// Declares events: for each a function that logs the event, and together `EVENTS`. A field's value is
/// an argument of the function, or an expression in parentheses. The name is the event's name for
/// `tracing`, and the field `event.name` for logs that are plain text.
macro_rules! events {
    ($(
        $(#[$meta:meta])*
        $function:ident($($argument:ident: $type:ty),*) =>
            $level:ident $name:literal {
                $($key:literal = $(% $display:tt)? $($value:ident)? $(($expression:expr))?),* $(,)?
            }
            $message:literal,
            do $what_to_do:literal;
    )*) => {
        $(
            $(#[$meta])*
            pub(crate) fn $function($($argument: $type),*) {
                tracing::event!(
                    name: $name,
                    target: "session_runtime",
                    tracing::Level::$level,
                    {
                        "event.name" = $name,
                        $($key = $(% $display)? $($value)? $($expression)?),*
                    },
                    $message
                );
            }
        )*

        /// Every event, in the order of the catalogue.
        #[cfg(test)]
        pub(crate) const EVENTS: &[declare::Event] = &[$(
            declare::Event {
                name: $name,
                level: stringify!($level),
                fields: &[$($key),*],
                message: $message,
                what_to_do: $what_to_do,
            },
        )*];
    };
}

pub(super) use events;
