//! A list of keys and values: `#[bits(..)]` or `input(..)`.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Expr, Meta, MetaList, Token};

use crate::errors::{Error, Errors, Place, Spanned, list, similar};
use crate::key::{Key, Owner};
use crate::layers::LayerType;
use crate::literal::{Integer, peel};

/// The keys that were written in one list, each at most once.
pub(crate) struct Keys<'a> {
    owner: Owner<'a>,
    place: Place,
    entries: Vec<(Key, Option<Expr>)>,
}

impl<'a> Keys<'a> {
    /// An empty list of keys, at the place of what they would belong to.
    pub(crate) fn none(owner: Owner<'a>, place: Place) -> Self {
        Keys {
            owner,
            place,
            entries: Vec::new(),
        }
    }

    /// The keys of a list; `None` if it cannot be read or has none.
    pub(crate) fn parse(errors: &mut Errors, owner: Owner<'a>, meta: &Meta) -> Option<Self> {
        let mut keys = Keys::none(owner, Place::of(meta));
        let example = owner.example();
        let Meta::List(list) = meta else {
            errors.push(
                Error::new(keys.place, format!("{owner} has no list of keys"))
                    .help(format!("write `{example}` on {owner}")),
            );
            return None;
        };
        match metas(list) {
            Ok(metas) => {
                for meta in metas {
                    keys.push(errors, meta);
                }
                Some(keys)
            }
            Err(error) => {
                let law = format!("the keys of {owner} cannot be read: {error}");
                errors.push(
                    Error::new(Place::at(error.span()), law)
                        .help(format!("keys are written as in `{example}`")),
                );
                None
            }
        }
    }

    fn push(&mut self, errors: &mut Errors, meta: Meta) {
        let owner = self.owner;
        let place = Place::of(meta.path());
        let written = meta.path().to_token_stream().to_string();
        let Some(key) = self.key(errors, place, &written) else {
            return;
        };
        if self.entries.iter().any(|(known, _)| *known == key) {
            errors.push(
                Error::new(place, format!("`{written}` of {owner} is written twice"))
                    .help(format!("remove `{written}` here or before")),
            );
            return;
        }
        let value = match meta {
            Meta::NameValue(pair) => Some(pair.value),
            Meta::Path(_) | Meta::List(_) => {
                let law = format!("`{written}` of {owner} needs a value");
                errors.push(
                    Error::new(Place::of(meta), law)
                        .help(format!("write `{}` on {owner}", key.example())),
                );
                None
            }
        };
        self.entries.push((key, value));
    }

    /// The key of this name. A name that is nearly right is an error, but is read as the key that was
    /// meant, so that this key is not reported as missing too.
    fn key(&self, errors: &mut Errors, place: Place, written: &str) -> Option<Key> {
        let owner = self.owner;
        let own: Vec<(&str, Key)> = owner.keys().iter().map(|k| (k.name(), *k)).collect();
        if let Some((_, key)) = own.iter().find(|(name, _)| *name == written) {
            return Some(*key);
        }
        let names: Vec<&str> = own.iter().map(|(name, _)| *name).collect();
        let keys = match owner {
            Owner::Layer(_, layer) if names.is_empty() => {
                format!("`{}` takes no keys", layer.name())
            }
            Owner::Input => format!("the keys of the input are {}", list(&names, "and")),
            Owner::Layer(_, layer) => {
                format!("the keys of `{}` are {}", layer.name(), list(&names, "and"))
            }
        };
        if let (Owner::Layer(_, layer), Some(key)) = (
            owner,
            Key::OF_LAYERS.into_iter().find(|key| key.name() == written),
        ) {
            let law = format!("{owner} has no use for `{written}`");
            errors.push(
                Error::new(place, law)
                    .note(format!(
                        "{keys}, while `{written}` belongs to {}",
                        takers(key)
                    ))
                    .help(format!(
                        "remove `{written}` from the keys of this `{}`",
                        layer.name()
                    )),
            );
            return None;
        }
        let meant = similar(written, &own);
        let help = match meant {
            Some(key) => format!("write `{}` instead", key.name()),
            None => format!("remove `{written}`"),
        };
        errors.push(
            Error::new(place, format!("`{written}` is not a key of {owner}"))
                .note(keys)
                .help(help),
        );
        meant
    }

