//! Names of models and tenants.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most characters of a name.
const MOST: usize = 64;

/// A text that is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a {what} has 1 to {MOST} characters of `A` to `Z`, `a` to `z`, `0` to `9`, `.`, `_` and `-`, and begins with a letter or a digit"
)]
pub struct NameError {
    what: &'static str,
}

/// The name under which a model is served. It stands in a URL as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
pub struct ModelName(String);

/// The name of a tenant, to whom keys, requests and replies belong. A bearer token stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(String);

impl ModelName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tenant {
    /// Returns the tenant of calls without a token, which a server takes on the loopback interface only.
    pub fn local() -> Self {
        Tenant("local".to_owned())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// # Errors
/// [`NameError`].
fn checked(text: &str, what: &'static str) -> Result<String, NameError> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let begins = text
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins && text.len() <= MOST && text.bytes().all(known) {
        Ok(text.to_owned())
    } else {
        Err(NameError { what })
    }
}

macro_rules! name {
    ($name:ident, $what:literal) => {
        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                checked(text, $what).map($name)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(ModelName, "model");
name!(Tenant, "tenant");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_urls_as_they_are() {
        for name in ["Digits", "digits-2.1_b", "7"] {
            assert_eq!(name.parse::<ModelName>().expect("a name").as_str(), name);
        }
        let long = "a".repeat(65);
        for text in ["", ".", "..", "-a", "a/b", "a b", "a%2f", "\u{e4}", &long] {
            assert!(text.parse::<ModelName>().is_err(), "{text:?}");
            assert!(text.parse::<Tenant>().is_err(), "{text:?}");
        }
    }
}
