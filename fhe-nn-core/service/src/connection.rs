//! How a server is reached.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use fhe_nn_service::Client;
use fhe_nn_service::client::ClientBuilder;
use fhe_nn_service::protocol::Token;
use zeroize::Zeroizing;

use crate::bytes;
use crate::failure::Failure;

/// The environment variable that a token is read from.
const VARIABLE: &str = "FHE_NN_TOKEN";
/// The largest file of a token that is read, in bytes.
const TOKEN: u64 = 1 << 12;
/// The largest file of certificates that is read, in bytes.
const CERTIFICATES: u64 = 1 << 20;

/// A server, and how it is reached.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The address of the server, as `https://example.org` or `http://127.0.0.1:8080`.
    #[arg(value_name = "URL")]
    url: String,
    /// Read the token from the first line of a file; otherwise it comes from the environment variable FHE_NN_TOKEN,
    /// or there is none.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Trust these certificates (PEM) beside those of the system.
    #[arg(long, value_name = "FILE")]
    certificates: Option<PathBuf>,
    /// Allow a server on another machine without TLS: whoever is on the way can then read the token and change everything.
    #[arg(long)]
    plain_http: bool,
    /// For how long a call is repeated that fails.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    patience: u64,
}

impl Connection {
    /// Begins to make the client.
    ///
    /// # Errors
    /// [`Failure::Read`], [`Failure::TooLarge`], and [`Failure::Call`] for a token that is none.
    pub(crate) fn builder(&self) -> Result<ClientBuilder, Failure> {
        let mut builder = Client::builder(&self.url).patience(Duration::from_secs(self.patience));
        if let Some(token) = self.token()? {
            builder = builder.token(token);
        }
        if let Some(path) = &self.certificates {
            builder = builder.root_certificates(bytes::read(path, CERTIFICATES)?);
        }
        if self.plain_http {
            builder = builder.allow_plain_http();
        }
        Ok(builder)
    }

    fn token(&self) -> Result<Option<Token>, Failure> {
        let (place, text) = match &self.token_file {
            Some(path) => {
                let content = bytes::read_secret(path, TOKEN)?;
                let line = content
                    .split(|&byte| byte == b'\n')
                    .next()
                    .unwrap_or_default();
                let text = Zeroizing::new(String::from_utf8_lossy(line).trim().to_owned());
                (format!("`{}`", path.display()), text)
            }
            None => match std::env::var(VARIABLE) {
                Ok(text) => (
                    format!("the environment variable {VARIABLE}"),
                    Zeroizing::new(text),
                ),
                Err(_) => return Ok(None),
            },
        };
        let token = text.trim().parse();
        token
            .map(Some)
            .map_err(|reason| Failure::Call(format!("{place} has no token: {reason}")))
    }
}
