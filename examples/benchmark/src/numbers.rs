//! Files of numbers: images as the harness writes them, and scores.

use std::io::BufRead;
use std::path::Path;
use std::str::FromStr;

use crate::Failure;
use crate::layout::open;

/// Reads a file of numbers, with a line for each image.
///
/// # Shapes
/// The result is `[lines][columns]`.
///
/// # Errors
/// [`Failure::File`], [`Failure::Line`] and [`Failure::Count`].
pub fn numbers<T: FromStr>(
    path: &Path,
    lines: usize,
    columns: usize,
) -> Result<Vec<Vec<T>>, Failure> {
    let mut rows = Vec::new();
    for (index, line) in open(path)?.lines().enumerate() {
        let line = line.map_err(Failure::file(path))?;
        let wrong = |reason: String| Failure::Line {
            path: path.to_owned(),
            line: index + 1,
            reason,
        };
        let words = line.split_whitespace();
        let row = words.map(|word| {
            let number = word.parse();
            number.map_err(|_| wrong(format!("`{word}` is not a number")))
        });
        let row: Vec<T> = row.collect::<Result<_, Failure>>()?;
        if row.len() != columns {
            return Err(wrong(format!(
                "it has {} numbers, but {columns} are expected",
                row.len()
            )));
        }
        rows.push(row);
    }
    if rows.len() != lines {
        return Err(Failure::Count {
            what: "lines",
            actual: rows.len(),
            expected: lines,
        });
    }
    Ok(rows)
}
