//! Rows of inputs from files: npz and npy, which numpy writes, and CSV.

use std::path::Path;

use ndarray::{Array2, ArrayD};

use crate::npy::Npy;
use crate::{Error, file, npz};

/// Reads the rows of a file: an npz or npy file of numpy, or CSV with one row in each line.
///
/// Arrays of any shape are taken as `[rows, ..]`, an array of one extent as one row. Integers are taken as
/// numbers. A first line of CSV without any number is a line of names; a line of numbers is a row, whatever it
/// was meant to be. `array` names the array of an npz
/// file; it may be left out if there is one array only, or if one is called `input`.
///
/// # Shapes
/// The result is `[rows, values of one row]`.
///
/// # Errors
/// [`Error::Read`], [`crate::error::ModelError::TooLarge`], and those of [`from_bytes`].
pub fn load(path: impl AsRef<Path>, array: Option<&str>) -> Result<Array2<f32>, Error> {
    from_bytes(&file::read(path.as_ref())?, array)
}

/// Reads rows from memory; see [`load`].
///
/// # Errors
/// [`Error::Rows`] if the file has no such array or rows of different lengths, [`Error::Malformed`] and
/// [`crate::error::ModelError::TensorType`].
pub fn from_bytes(bytes: &[u8], array: Option<&str>) -> Result<Array2<f32>, Error> {
    let refuse = |reason: String| Err(Error::Rows { reason });
    if npz::is(bytes) {
        return flat(chosen(bytes, array)?);
    }
    if let Some(name) = array {
        return refuse(format!(
            "the file is not an npz file, which alone has arrays with names like `{name}`"
        ));
    }
    if Npy::is(bytes) {
        return flat(Npy::read("array", bytes)?.values);
    }
    csv(bytes)
}

/// Returns the array of an npz file that has the rows.
fn chosen(bytes: &[u8], wanted: Option<&str>) -> Result<ArrayD<f32>, Error> {
    let files = npz::files(bytes)?;
    let wanted = match (wanted, files.as_slice()) {
        (Some(name), _) => name,
        (None, [(only, _)]) => only,
        (None, _) => "input",
    };
    match files.iter().find(|(name, _)| name == wanted) {
        Some((name, file)) => Ok(Npy::read(name, file)?.values),
        None => {
            let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            let names = names.join(", ");
            let reason = format!("the npz file has no array `{wanted}`; it has: {names}");
            Err(Error::Rows { reason })
        }
    }
}

/// Returns an array as rows.
fn flat(array: ArrayD<f32>) -> Result<Array2<f32>, Error> {
    let shape = match array.shape() {
        [] => {
            let reason = "the array is a single number".to_owned();
            return Err(Error::Rows { reason });
        }
        [values] => (1, *values),
        [rows, rest @ ..] => (*rows, rest.iter().product()),
    };
    let rows = array.as_standard_layout().into_owned();
    let rows = rows.into_shape_with_order(shape);
    Ok(rows.expect("the extents are those of the array"))
}

/// Reads lines of numbers.
fn csv(bytes: &[u8]) -> Result<Array2<f32>, Error> {
    let refuse = |reason: String| Error::Rows { reason };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut values = Vec::new();
    let mut columns = None;
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| refuse(error.to_string()))?;
        let line = record
            .position()
            .map_or(index as u64 + 1, csv::Position::line);
        let numbers: Vec<Option<f32>> = record.iter().map(|text| text.parse().ok()).collect();
        if index == 0 && numbers.iter().all(Option::is_none) {
            continue;
        }
        if let Some(place) = numbers.iter().position(Option::is_none) {
            let text = &record[place];
            let column = place + 1;
            return Err(refuse(format!(
                "line {line}, column {column} is `{text}`, which is not a number"
            )));
        }
        let (own, first) = (numbers.len(), *columns.get_or_insert(numbers.len()));
        if own != first {
            return Err(refuse(format!(
                "line {line} has {own} values, but the first row has {first}"
            )));
        }
        values.extend(numbers.into_iter().flatten());
    }
    let Some(columns) = columns else {
        return Err(refuse("there are no rows".to_owned()));
    };
    let rows = values.len() / columns;
    Ok(Array2::from_shape_vec((rows, columns), values).expect("every row has as many values"))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// Returns an npy file of these bytes of values.
    fn npy(kind: &str, shape: &str, values: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = u16::try_from(header.len()).expect("a header is short");
        [
            b"\x93NUMPY\x01\x00",
            &length.to_le_bytes()[..],
            header.as_bytes(),
            values,
        ]
        .concat()
    }

    #[test]
    fn lines_of_numbers_are_rows() {
        let expected = array![[1.0, -2.5], [3e2, 0.0]];
        for text in ["1,-2.5\n3e2,0\n", "a, b\n1 , -2.5\n300,0"] {
            assert_eq!(from_bytes(text.as_bytes(), None).expect(text), expected);
        }
        for (text, reason) in [
            ("", "there are no rows"),
            ("a,b\n", "there are no rows"),
            ("1,2\n3\n", "line 2 has 1 values, but the first row has 2"),
            (
                "1,2\n3,x\n",
                "line 2, column 2 is `x`, which is not a number",
            ),
        ] {
            let refused = from_bytes(text.as_bytes(), None)
                .expect_err(text)
                .to_string();
            assert_eq!(refused, format!("rows of inputs cannot be read: {reason}"));
        }
    }

    #[test]
    fn arrays_of_any_numbers_are_rows() {
        let rows = from_bytes(&npy("|u1", "(2, 1, 2)", &[1, 2, 3, 255]), None);
        assert_eq!(
            rows.expect("it is an array"),
            array![[1.0, 2.0], [3.0, 255.0]]
        );
        let rows = from_bytes(&npy("<i2", "(2,)", &[255, 255, 1, 0]), None);
        assert_eq!(rows.expect("it is an array"), array![[-1.0, 1.0]]);
        let rows = from_bytes(&npy("<f8", "(1, 1)", &0.5f64.to_le_bytes()), None);
        assert_eq!(rows.expect("it is an array"), array![[0.5]]);
        // 2^24 + 1 is not a 32-bit float
        let refused = from_bytes(&npy("<i4", "(1, 1)", &[1, 0, 0, 1]), None);
        let refused = refused.expect_err("it is too large").to_string();
        assert!(refused.contains("a 32-bit float cannot hold"), "{refused}");
        let named = from_bytes(&npy("|u1", "(1, 1)", &[1]), Some("x"));
        assert!(matches!(named, Err(Error::Rows { .. })));
    }
}
