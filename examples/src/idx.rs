//! MNIST's files: gzip-compressed IDX, the format of the MNIST database of handwritten digits.
//!
//! An IDX file is a big-endian header followed by bytes in row-major order. The header is the magic
//! number `0x0000_08dd`, for bytes in `dd` dimensions, and one 32-bit size for each dimension. Sizes are
//! checked against limits before anything is allocated.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use ndarray::Array2;

pub use error::Error;

mod error;

/// Number of rows and of columns of an image.
pub const SIDE: usize = 28;
/// Number of pixels of an image, which are in row-major order.
pub const PIXELS: usize = SIDE * SIDE;
/// The most images or labels that a file may declare; MNIST's largest has 60,000.
pub const MAX_ITEMS: usize = 100_000;

const IMAGES: u32 = 0x0803;
const LABELS: u32 = 0x0801;

/// Images of handwritten digits with their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// One image in each row, n x 784, from 0 for black to 1 for white.
    pub images: Array2<f32>,
    /// The digit, 0 to 9, that each image shows.
    pub labels: Vec<u8>,
}

/// A pair of files, for images and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// `train-*`: MNIST's 60,000 training images.
    Train,
    /// `t10k-*`: MNIST's 10,000 test images.
    Test,
    /// `calibration-*`: a small balanced sample of the training images.
    Calibration,
}

impl Split {
    /// The file of this split's images.
    pub fn images(self, dir: &Path) -> PathBuf {
        dir.join(format!("{}-images-idx3-ubyte.gz", self.prefix()))
    }

    /// The file of this split's labels.
    pub fn labels(self, dir: &Path) -> PathBuf {
        dir.join(format!("{}-labels-idx1-ubyte.gz", self.prefix()))
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "t10k",
            Self::Calibration => "calibration",
        }
    }
}

impl Dataset {
    /// Reads the two files of a split from a folder.
    ///
    /// # Errors
    ///
    /// An [`Error`] if a file is missing, unreadable, of another format or too large, or if the two
    /// files do not fit together.
    pub fn load(dir: impl AsRef<Path>, split: Split) -> Result<Self, Error> {
        let file = split.images(dir.as_ref());
        let ([count, ..], bytes) = read::<3>(&file, IMAGES)?;
        let pixels = bytes
            .into_iter()
            .map(|byte| f32::from(byte) / 255.0)
            .collect();
        let images = Array2::from_shape_vec((count as usize, PIXELS), pixels)
            .expect("as many bytes were read as the sizes declare");

        let file = split.labels(dir.as_ref());
        let (_, labels) = read::<1>(&file, LABELS)?;
        if labels.len() != images.nrows() {
            return Err(Error::Count {
                file,
                labels: labels.len(),
                images: images.nrows(),
            });
        }
        if let Some(index) = labels.iter().position(|&label| label > 9) {
            return Err(Error::Label {
                file,
                index,
                label: labels[index],
            });
        }
        Ok(Self { images, labels })
    }

    /// Writes the two files of a split to a folder. Pixels are rounded to multiples of 1/255.
    ///
    /// # Errors
    ///
    /// An [`Error`] if a file cannot be written.
    ///
    /// # Panics
    ///
    /// Panics if the images do not have 784 pixels, or if the numbers of labels and images differ.
    pub fn save(&self, dir: impl AsRef<Path>, split: Split) -> Result<(), Error> {
        assert_eq!(
            self.images.dim(),
            (self.labels.len(), PIXELS),
            "one label per image"
        );
        let pixels: Vec<u8> = self
            .images
            .iter()
            .map(|pixel| (pixel * 255.0).round() as u8)
            .collect();
        let count = self.labels.len() as u32;
        let side = SIDE as u32;
        write(
            split.images(dir.as_ref()),
            IMAGES,
            &[count, side, side],
            &pixels,
        )?;
        write(split.labels(dir.as_ref()), LABELS, &[count], &self.labels)
    }

    /// The chosen images, in the order of the choice.
    ///
    /// # Panics
    ///
    /// Panics if an index is out of range.
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            images: self.images.select(ndarray::Axis(0), indices),
            labels: indices.iter().map(|&index| self.labels[index]).collect(),
        }
    }
}

/// Reads the `D` sizes and the bytes of an IDX file, never more bytes than the limits allow.
fn read<const D: usize>(file: &Path, magic: u32) -> Result<([u32; D], Vec<u8>), Error> {
    let failed = |cause| Error::Read {
        file: file.into(),
        cause,
    };
    let mut reader = match File::open(file) {
        Ok(opened) => GzDecoder::new(opened),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            return Err(Error::Missing(file.into()));
        }
        Err(cause) => return Err(failed(cause)),
    };
    let mut word = || {
        let mut bytes = [0; 4];
        reader
            .read_exact(&mut bytes)
            .map(|()| u32::from_be_bytes(bytes))
            .map_err(failed)
    };
    let found = word()?;
    if found != magic {
        return Err(Error::Magic {
            file: file.into(),
            found,
            needed: magic,
        });
    }
    let mut sizes = [0; D];
    for size in &mut sizes {
        *size = word()?;
    }
    if sizes[0] == 0 {
        return Err(Error::Empty(file.into()));
    }
    if sizes[0] as usize > MAX_ITEMS {
        return Err(Error::TooMany {
            file: file.into(),
            declared: sizes[0],
        });
    }
    if let [_, rows, columns] = sizes[..]
        && (rows, columns) != (SIDE as u32, SIDE as u32)
    {
        return Err(Error::Side {
            file: file.into(),
            rows,
            columns,
        });
    }

    let declared = sizes.iter().map(|&size| size as usize).product();
    let mut bytes = Vec::with_capacity(declared + 1);
    // reads one byte past the data, to notice a longer file
    reader
        .take(declared as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    match bytes.len() {
        found if found < declared => Err(Error::Truncated {
            file: file.into(),
            declared,
            found,
        }),
        found if found > declared => Err(Error::Trailing {
            file: file.into(),
            declared,
        }),
        _ => Ok((sizes, bytes)),
    }
}

fn write(file: PathBuf, magic: u32, sizes: &[u32], bytes: &[u8]) -> Result<(), Error> {
    let written = || {
        // GzEncoder stores neither time nor name, so the same data gives the same file
        let mut writer = GzEncoder::new(File::create(&file)?, Compression::best());
        for word in std::iter::once(&magic).chain(sizes) {
            writer.write_all(&word.to_be_bytes())?;
        }
        writer.write_all(bytes)?;
        writer.finish().map(drop)
    };
    written().map_err(|cause| Error::Write {
        file: file.clone(),
        cause,
    })
}

#[cfg(test)]
mod tests;
