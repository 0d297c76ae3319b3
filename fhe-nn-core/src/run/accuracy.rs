//! How often a network is right.

use fhe_nn_proof::client::{Scores, greatest};

use crate::Error;

/// The class that scores say: the position of the greatest, the first of equals. A single score says class 1 where it
/// is positive, and class 0 elsewhere.
pub(crate) fn class(scores: impl IntoIterator<Item = f64>) -> usize {
    let mut scores = scores.into_iter();
    match (scores.next(), scores.next()) {
        (Some(single), None) => usize::from(single > 0.0),
        (first, second) => {
            let all = first.into_iter().chain(second).chain(scores);
            greatest(all).unwrap_or(0)
        }
    }
}

/// The classes of rows, which a network with this number of scores has.
///
/// # Errors
/// [`Error::Labels`].
pub(crate) fn classes(labels: &[u32], rows: usize, scores: usize) -> Result<Vec<usize>, Error> {
    if labels.len() != rows {
        let labels = labels.len();
        let reason = format!("there are {labels} labels for {rows} rows, but each row has one");
        return Err(Error::Labels { reason });
    }
    let count = if scores == 1 { 2 } else { scores };
    let beyond = labels.iter().position(|&label| label as usize >= count);
    match beyond {
        None => Ok(labels.iter().map(|&label| label as usize).collect()),
        Some(row) => Err(Error::Labels {
            reason: format!(
                "row {row} is of class {}, but the network has scores for {count} classes, counted from 0",
                labels[row]
            ),
        }),
    }
}

/// The fraction of rows whose class the scores say; 0 if there are no rows. The class is the position of the greatest
/// score, the first of equals; of a network with one score, it is class 1 where the score is positive.
///
/// ```
/// # use fhe_nn_core::prelude::*;
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/majority.rs"));
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// use fhe_nn_core::run::accuracy;
/// use ndarray::array;
///
/// let majority = Majority::quantize(&floats()?, samples().view())?.network;
/// let rows = array![[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]];
/// assert_eq!(accuracy(&majority.run_batch(rows.view())?, &[1, 1])?, 0.5);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Labels`] if there are more or fewer labels than rows, or if a label is no class of the network.
pub fn accuracy(scores: &[Scores], labels: &[u32]) -> Result<f64, Error> {
    let count = scores.first().map_or(1, |scores| scores.reals().len());
    let classes = classes(labels, scores.len(), count)?;
    let pairs = scores.iter().zip(&classes);
    let right = pairs.filter(|(scores, own)| class(scores.reals().iter().copied()) == **own);
    Ok(right.count() as f64 / scores.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_say_a_class() {
        assert_eq!(class([0.5, 2.0, 2.0]), 1);
        assert_eq!(class([-0.5]), 0);
        assert_eq!(class([0.5]), 1);
        assert_eq!(class([]), 0);
    }

    #[test]
    fn labels_that_do_not_fit_are_refused() {
        let refused = |labels: &[u32], rows, scores| {
            let error = classes(labels, rows, scores).expect_err("they do not fit");
            error.to_string()
        };
        assert_eq!(
            refused(&[0, 1], 3, 2),
            "labels cannot be used: there are 2 labels for 3 rows, but each row has one"
        );
        assert_eq!(
            refused(&[0, 3], 2, 3),
            "labels cannot be used: row 1 is of class 3, but the network has scores for 3 classes, counted from 0"
        );
        assert!(
            classes(&[0, 1], 2, 1).is_ok(),
            "one score tells two classes apart"
        );
    }
}