    /// What was written for a key.
    pub(crate) fn value(&self, key: Key) -> Option<&Expr> {
        self.entries
            .iter()
            .find(|(known, _)| *known == key)
            .and_then(|(_, value)| value.as_ref())
    }

    /// What was written for a required key.
    pub(crate) fn required(&self, errors: &mut Errors, key: Key) -> Option<&Expr> {
        let value = self.value(key);
        if !self.entries.iter().any(|(known, _)| *known == key) {
            let owner = self.owner;
            errors.push(
                Error::new(
                    self.place,
                    format!("`{}` of {owner} is missing", key.name()),
                )
                .help(format!("write `{}` on {owner}", key.example())),
            );
        }
        value
    }

    /// A number in the range of its key.
    pub(crate) fn number(
        &self,
        errors: &mut Errors,
        key: Key,
        value: &Expr,
    ) -> Option<Spanned<u32>> {
        let owner = self.owner;
        let (min, max) = owner.range(key);
        let what = format!("`{}` of {owner}", key.name());
        let integer = Integer {
            what: &what,
            min,
            max,
        };
        let number = integer.read(errors, value, |nearest| match nearest {
            Some(nearest) => format!("write `{} = {nearest}` on {owner}", key.name()),
            None if matches!(peel(value), Expr::Lit(_)) => {
                format!("write `{}` on {owner}", key.example())
            }
            None => format!("write the number itself, as in `{}`", key.example()),
        })?;
        Some(Spanned {
            value: u32::try_from(number.value).expect("ranges of keys end below 2^32"),
            place: number.place,
        })
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(
        &self,
        errors: &mut Errors,
        key: Key,
        words: &[(&str, T)],
    ) -> Option<Spanned<T>> {
        let value = self.value(key)?;
        let place = Place::of(value);
        let (owner, name) = (self.owner, key.name());
        let written = peel(value).to_token_stream().to_string();
        let written = written.trim_matches('"');
        if let (Expr::Path(_), Some((_, word))) =
            (peel(value), words.iter().find(|(word, _)| *word == written))
        {
            return Some(Spanned {
                value: *word,
                place,
            });
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let indices: Vec<(&str, usize)> = names.iter().copied().zip(0..).collect();
        let meant = names[similar(written, &indices).unwrap_or(0)];
        errors.push(
            Error::new(
                place,
                format!("`{name}` of {owner} must be {}", list(&names, "or")),
            )
            .help(format!("write `{name} = {meant}` on {owner}")),
        );
        None
    }
}

/// The layers that take a key or, if most do, those that do not.
fn takers(key: Key) -> String {
    let (takers, others): (Vec<_>, Vec<_>) = LayerType::all()
        .into_iter()
        .filter(|(_, layer)| {
            matches!(layer, LayerType::Activation(_)) || layer.keys().contains(&key)
        })
        .partition(|(_, layer)| layer.keys().contains(&key));
    let names = |layers: &[(&'static str, LayerType)]| {
        let names: Vec<&str> = layers.iter().map(|(name, _)| *name).collect();
        list(&names, "and")
    };
    match others.len() {
        0 => "every activation".to_owned(),
        few if few < takers.len() => format!("every activation but {}", names(&others)),
        _ => names(&takers),
    }
}

/// The entries of `name(..)`, separated by commas.
fn metas(list: &MetaList) -> syn::Result<Punctuated<Meta, Token![,]>> {
    list.parse_args_with(Punctuated::parse_terminated)
}
