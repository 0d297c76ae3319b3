//! Bearer tokens.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Hash;

/// What every token begins with, so that a program that looks for secrets in files finds it.
const PREFIX: &str = "fhenn_";
/// Random bytes of a token.
const BYTES: usize = 32;

/// A bearer token, which names a tenant: `fhenn_` and 64 hexadecimal digits of 256 random bits. It is wiped on drop, and
/// printed by [`Token::reveal`] alone.
///
/// ```
/// use fhe_nn_service::protocol::Token;
///
/// let token = Token::generate()?;
/// let header = format!("Bearer {}", token.reveal());
/// assert_eq!(Token::from_header(&header)?.hash(), token.hash());
/// assert_eq!(format!("{token:?}"), "Token(..)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

/// What a server stores of a token: its SHA-256. A token has 256 random bits, so nothing slower is needed, and a
/// look-up by the hash tells nothing about other tokens by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(Hash);

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The text is not a token. It is not repeated, because it may be one that was cut.
    #[error(
        "a token is `{PREFIX}` and 64 hexadecimal digits in lower case, but this is another text"
    )]
    Malformed,
    /// The header is not one of a bearer token.
    #[error("the header `Authorization` must be `Bearer` and a token")]
    NotBearer,
    /// The operating system has no randomness.
    #[error("the operating system gives no random bytes: {0}")]
    Randomness(String),
}

impl Token {
    /// Draws a new token.
    ///
    /// # Errors
    /// [`TokenError::Randomness`].
    pub fn generate() -> Result<Self, TokenError> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        getrandom::fill(bytes.as_mut_slice())
            .map_err(|source| TokenError::Randomness(source.to_string()))?;
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 2 * BYTES));
        text.push_str(PREFIX);
        text.push_str(&Zeroizing::new(hex::encode(bytes.as_slice())));
        Ok(Token(text))
    }

    /// Reads the token of a header `Authorization`.
    ///
    /// # Errors
    /// [`TokenError::NotBearer`] and [`TokenError::Malformed`].
    pub fn from_header(value: &str) -> Result<Self, TokenError> {
        let (scheme, token) = value.split_once(' ').ok_or(TokenError::NotBearer)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(TokenError::NotBearer);
        }
        token.trim().parse()
    }

    /// Returns what a server stores.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Hash::of(self.0.as_bytes()))
    }

    /// Returns the token as text, for a header or for the person to whom it is given.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let digits = text.strip_prefix(PREFIX).ok_or(TokenError::Malformed)?;
        digits
            .parse::<Hash>()
            .map(|_| Token(Zeroizing::new(text.to_owned())))
            .map_err(|_| TokenError::Malformed)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl TokenHash {
    /// Returns the 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl From<[u8; 32]> for TokenHash {
    fn from(bytes: [u8; 32]) -> Self {
        TokenHash(bytes.into())
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_do_not_repeat_a_token() {
        let token = Token::generate().expect("there is randomness");
        let cut = &token.reveal()[..token.reveal().len() - 1];
        let told = cut.parse::<Token>().expect_err("it is cut").to_string();
        assert!(!told.contains(&cut[PREFIX.len()..]), "{told}");
        assert_eq!(
            Token::from_header("Basic abc").expect_err("another scheme"),
            TokenError::NotBearer
        );
    }

    #[test]
    fn two_tokens_differ() {
        let tokens = [Token::generate(), Token::generate()];
        let [one, other] = tokens.map(|token| token.expect("there is randomness"));
        assert_ne!(one.hash(), other.hash());
    }
}
