//! `Embedding<VOCABULARY, DIM>`.

use fhe_nn_proof::spec::{EmbeddingSpec, Encoding, Op};
use proc_macro2::TokenStream;
use quote::quote;

use super::size::{Size, needed};
use crate::check::reads::Reads;
use crate::errors::{Error, Place, Spanned, count};
use crate::key::Key;
use crate::parse::reader::FieldReader;

pub(super) const SIZES: &[Size] = &[needed("vocabulary"), needed("dimension")];

/// Vectors for tokens as they were written.
pub(crate) struct Embedding {
    /// Number of tokens.
    vocabulary: Spanned<usize>,
    /// Number of values for each token.
    dimension: usize,
    /// Width of a value.
    weights: Spanned<u32>,
}

impl Embedding {
    pub(super) fn parse(field: &mut FieldReader<'_, '_>) -> Option<Self> {
        let weights = field.required(Key::Weights);
        let sizes = field.sizes()?;
        let &[vocabulary, dimension] = sizes.as_slice() else {
            return None;
        };
        Some(Embedding {
            vocabulary,
            dimension: dimension.value,
            weights: weights?,
        })
    }

    /// Checks that its vocabulary is that of the input.
    pub(super) fn agree(&self, reads: &mut Reads<'_>) -> Option<Op> {
        let tokens = reads.network.input.tokens?;
        let vocabulary = tokens.vocabulary;
        if self.vocabulary.value != vocabulary {
            let (name, dimension) = (&reads.layer.name, self.dimension);
            let law = format!(
                "`{name}` has vectors for {}, but the vocabulary of the input is {vocabulary}",
                count(self.vocabulary.value, "token")
            );
            let help = format!("write `{name}: Embedding<{vocabulary}, {dimension}>`");
            let error = Error::new(self.vocabulary.place, law).help(help);
            reads.errors.push(error);
            reads.known = false;
        }
        Some(Op::Embedding(EmbeddingSpec {
            vocabulary,
            dimension: self.dimension,
            positions: reads.network.input.shape.iter().product(),
            encoding: tokens.encoding,
            weights: self.weights.value,
        }))
    }

    /// The error of an embedding that reads an input of numbers.
    pub(super) fn reads_numbers(&self, name: &str, place: Place) -> Error {
        let law = format!("`{name}` reads tokens, but the input has numbers");
        let vocabulary = self.vocabulary.value;
        Error::new(place, law)
            .note("a token is one of a vocabulary, which the client encrypts one-hot: as many values, one of them 1")
            .help(format!(
                "declare the input as in `input(shape = [24], vocabulary = {vocabulary})`"
            ))
    }
}

/// The error of an embedding that reads the result of the field `before`.
pub(super) fn reads_a_result(name: &str, before: &str, place: Place) -> Error {
    let law = format!("`{name}` reads tokens, but `{before}` has none");
    Error::new(place, law).help("put the `Embedding` first: only the input has tokens")
}

/// The error of another layer that reads an input of tokens.
pub(super) fn is_missing(name: &str, place: Place) -> Error {
    let law = format!("`{name}` reads numbers, but the input has tokens");
    Error::new(place, law)
        .note(
            "the number of a token says nothing of its meaning; an `Embedding` gives each a vector",
        )
        .help(format!("add an `Embedding` before `{name}`"))
}

/// Why an activation that reads the vectors of `found` is of no use.
pub(super) fn before_an_activation(found: &str) -> String {
    format!("a function of a token's vector is a vector: apply it to the weights of `{found}`")
}

pub(super) fn tokens(embedding: &EmbeddingSpec) -> TokenStream {
    let EmbeddingSpec {
        vocabulary,
        dimension,
        positions,
        encoding,
        weights,
    } = embedding;
    let encoding = match encoding {
        Encoding::OneHot => quote!(OneHot),
        Encoding::Number => quote!(Number),
    };
    quote! {
        Embedding(::fhe_nn_core::spec::EmbeddingSpec {
            vocabulary: #vocabulary,
            dimension: #dimension,
            positions: #positions,
            encoding: ::fhe_nn_core::spec::Encoding::#encoding,
            weights: #weights,
        })
    }
}
