//! Texts as tokens.
//!
//! A word is a run of letters, digits and apostrophes in lower case, without apostrophes at its ends;
//! `!` and `?` are words of their own. Token 0 is padding, and token 1 is any word that the vocabulary
//! does not have.

use std::collections::HashMap;
use std::path::Path;

use ndarray::Array2;

use crate::table::Error;

/// Number of tokens of a text. Longer texts are cut, and shorter ones are padded.
pub const TOKENS: usize = 24;
/// The token of unknown words.
const UNKNOWN: u16 = 1;

/// Labelled texts.
pub struct Texts {
    path: std::path::PathBuf,
    vocabulary: HashMap<String, u16>,
    rows: Vec<(u8, String, String)>,
}

/// The texts of one part of the data.
pub struct Part {
    /// The tokens, `[texts, TOKENS]`.
    pub inputs: Array2<f32>,
    /// The class of each text.
    pub labels: Vec<u8>,
    /// The texts themselves.
    pub texts: Vec<String>,
}

impl Texts {
    /// Loads texts and a vocabulary. The lines of `path` have label, part and text, separated by tabs.
    /// `vocabulary` has one word in each line, and the number of the line, from 0, is the word's token.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Line`].
    pub fn load(path: impl AsRef<Path>, vocabulary: impl AsRef<Path>) -> Result<Self, Error> {
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|source| Error::Read {
                path: path.to_owned(),
                source,
            })
        };
        let path = path.as_ref();
        let words = read(vocabulary.as_ref())?;
        let words = words
            .lines()
            .zip(0..)
            .map(|(word, token)| (word.to_owned(), token));
        let lines = read(path)?;
        let row = |(index, line): (usize, &str)| {
            let mut fields = line.splitn(3, '\t');
            let row = (|| {
                let label = fields.next()?.parse().ok()?;
                Some((label, fields.next()?.to_owned(), fields.next()?.to_owned()))
            })();
            row.ok_or_else(|| Error::Line {
                path: path.to_owned(),
                line: index + 1,
            })
        };
        Ok(Texts {
            path: path.to_owned(),
            vocabulary: words.collect(),
            rows: lines
                .lines()
                .enumerate()
                .map(row)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The texts of a part.
    ///
    /// # Errors
    /// [`Error::Empty`].
    pub fn part(&self, part: &str) -> Result<Part, Error> {
        let own: Vec<_> = self
            .rows
            .iter()
            .filter(|(_, split, _)| split == part)
            .collect();
        if own.is_empty() {
            return Err(Error::Empty {
                path: self.path.clone(),
                part: part.to_owned(),
            });
        }
        let tokens = own.iter().flat_map(|(_, _, text)| self.tokens(text));
        let inputs = Array2::from_shape_vec((own.len(), TOKENS), tokens.collect());
        Ok(Part {
            inputs: inputs.expect("every text has as many tokens"),
            labels: own.iter().map(|(label, ..)| *label).collect(),
            texts: own.iter().map(|(_, _, text)| text.clone()).collect(),
        })
    }

    /// The tokens of a text, as the numbers that a client encrypts.
    pub fn tokens(&self, text: &str) -> [f32; TOKENS] {
        let mut tokens = [0.0; TOKENS];
        for (token, word) in tokens.iter_mut().zip(words(text)) {
            *token = f32::from(self.vocabulary.get(&word).copied().unwrap_or(UNKNOWN));
        }
        tokens
    }
}

/// The words of a text, in order.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in text.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' | '\'' => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
            '!' | '?' => words.extend([c.to_string(), String::new()]),
            _ => words.push(String::new()),
        }
    }
    let trimmed = words.iter().map(|word| word.trim_matches('\'').to_owned());
    trimmed.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_marks() {
        assert_eq!(
            words("Don't 'stop' NOW!!"),
            ["don't", "stop", "now", "!", "!"]
        );
        assert!(words(" ... ").is_empty());
    }

    /// Compares tokens with those of the script that trained the network
    /// (`data/sentiment_reference.json`).
    #[test]
    fn tokens_are_those_of_the_training() {
        let data = crate::cli::data();
        let texts = Texts::load(data.join("sentiment.tsv"), data.join("vocabulary.txt"));
        let texts = texts.expect("both are shipped");
        let reference = std::fs::read_to_string(data.join("sentiment_reference.json"));
        let reference: serde_json::Value =
            serde_json::from_str(&reference.expect("it is shipped")).expect("it is JSON");
        let examples = reference["texts"].as_array().expect("a list");
        assert_eq!(examples.len(), 8);
        for example in examples {
            let text = example["text"].as_str().expect("a text");
            let tokens: Vec<f32> =
                serde_json::from_value(example["tokens"].clone()).expect("numbers");
            assert_eq!(texts.tokens(text), tokens.as_slice(), "{text}");
        }
    }
}
