//! Why a call cannot be carried out.

use std::io;
use std::path::PathBuf;

use fhe_nn_core::import::ImportError;
use fhe_nn_service::ClientError;
use fhe_nn_service::protocol::{Problem, ProblemKind, ReceiptError};

/// Why a call cannot be carried out. All of them end the program with exit code 2.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The library says why.
    #[error("{}{source}", named(path))]
    Core {
        /// The file that it is about.
        path: Option<PathBuf>,
        source: Box<fhe_nn_core::Error>,
    },
    #[error("{}: {source}", path.display())]
    Import {
        path: PathBuf,
        source: Box<ImportError>,
    },
    #[error("cannot read `{}`: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{}`: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("`{}` is there already\n  = help: `--force` overwrites it", path.display())]
    Exists { path: PathBuf },
    #[error("`{}` has more than {limit} bytes", path.display())]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("no passphrase: {0}\n  = help: `--passphrase-file FILE`, or the environment variable `{VARIABLE}`, gives one where nobody can be asked", VARIABLE = crate::passphrase::VARIABLE)]
    Passphrase(String),
    /// The server, or the way to it, says why.
    #[error("{0}{help}", help = help(.0))]
    Service(Box<ClientError>),
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    #[error("{0}")]
    Call(String),
}

impl From<ClientError> for Failure {
    fn from(source: ClientError) -> Self {
        Failure::Service(Box::new(source))
    }
}

/// What the options of the program can do about an error.
fn help(error: &ClientError) -> &'static str {
    match error {
        ClientError::PlainHttp { .. } => {
            "\n  = help: use `https://`, or allow it by `--plain-http`"
        }
        ClientError::Untrusted { reason } if reason == "UnknownIssuer" => {
            "\n  = help: `--certificates FILE` trusts a certificate that the server made for itself"
        }
        _ => match error.problem().and_then(Problem::kind) {
            Some(ProblemKind::Unauthorized) => {
                "\n  = help: `--token-file FILE`, or the environment variable `FHE_NN_TOKEN`, gives a token"
            }
            _ => "",
        },
    }
}

impl From<fhe_nn_core::Error> for Failure {
    fn from(source: fhe_nn_core::Error) -> Self {
        Failure::Core {
            path: None,
            source: Box::new(source),
        }
    }
}

/// Adds the file that an error of the library is about.
pub(crate) trait Of<T> {
    /// # Errors
    /// [`Failure::Core`], with the file.
    fn of(self, path: &std::path::Path) -> Result<T, Failure>;
}

impl<T> Of<T> for Result<T, fhe_nn_core::Error> {
    fn of(self, path: &std::path::Path) -> Result<T, Failure> {
        self.map_err(|source| Failure::Core {
            path: Some(path.to_owned()),
            source: Box::new(source),
        })
    }
}

fn named(path: &Option<PathBuf>) -> String {
    path.as_ref()
        .map(|path| format!("{}: ", path.display()))
        .unwrap_or_default()
}
