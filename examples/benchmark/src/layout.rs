//! Sizes of instances, and the files that the harness and the programs share.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use crate::Failure;

/// The size of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// One image.
    Single,
    /// 15 images.
    Small,
    /// 1,000 images.
    Medium,
    /// 10,000 images.
    Large,
}

impl Size {
    /// Reads the argument that the harness gives.
    ///
    /// # Errors
    /// [`Failure::Size`].
    pub fn parse(argument: &str) -> Result<Self, Failure> {
        match argument {
            "0" => Ok(Size::Single),
            "1" => Ok(Size::Small),
            "2" => Ok(Size::Medium),
            "3" => Ok(Size::Large),
            _ => Err(Failure::Size {
                argument: argument.to_owned(),
            }),
        }
    }

    /// Returns the number of images.
    pub fn images(self) -> usize {
        match self {
            Size::Single => 1,
            Size::Small => 15,
            Size::Medium => 1_000,
            Size::Large => 10_000,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Size::Single => "single",
            Size::Small => "small",
            Size::Medium => "medium",
            Size::Large => "large",
        }
    }
}

/// The files of one instance, below the folder that the programs are called in.
#[derive(Debug, Clone)]
pub struct Layout {
    size: Size,
    io: PathBuf,
}

impl Layout {
    /// Returns the files of an instance.
    pub fn new(size: Size) -> Self {
        Layout {
            size,
            io: Path::new("io").join(size.name()),
        }
    }

    /// Returns the number of images.
    pub fn images(&self) -> usize {
        self.size.images()
    }

    /// The images, which the harness writes: a line of 784 numbers from 0 to 1 for each.
    pub fn pixels(&self) -> PathBuf {
        let datasets = Path::new("datasets").join(self.size.name());
        datasets.join("intermediate/test_pixels.txt")
    }

    /// The client's secret key. It is not protected, because nobody is there to type a passphrase.
    pub fn secret_key(&self) -> PathBuf {
        self.io.join("secret_key/client_key")
    }

    /// What the server gets once.
    pub fn evaluation_key(&self) -> PathBuf {
        self.io.join("public_keys/evaluation_key")
    }

    /// What the server gets of the images.
    pub fn requests(&self) -> PathBuf {
        self.io.join("ciphertexts_upload/requests")
    }

    /// What the client gets back.
    pub fn replies(&self) -> PathBuf {
        self.io.join("ciphertexts_download/replies")
    }

    /// The decrypted scores, a line for each image.
    pub fn scores(&self) -> PathBuf {
        self.io.join("intermediate/scores.txt")
    }

    /// The labels, which the harness compares: a line for each image.
    pub fn predictions(&self) -> PathBuf {
        self.io.join("encrypted_model_predictions.txt")
    }
}

/// Opens a file.
///
/// # Errors
/// [`Failure::File`].
pub fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    File::open(path)
        .map(BufReader::new)
        .map_err(Failure::file(path))
}

/// Writes a file of a run, in place of that of the run before.
///
/// # Errors
/// [`Failure::File`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    make_way(path)?;
    fs::write(path, bytes).map_err(Failure::file(path))
}

/// Makes the folders of a file, and removes that of the run before.
///
/// # Errors
/// [`Failure::File`].
pub fn make_way(path: &Path) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Failure::file(folder))?;
    }
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Failure::file(path)(source)),
        Ok(()) | Err(_) => Ok(()),
    }
}
