//! How many values an import may hold.

use std::cell::Cell;

use super::error::ImportError;

/// The most values that an import holds at once: constants, and the places of the values of all tensors. They
/// take a quarter of a gigabyte.
pub(super) const MAX_VALUES: usize = 1 << 25;

/// How many values may still be held.
#[derive(Debug)]
pub(super) struct Budget(Cell<usize>);

impl Budget {
    pub(super) fn new() -> Self {
        Budget(Cell::new(MAX_VALUES))
    }

    /// A budget for the weights of layers, which may be held several times.
    pub(super) fn of_weights() -> Self {
        Budget(Cell::new(MAX_VALUES / 2))
    }

    /// # Errors
    /// [`ImportError::TooLarge`].
    pub(super) fn take(&self, values: usize, node: &str) -> Result<(), ImportError> {
        match self.0.get().checked_sub(values) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => Err(ImportError::TooLarge {
                node: node.to_owned(),
                limit: MAX_VALUES,
            }),
        }
    }
}
