//! What a subcommand found.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

use crate::failure::Failure;

/// What a subcommand found, for a person and for a program.
pub(crate) struct Outcome {
    text: String,
    json: Value,
    right: bool,
    /// Whether standard output already carries a file.
    piped: bool,
}

impl Outcome {
    /// An outcome without a wrong result.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Outcome {
            text: text.into(),
            json,
            right: true,
            piped: false,
        }
    }

    /// Says whether the result is right. If it is not, the exit code is 1.
    pub(crate) fn with_right(mut self, right: bool) -> Self {
        self.right = right;
        self
    }

    /// Says that a file went to standard output, so that the outcome must go elsewhere.
    pub(crate) fn with_piped(mut self, piped: bool) -> Self {
        self.piped = piped;
        self
    }

    /// Adds a number for a program, and a line for a person.
    pub(crate) fn with_count(mut self, name: &str, count: usize, line: Option<String>) -> Self {
        self.json[name] = count.into();
        if let Some(line) = line {
            self.text = format!("{}\n{line}", self.text.trim_end());
        }
        self
    }

    /// Prints the outcome, and returns the exit code.
    ///
    /// # Errors
    /// Those of [`print()`].
    pub(crate) fn print(self, json: bool) -> Result<ExitCode, Failure> {
        let text = if json {
            self.json.to_string()
        } else {
            self.text.trim_end().to_owned()
        };
        if self.piped {
            tell(&text);
        } else if !text.is_empty() {
            print(&text)?;
        }
        Ok(if self.right {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(1)
        })
    }
}

/// Prints lines to standard output. Whoever closes it early, as `head` does, has read enough.
///
/// # Errors
/// [`Failure::Write`].
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut to = io::stdout().lock();
    match writeln!(to, "{text}").and_then(|()| to.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Write {
            path: PathBuf::from("-"),
            source,
        }),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints lines to standard error, if somebody still reads it.
pub(crate) fn tell(text: &str) {
    // nobody is left to whom a failure could be told
    let _ = writeln!(io::stderr().lock(), "{text}");
}
