//! Tables of numbers. Each row has a label, and belongs to a part of the data.

use std::path::{Path, PathBuf};

use ndarray::Array2;

/// A table in memory, from a CSV file with a header whose last two columns are `label` and `split`.
pub struct Table {
    path: PathBuf,
    rows: Vec<(Vec<f32>, u8, String)>,
}

/// The rows of one part.
pub struct Part {
    /// The values, `[rows, columns]`.
    pub inputs: Array2<f32>,
    /// The class of each row.
    pub labels: Vec<u8>,
}

/// The reason why a table could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("{} could not be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A line does not consist of as many numbers as the first line, a label and a part.
    #[error("line {line} of {} is not numbers, a label and a split", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
    },
    /// A part does not have rows.
    #[error("{} has no rows of `{part}`", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// The part.
        part: String,
    },
}

impl Table {
    /// # Errors
    /// [`Error::Read`] and [`Error::Line`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let text = std::fs::read_to_string(&path).map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
        let mut rows: Vec<(Vec<f32>, u8, String)> = Vec::new();
        for (index, line) in text.lines().enumerate().skip(1) {
            let row = row(line).filter(|row| {
                rows.first()
                    .is_none_or(|first| first.0.len() == row.0.len())
            });
            rows.push(row.ok_or_else(|| Error::Line {
                path: path.clone(),
                line: index + 1,
            })?);
        }
        Ok(Table { path, rows })
    }

    /// The rows of a part.
    ///
    /// # Errors
    /// [`Error::Empty`].
    pub fn part(&self, part: &str) -> Result<Part, Error> {
        let own: Vec<_> = self
            .rows
            .iter()
            .filter(|(_, _, split)| split == part)
            .collect();
        let Some((first, ..)) = own.first() else {
            return Err(Error::Empty {
                path: self.path.clone(),
                part: part.to_owned(),
            });
        };
        let values = own.iter().flat_map(|(values, ..)| values.iter().copied());
        let inputs = Array2::from_shape_vec((own.len(), first.len()), values.collect());
        Ok(Part {
            inputs: inputs.expect("every row has as many values as the first"),
            labels: own.iter().map(|(_, label, _)| *label).collect(),
        })
    }
}

fn row(line: &str) -> Option<(Vec<f32>, u8, String)> {
    let mut fields: Vec<&str> = line.split(',').collect();
    let split = fields.pop()?.to_owned();
    let label = fields.pop()?.parse().ok()?;
    let values: Result<Vec<f32>, _> = fields.iter().map(|field| field.parse()).collect();
    Some((values.ok()?, label, split))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_numbers_a_label_and_a_part() {
        let expected = Some((vec![1.5, -2.0], 1, "test".to_owned()));
        assert_eq!(row("1.5,-2,1,test"), expected);
        assert_eq!(row("1.5,x,1,test"), None);
        assert_eq!(row("test"), None);
    }

    #[test]
    fn the_shipped_table_has_both_parts() {
        let table =
            Table::load(crate::cli::data().join("breast_cancer.csv")).expect("it is shipped");
        let sizes = ["train", "test"].map(|part| table.part(part).expect("rows").inputs.dim());
        assert_eq!(sizes, [(426, 30), (143, 30)]);
        assert!(matches!(table.part("other"), Err(Error::Empty { .. })));
    }
}
