//! The progress of long work: one line on standard error that is written again and again, if somebody
//! sees it. It owns how an interruption is told, too.

use std::io::{self, IsTerminal as _, Write as _};

use crate::Failure;

/// The line of progress.
pub(crate) struct Progress {
    done: &'static str,
    is_seen: bool,
    count: u64,
}

impl Progress {
    /// Begins to count what is `done`: "sessions ended".
    pub(crate) fn new(done: &'static str) -> Self {
        Self { done, is_seen: io::stderr().is_terminal(), count: 0 }
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// Adds to the count.
    pub(crate) fn add(&mut self, count: u64) {
        self.count += count;
        if self.is_seen {
            let mut err = io::stderr().lock();
            // Nobody needs the line: what cannot be written is left out.
            let _ = write!(err, "\r{} {}", self.count, self.done).and_then(|()| err.flush());
        }
    }

    /// Waits for a part of the work, unless somebody interrupts the program.
    pub(crate) async fn wait<T>(
        &self,
        part: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            outcome = part => outcome,
            _ = tokio::signal::ctrl_c() => Err(self.broken_off("interrupted")),
        }
        .inspect_err(|_| self.end_line())
    }

    /// Waits for a step of the work, and returns the outcome with true if somebody has interrupted the
    /// program meanwhile. The step comes to its end all the same, since nobody knows what a step has
    /// done that is given up; a second interruption gives it up.
    pub(crate) async fn step<T>(
        &self,
        step: impl Future<Output = Result<T, Failure>>,
    ) -> Result<(T, bool), Failure> {
        let mut step = std::pin::pin!(step);
        let outcome = tokio::select! {
            outcome = &mut step => outcome.map(|done| (done, false)),
            _ = tokio::signal::ctrl_c() => {
                self.end_line();
                eprintln!("interrupted: the step that runs comes to its end");
                tokio::select! {
                    outcome = step => outcome.map(|done| (done, true)),
                    _ = tokio::signal::ctrl_c() => Err(Failure::new(format!(
                        "interrupted after {} {} or more; run the command again to go on",
                        self.count, self.done
                    ))),
                }
            }
        };
        outcome.inspect_err(|_| self.end_line())
    }

    /// Ends the line.
    pub(crate) fn end_line(&self) {
        if self.is_seen && self.count > 0 {
            eprintln!();
        }
    }

    /// Returns the failure of work that is not done for this reason.
    pub(crate) fn broken_off(&self, why: &str) -> Failure {
        Failure::new(format!(
            "{why} after {} {}; run the command again to go on",
            self.count, self.done
        ))
    }
}
