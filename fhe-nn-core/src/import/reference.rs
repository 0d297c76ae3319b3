//! What another framework computes: rows of inputs, and the outputs of its model for them.

use std::path::Path;

use ndarray::Array2;
use serde::Deserialize;

use crate::{Error, file, npz, rows};

/// Rows of inputs and the outputs that the framework of a model computes for them.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    inputs: Array2<f32>,
    outputs: Array2<f64>,
}

impl Reference {
    /// Takes the outputs of as many rows of inputs.
    ///
    /// # Shapes
    /// `inputs`: `[rows, values of one input]`, in the order of the model; `outputs`: `[rows, scores]`.
    ///
    /// # Errors
    /// [`Error::Rows`] if the numbers of rows differ or there are none.
    pub fn new(inputs: Array2<f32>, outputs: Array2<f64>) -> Result<Self, Error> {
        let (given, computed) = (inputs.nrows(), outputs.nrows());
        if given != computed {
            return Err(refuse(format!(
                "there are {given} rows of inputs, but {computed} rows of outputs"
            )));
        }
        if given == 0 {
            return Err(refuse("there are no rows".to_owned()));
        }
        Ok(Reference { inputs, outputs })
    }

    /// Reads a file: the arrays `input` and `output` of an npz file, or JSON of the form
    /// `{"input": [[..], ..], "output": [[..], ..]}` with a flat list of numbers for each row.
    ///
    /// # Errors
    /// [`Error::Read`], [`ModelError::TooLarge`](crate::error::ModelError::TooLarge), and those of
    /// [`from_bytes`](Self::from_bytes).
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_bytes(&file::read(path.as_ref())?)
    }

    /// Reads the same from memory.
    ///
    /// # Errors
    /// [`Error::Rows`] if the bytes are neither, an array is missing, or rows do not fit together, and the
    /// errors of [`rows::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if npz::is(bytes) {
            let inputs = rows::from_bytes(bytes, Some("input"))?;
            let outputs = rows::from_bytes(bytes, Some("output"))?;
            return Self::new(inputs, outputs.mapv(f64::from));
        }
        let texts: Texts = serde_json::from_slice(bytes).map_err(|reason| {
            refuse(format!(
                "the file is neither an npz file nor JSON with lists of rows, `input` and `output`: {reason}"
            ))
        })?;
        let inputs = matrix("input", texts.input)?;
        Self::new(inputs, matrix("output", texts.output)?)
    }

    /// Returns the inputs, `[rows, values of one input]`.
    pub fn inputs(&self) -> &Array2<f32> {
        &self.inputs
    }

    /// Returns the outputs, `[rows, scores]`.
    pub fn outputs(&self) -> &Array2<f64> {
        &self.outputs
    }
}

/// The JSON of a reference.
#[derive(Deserialize)]
struct Texts {
    input: Vec<Vec<f32>>,
    output: Vec<Vec<f64>>,
}

/// Puts rows of one length into a matrix.
fn matrix<T>(name: &str, rows: Vec<Vec<T>>) -> Result<Array2<T>, Error> {
    let length = rows.first().map_or(0, Vec::len);
    if let Some((row, other)) = rows.iter().enumerate().find(|(_, row)| row.len() != length) {
        let other = other.len();
        return Err(refuse(format!(
            "row {row} of `{name}` has {other} values, but row 0 has {length}"
        )));
    }
    let shape = (rows.len(), length);
    let values = rows.into_iter().flatten().collect();
    Ok(Array2::from_shape_vec(shape, values).expect("every row has as many values"))
}

fn refuse(reason: String) -> Error {
    Error::Rows { reason }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn rows_of_json_are_read() {
        let text = br#"{"input": [[1, 2.5], [3, 4]], "output": [[1], [-0.1]]}"#;
        let read = Reference::from_bytes(text).expect("these are rows");
        assert_eq!(read.inputs(), array![[1.0, 2.5], [3.0, 4.0]]);
        assert_eq!(read.outputs(), array![[1.0], [-0.1]]);
    }

    #[test]
    fn rows_that_do_not_fit_together_are_refused_with_both_numbers() {
        for (text, reason) in [
            (r#"{"input": [], "output": []}"#, "there are no rows"),
            (
                r#"{"input": [[1], [2]], "output": [[1]]}"#,
                "there are 2 rows of inputs, but 1 rows of outputs",
            ),
            (
                r#"{"input": [[1], [2, 3]], "output": [[1], [2]]}"#,
                "row 1 of `input` has 2 values, but row 0 has 1",
            ),
        ] {
            let refused = Reference::from_bytes(text.as_bytes()).expect_err(text);
            assert_eq!(
                refused.to_string(),
                format!("rows of inputs cannot be read: {reason}")
            );
        }
        let refused = Reference::from_bytes(b"1,2\n").expect_err("this is CSV");
        assert!(refused.to_string().contains("`input` and `output`"));
    }
}
