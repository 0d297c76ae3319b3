//! The argument `input(..)`: shape and width of one input.

use fhe_nn_proof::spec::{self, Encoding, Scales, Tokens};
use fhe_nn_proof::widths::{MAX_TABLE_BITS, MAX_VALUES};
use quote::ToTokens;
use syn::Expr;

use super::extent_of;
use crate::ast::Input;
use crate::attr::Keys;
use crate::errors::{Error, Errors, Place, Spanned};
use crate::key::Key;
use crate::literal::{Integer, peel};

/// `input(shape = [..], bits = .., scales = ..)`.
pub(super) fn input(errors: &mut Errors, keys: &Keys<'_>) -> Option<Input> {
    let shape = keys
        .required(errors, Key::Shape)
        .and_then(|value| shape(errors, value));
    let scales = keys.word(errors, Key::Scales, &Scales::ALL);
    let Some(vocabulary) = keys.value(Key::Vocabulary) else {
        if let (Some(scales), Some(shape)) = (scales, &shape) {
            few_scales(errors, scales, shape);
        }
        let bits = keys
            .required(errors, Key::Bits)
            .and_then(|value| keys.number(errors, Key::Bits, value));
        return Some(Input {
            shape: shape?,
            bits: bits?.value,
            tokens: None,
            scales,
        });
    };
    let bits = match keys.value(Key::Bits) {
        Some(value) => Some(keys.number(errors, Key::Bits, value)?),
        None => None,
    };
    if let Some(scales) = scales.filter(|scales| !scales.value.is_one()) {
        let law = "`scales` of the input belongs to numbers, but tokens have no scales";
        let help = format!("remove `scales = {}` from the input", scales.value);
        errors.push(Error::new(scales.place, law).help(help));
    }
    let vocabulary = keys.number(errors, Key::Vocabulary, vocabulary)?;
    let shape = shape?;
    let tokens = match bits {
        Some(bits) => number(errors, vocabulary, bits),
        None => one_hot(errors, vocabulary, shape.iter().product()),
    };
    Some(Input {
        shape,
        bits: bits.map_or(1, |bits| bits.value),
        tokens: Some(tokens?),
        scales: None,
    })
}

/// Reports more scales than a client can be told.
fn few_scales(errors: &mut Errors, scales: Spanned<Scales>, shape: &[usize]) {
    let count = scales.value.count(shape);
    if count > spec::Input::MAX_SCALES {
        let most = spec::Input::MAX_SCALES;
        let law = format!("the input has {count} scales, but at most {most} are allowed");
        let fewer = match scales.value {
            Scales::PerValue if shape.len() > 1 && shape[0] <= most => Scales::PerChannel,
            _ => Scales::One,
        };
        let help = format!("write `scales = {fewer}` on the input");
        errors.push(Error::new(scales.place, law).help(help));
    }
}

/// Tokens whose numbers the client encrypts.
fn number(errors: &mut Errors, vocabulary: Spanned<u32>, bits: Spanned<u32>) -> Option<Tokens> {
    let needed = (vocabulary.value - 1)
        .checked_ilog2()
        .map_or(1, |log| log + 1);
    if needed > MAX_TABLE_BITS {
        errors.push(
            Error::new(
                bits.place,
                format!(
                    "a vocabulary of {} needs tables of {needed} bits, but they read at most \
                        {MAX_TABLE_BITS}",
                    vocabulary.value
                ),
            )
            .note("with `bits`, a token is encrypted as a number, and its vector looked up")
            .help(format!(
                "remove `bits = {}` from the input: tokens are then one-hot, {} values, one of them 1",
                bits.value, vocabulary.value
            )),
        );
        return None;
    }
    if bits.value != needed {
        errors.push(
            Error::new(
                bits.place,
                format!(
                    "a vocabulary of {} needs {needed} bits, but `bits` of the input is {}",
                    vocabulary.value, bits.value
                ),
            )
            .note("with `bits`, a token is encrypted as a number, and its vector looked up")
            .help(format!("write `bits = {needed}` on the input")),
        );
        return None;
    }
    Some(Tokens {
        vocabulary: vocabulary.value as usize,
        encoding: Encoding::Number,
    })
}

/// Tokens that the client encrypts as one value for each token of the vocabulary, one of them 1.
fn one_hot(errors: &mut Errors, vocabulary: Spanned<u32>, tokens: usize) -> Option<Tokens> {
    let values = (tokens as u64).saturating_mul(vocabulary.value.into());
    if values > MAX_VALUES {
        errors.push(
            Error::new(
                vocabulary.place,
                format!("the input has {values} values, but at most {MAX_VALUES} are allowed"),
            )
            .note(format!(
                "{tokens} tokens x {} values each",
                vocabulary.value
            ))
            .help("use fewer tokens, or a smaller vocabulary"),
        );
        return None;
    }
    Some(Tokens {
        vocabulary: vocabulary.value as usize,
        encoding: Encoding::OneHot,
    })
}

fn shape(errors: &mut Errors, value: &Expr) -> Option<Vec<usize>> {
    let place = Place::of(value);
    let Expr::Array(array) = peel(value) else {
        let extent = value.to_token_stream();
        let example = match value {
            Expr::Lit(_) => format!("write `shape = [{extent}]` on the input"),
            _ => "write the extents themselves, as in `shape = [784]`".to_owned(),
        };
        let law = "`shape` of the input must be a list of integer literals";
        errors.push(Error::new(place, law).help(example));
        return None;
    };
    if array.elems.is_empty() {
        errors.push(
            Error::new(
                place,
                "`shape` of the input is empty, but a network reads something",
            )
            .help("write `shape = [784]` on the input"),
        );
        return None;
    }
    let extent = Integer {
        what: "extent of the input",
        min: 1,
        max: MAX_VALUES,
    };
    let help = |_| "write the extents, slowest first, as in `shape = [28, 28]`".to_owned();
    let shape: Vec<_> = array
        .elems
        .iter()
        .map(|elem| extent.read(errors, elem, help))
        .collect();
    let shape: Vec<u64> = shape
        .into_iter()
        .map(|extent| extent.map(|extent| extent.value))
        .collect::<Option<_>>()?;
    let values = shape
        .iter()
        .try_fold(1, |values: u64, extent| values.checked_mul(*extent));
    if values.is_none_or(|values| values > MAX_VALUES) {
        let values = values.map_or("more than 2^64".to_owned(), |values| values.to_string());
        let extents: Vec<String> = shape.iter().map(u64::to_string).collect();
        errors.push(
            Error::new(
                place,
                format!(
                    "`shape` of the input has {values} values, but at most \
                        {MAX_VALUES} are allowed"
                ),
            )
            .note(format!("{} = {values}", extents.join(" x ")))
            .help("write the extents of one input, without those of a batch"),
        );
        return None;
    }
    Some(shape.into_iter().map(extent_of).collect())
}
