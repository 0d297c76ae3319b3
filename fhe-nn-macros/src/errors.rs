//! Errors: collected, never forgotten, and shown all at once.
//!
//! An error states the law that is broken, then the arithmetic, then an edit. The compiler shows
//! the three as one message with its caret under the tokens that the edit changes.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};

/// The errors of one phase. A phase ends with [`Errors::finish`]; errors dropped before it panic.
pub(crate) struct Errors(Option<Vec<Error>>);

impl Errors {
    /// An empty collection.
    pub(crate) fn new() -> Self {
        Errors(Some(Vec::new()))
    }

    /// Adds an error.
    pub(crate) fn push(&mut self, error: Error) {
        self.0.get_or_insert_default().push(error);
    }

    /// Whether no law is broken so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(Vec::is_empty)
    }

    /// The barrier behind a phase: its result, if there were no errors.
    pub(crate) fn finish<T>(mut self, result: Option<T>) -> Result<T, Vec<Error>> {
        let errors = self.0.take().unwrap_or_default();
        if errors.is_empty() {
            Ok(result.expect("a phase without errors has a result"))
        } else {
            Err(errors)
        }
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        if self.0.is_some() && !std::thread::panicking() {
            panic!("errors were collected and nobody looked at them");
        }
    }
}

/// A broken law, where it is broken, and how to mend it.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) place: Place,
    law: String,
    note: Option<String>,
    help: Option<String>,
}

impl Error {
    /// The law that is broken, in one clause.
    pub(crate) fn new(place: Place, law: impl Into<String>) -> Self {
        Error {
            place,
            law: law.into(),
            note: None,
            help: None,
        }
    }

    /// The arithmetic, or the reason.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// The edit. One that can be pasted begins with `write`, `add` or `remove` and stands in
    /// backticks; a test applies every such edit of the UI tests and expects no error.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The text that the compiler shows, which keeps newlines in the message of `compile_error!`. Further
    /// lines of a note stand below its first.
    pub(crate) fn message(&self) -> String {
        let line = |label, text: &Option<String>| {
            text.as_ref().map_or_else(String::new, |text| {
                format!("\n= {label}: {}", text.replace('\n', "\n        "))
            })
        };
        let (note, help) = (line("note", &self.note), line("help", &self.help));
        format!("{}{note}{help}", self.law)
    }

    /// The error as tokens.
    pub(crate) fn to_compile_error(&self) -> TokenStream {
        syn::Error::new_spanned(self.place, self.message()).into_compile_error()
    }
}

impl From<syn::Error> for Error {
    fn from(error: syn::Error) -> Self {
        Error::new(Place::at(error.span()), error.to_string())
    }
}

/// The place where something was written, from the start of one token to the end of another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    start: Span,
    end: Span,
}

impl Place {
    /// The place of one token.
    pub(crate) fn at(span: Span) -> Self {
        Place {
            start: span,
            end: span,
        }
    }

    /// The place from the first to the last of some tokens.
    pub(crate) fn of(tokens: impl ToTokens) -> Self {
        let mut spans = tokens.into_token_stream().into_iter().map(|t| t.span());
        let start = spans.next().unwrap_or_else(Span::call_site);
        Place {
            start,
            end: spans.last().unwrap_or(start),
        }
    }
}

#[cfg(test)]
impl Place {
    /// The place in its source file.
    pub(crate) fn bytes(&self) -> core::ops::Range<usize> {
        self.start.byte_range().start..self.end.byte_range().end
    }
}

/// Two tokens at the ends of the place, from which `syn` takes the spans of an error.
impl ToTokens for Place {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(quote_spanned!(self.start=> _));
        tokens.extend(quote_spanned!(self.end=> _));
    }
}

/// A value and where it was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spanned<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it was written.
    pub(crate) place: Place,
}

/// "`a`, `b` and `c`", or with another word in the place of "and".
pub(crate) fn list(names: &[&str], word: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {word} {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// "1 input", "2 inputs".
pub(crate) fn count(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

/// The candidate that `name` was meant to be: the nearest, if at most about a third of it differs.
pub(crate) fn similar<T: Copy>(name: &str, candidates: &[(&str, T)]) -> Option<T> {
    let name = name.to_lowercase();
    candidates
        .iter()
        .map(|(text, value)| (distance(&name, &text.to_lowercase()), text.len(), *value))
        .filter(|(distance, len, _)| *distance * 3 <= *len + 1)
        .min_by_key(|(distance, _, _)| *distance)
        .map(|(_, _, value)| value)
}

/// Edit distance: insertions, deletions, replacements.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognized_and_another_word_is_not() {
        let names = [("weights", 0), ("accumulator", 1), ("overflow", 2)];
        assert_eq!(similar("weight", &names), Some(0));
        assert_eq!(similar("acumulatr", &names), Some(1));
        assert_eq!(similar("Overflow", &names), Some(2));
        assert_eq!(similar("tabel", &[("table", 3)]), Some(3));
        assert_eq!(similar("stride", &names), None);
    }

    #[test]
    fn lists_read_as_prose() {
        assert_eq!(list(&["a"], "and"), "`a`");
        assert_eq!(list(&["a", "b", "c"], "or"), "`a`, `b` or `c`");
    }

    #[test]
    #[should_panic(expected = "nobody looked")]
    fn forgotten_errors_panic() {
        Errors::new().push(Error::new(Place::at(Span::call_site()), "forgotten"));
    }
}
