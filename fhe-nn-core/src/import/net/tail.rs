//! What the client of an imported network computes of the outputs, to have what the imported model computes.

use serde::{Deserialize, Serialize};

use crate::import::function::{Expr, postfix};
use crate::import::place::Whole;

/// What follows the outputs of a network in the model. It is left to the client, because it needs no encryption.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail {
    /// The function of each output by itself.
    pub(crate) each: Option<Expr>,
    /// The function of all outputs.
    pub(crate) all: Option<Whole>,
}

/// A tail as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredTail {
    each: Option<String>,
    all: Option<Whole>,
}

impl Tail {
    /// What a model computes of the outputs of its network.
    pub(crate) fn of(&self, outputs: Vec<f64>) -> Vec<f64> {
        let each = |&y: &f64| {
            let expr = self.each.as_ref();
            expr.map_or(y, |expr| expr.value(&[y], 0))
        };
        let outputs: Vec<f64> = outputs.iter().map(each).collect();
        match self.all {
            Some(whole) => whole.of(outputs),
            None => outputs,
        }
    }

    pub(crate) fn stored(&self) -> Option<StoredTail> {
        if self.each.is_none() && self.all.is_none() {
            return None;
        }
        Some(StoredTail {
            each: self.each.as_ref().map(postfix::write),
            all: self.all,
        })
    }

    /// The tail of a network with `count` outputs.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(stored: Option<StoredTail>, count: usize) -> Result<Self, String> {
        let Some(StoredTail { each, all }) = stored else {
            return Ok(Tail::default());
        };
        let each = each.map(|text| postfix::read(&text)).transpose();
        let each = each.map_err(|reason| format!("the function of its outputs: {reason}"))?;
        let size = |whole: Whole| whole.extents.into_iter().try_fold(1, usize::checked_mul);
        if let Some(whole) = all.filter(|&whole| size(whole) != Some(count)) {
            let extents = whole.extents;
            return Err(format!(
                "a function of {extents:?} values of its {count} outputs"
            ));
        }
        Ok(Tail { each, all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::place::WholeKind;

    #[test]
    fn a_tail_of_other_outputs_is_refused() {
        let whole = Whole {
            kind: WholeKind::Softmax,
            extents: [1, 3, 1],
        };
        let stored = |all| {
            Some(StoredTail {
                each: None,
                all: Some(all),
            })
        };
        assert!(Tail::read(stored(whole), 3).is_ok());
        assert!(Tail::read(stored(whole), 4).is_err());
        let huge = Whole {
            extents: [usize::MAX, 2, 1],
            ..whole
        };
        assert!(Tail::read(stored(huge), 3).is_err());
    }
}
