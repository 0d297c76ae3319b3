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

/// Reads the labels of a file, the class of every row, counted from 0: an npz or npy file of numpy, or CSV with one
/// label in each line or all in one. `array` names the array of an npz file; it may be left out if there is one array
/// only, or if one is called `label` or `labels`.
///
/// # Errors
/// [`Error::Read`], [`crate::error::ModelError::TooLarge`], and those of [`labels_from_bytes`].
pub fn labels(path: impl AsRef<Path>, array: Option<&str>) -> Result<Vec<u32>, Error> {
    labels_from_bytes(&file::read(path.as_ref())?, array)
}

/// Reads labels from memory; see [`labels`].
///
/// # Errors
/// [`Error::Labels`] for numbers that are not classes, and those of [`from_bytes`].
pub fn labels_from_bytes(bytes: &[u8], array: Option<&str>) -> Result<Vec<u32>, Error> {
    let values = match npz::is(bytes) {
        true => flat(array_of(bytes, array, &["label", "labels"])?)?,
        false => from_bytes(bytes, array)?,
    };
    if values.nrows() > 1 && values.ncols() > 1 {
        let (rows, columns) = values.dim();
        let reason =
            format!("there are {columns} numbers for each of {rows} rows, but a label is one");
        return Err(Error::Labels { reason });
    }
    let label = |(row, &value): (usize, &f32)| {
        // classes are far below 2^24, up to which a 32-bit float has every integer
        let is_class = value.fract() == 0.0 && (0.0..16_777_216.0).contains(&value);
        is_class
            .then_some(value as u32)
            .ok_or_else(|| Error::Labels {
                reason: format!("row {row} has the label {value}, but classes are integers from 0"),
            })
    };
    values.iter().enumerate().map(label).collect()
}

/// Returns the array of an npz file that has the rows.
fn chosen(bytes: &[u8], wanted: Option<&str>) -> Result<ArrayD<f32>, Error> {
    array_of(bytes, wanted, &["input"])
}

/// Returns the array of an npz file that is wanted, the only one, or the first with a usual name.
fn array_of(bytes: &[u8], wanted: Option<&str>, usual: &[&str]) -> Result<ArrayD<f32>, Error> {
    let files = npz::files(bytes)?;
    let is_there = |name: &&&str| files.iter().any(|(own, _)| own == **name);
    let wanted = match (wanted, files.as_slice()) {
        (Some(name), _) => name,
        (None, [(only, _)]) => only,
        (None, _) => usual.iter().find(is_there).unwrap_or(&usual[0]),
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
    fn labels_are_classes_from_0() {
        let read = |bytes: &[u8]| labels_from_bytes(bytes, None);
        assert_eq!(read(b"2\n0\n1\n").expect("a column"), [2, 0, 1]);
        assert_eq!(read(b"2,0,1").expect("a line"), [2, 0, 1]);
        let column = npy("|u1", "(2, 1)", &[3, 255]);
        assert_eq!(read(&column).expect("an array"), [3, 255]);
        for (bytes, reason) in [
            (
                &b"1\n-1\n"[..],
                "row 1 has the label -1, but classes are integers from 0",
            ),
            (
                b"0.5",
                "row 0 has the label 0.5, but classes are integers from 0",
            ),
            (
                b"1,2\n3,4\n",
                "there are 2 numbers for each of 2 rows, but a label is one",
            ),
        ] {
            let refused = read(bytes).expect_err(reason).to_string();
            assert_eq!(refused, format!("labels cannot be used: {reason}"));
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
