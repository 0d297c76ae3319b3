//! The sizes and keys of a field, read one by one.

use core::fmt;

use syn::{Expr, Path};

use super::written::Written;
use super::{sizes, windows};
use crate::attr::Keys;
use crate::errors::{Error, Errors, Place, Spanned};
use crate::key::{Key, Owner};
use crate::layers::Taps;
use crate::literal::peel;

/// A field whose type is a layer. What cannot be read is reported as an error and returned as `None`.
pub(crate) struct FieldReader<'a, 'e> {
    pub(super) errors: &'e mut Errors,
    /// Its name as it is shown.
    pub(super) name: &'a str,
    pub(super) owner: Owner<'a>,
    pub(super) keys: &'a Keys<'a>,
    pub(super) written: &'a Written<'a>,
    /// Where its type was written.
    pub(super) place: Place,
}

impl FieldReader<'_, '_> {
    /// All sizes; those that were not written have their defaults.
    pub(crate) fn sizes(&mut self) -> Option<Vec<Spanned<usize>>> {
        self.numbers().into_iter().collect()
    }

    /// The numbers among all sizes, with `None` for those that cannot be read and for windows.
    pub(crate) fn numbers(&mut self) -> Vec<Option<Spanned<usize>>> {
        sizes::sizes(self.errors, self.name, self.written, self.place)
    }

    /// The windows among the sizes.
    pub(crate) fn windows(&mut self) -> Option<Taps> {
        windows::windows(self.errors, self.name, self.written)
    }

    /// A number that must be written.
    pub(crate) fn required(&mut self, key: Key) -> Option<Spanned<u32>> {
        let value = self.keys.required(self.errors, key)?;
        self.keys.number(self.errors, key, value)
    }

    /// A number, if it was written.
    pub(crate) fn optional(&mut self, key: Key) -> Option<Spanned<u32>> {
        let value = self.keys.value(key)?;
        self.keys.number(self.errors, key, value)
    }

    /// One of a few words, if it was written: each stands for what it prints.
    pub(crate) fn word<T: Copy + fmt::Display>(
        &mut self,
        key: Key,
        words: &[T],
    ) -> Option<Spanned<T>> {
        let names: Vec<String> = words.iter().map(T::to_string).collect();
        let names = names.iter().map(String::as_str);
        let words: Vec<(&str, T)> = names.zip(words.iter().copied()).collect();
        self.keys.word(self.errors, key, &words)
    }

    /// The path of a user's function, which must be written.
    pub(crate) fn path(&mut self, key: Key) -> Option<Path> {
        let value = self.keys.required(self.errors, key)?;
        match peel(value) {
            Expr::Path(path) if path.qself.is_none() => Some(path.path.clone()),
            _ => {
                let (name, owner) = (key.name(), self.owner);
                let law = format!("`{name}` of {owner} must be the path of a `fn(f32) -> f32`");
                self.errors.push(
                    Error::new(Place::of(value), law)
                        .note("the quantizer calls it once for every entry of a table")
                        .help("name a function, as in `function = f32::sin`"),
                );
                None
            }
        }
    }
}
