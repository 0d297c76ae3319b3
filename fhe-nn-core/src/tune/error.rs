//! Why no declaration is returned.

/// An error of a tuning.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TuneError {
    /// There are too few rows to hold some of them out.
    #[error(
        "there are {rows} rows, but tuning needs at least {least}: some are held out of the choice\n  = help: a few hundred rows, as the network will see them, tell declarations apart"
    )]
    FewRows {
        /// Number of rows.
        rows: usize,
        /// The fewest rows.
        least: usize,
    },
    /// The loss that is allowed is not a fraction.
    #[error("a loss of {loss} is allowed, but it must lie in 0 to 1: 0.01 is one row in a hundred")]
    Loss {
        /// The loss.
        loss: f64,
    },
    /// The declaration has no width that may be changed.
    #[error(
        "`{network}` has no widths to find: all of them come with the scales of its floats, or it has no layers"
    )]
    NothingToFind {
        /// Name of the network.
        network: String,
    },
    /// Every declaration that was tried has no parameters, or loses far more than is allowed.
    #[error(
        "each of {trials} declarations of `{network}` has no parameters or loses far more than is allowed\n  = help: bring features that differ in size to one scale, and see what `fhe-nn quantize` reports of the layers"
    )]
    Hopeless {
        /// Name of the network.
        network: String,
        /// Number of declarations that were tried.
        trials: usize,
    },
    /// No declaration keeps what was asked for.
    #[error(
        "none of {trials} declarations of `{network}` keeps a loss of {allowed}{within} on rows that were held out; the one that loses least loses {least:.4} and takes {seconds:.2} s\n  = help: allow more loss, give more rows or time, or train: at few bits (`--train`), or with cheaper layers (`--cheaper`, beside `--within`)"
    )]
    NotKept {
        /// Name of the network.
        network: String,
        /// Number of declarations that were tried.
        trials: usize,
        /// The loss that is allowed.
        allowed: f64,
        /// The wanted time and key size in words; empty if there are none.
        within: String,
        /// The least loss of any declaration on the rows that it was compared on.
        least: f64,
        /// Its predicted seconds.
        seconds: f64,
    },
    /// The network has functions of its own, which are not trained on.
    #[error(
        "`{network}` has functions of its own, and no module is trained with functions that are known only now\n  = help: leave `--train` and `--cheaper` away"
    )]
    CustomFunctions {
        /// Name of the network.
        network: String,
    },
}
