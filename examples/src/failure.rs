//! Why an example could not start or go on: one line for the person at the terminal, and the exit
//! code for whatever started it.

use std::{fmt, process::ExitCode};

/// What went wrong, in one line that says what to do about it.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// A setting is wrong: starting again without changing it is no use (exit code 2).
    #[must_use]
    pub fn config(message: String) -> Self {
        Self { message, code: 2 }
    }

    /// The machine did not play along: port in use, no randomness (exit code 1).
    #[must_use]
    pub fn run(message: String) -> Self {
        Self { message, code: 1 }
    }

    /// 2 for a wrong setting, 1 for all else.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
