//! Options of an import.

use super::net::Widths;

/// Options of an import: the widths that are proposed, and which output of the model is imported.
///
/// [`Widths`] alone are options, too: then the output with the most real values is imported, which is that of the
/// probabilities where a classifier of scikit-learn has labels as well.
///
/// ```no_run
/// use fhe_nn_core::import::{self, ImportOptions};
///
/// let options = ImportOptions::new().with_output("probabilities");
/// let imported = import::load("classifier.onnx", &options)?;
/// # Ok::<(), import::ImportError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    widths: Widths,
    output: Option<String>,
}

impl ImportOptions {
    /// The default widths, and the output with the most real values.
    pub fn new() -> Self {
        ImportOptions::default()
    }

    /// Sets the widths that are proposed where the model has none of its own.
    #[must_use]
    pub fn with_widths(self, widths: Widths) -> Self {
        ImportOptions { widths, ..self }
    }

    /// Chooses an output of the model by its name. Nodes that lead to other outputs only are not read.
    #[must_use]
    pub fn with_output(self, name: impl Into<String>) -> Self {
        ImportOptions {
            output: Some(name.into()),
            ..self
        }
    }

    /// The widths that are proposed.
    pub fn widths(&self) -> Widths {
        self.widths
    }

    /// The name of the output that is imported, if it was chosen.
    pub fn output(&self) -> Option<&str> {
        self.output.as_deref()
    }
}

impl From<&Widths> for ImportOptions {
    fn from(widths: &Widths) -> Self {
        ImportOptions::new().with_widths(*widths)
    }
}

impl From<&ImportOptions> for ImportOptions {
    fn from(options: &ImportOptions) -> Self {
        options.clone()
    }
}
