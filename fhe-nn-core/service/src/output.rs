//! What a subcommand writes: files in one step, pipes and devices, and nothing overwritten by accident.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::{Builder, NamedTempFile};

use crate::bytes::is_pipe;
use crate::failure::Failure;

/// A file that a subcommand writes.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Where the result goes; `-` is standard output.
    #[arg(short, long = "out", alias = "output", value_name = "FILE")]
    output: PathBuf,
    /// Overwrite files that are there already.
    #[arg(long)]
    force: bool,
}

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Whoever the system lets.
    Public,
    /// Its owner alone (mode 0600).
    Secret,
}

impl Output {
    /// Whether the result goes to standard output.
    pub(crate) fn is_pipe(&self) -> bool {
        is_pipe(&self.output)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.output
    }

    /// Whether files that are there already may be overwritten.
    pub(crate) fn force(&self) -> bool {
        self.force
    }

    /// Checks that the result can be written; see [`check`].
    ///
    /// # Errors
    /// [`Failure::Exists`] and [`Failure::Write`].
    pub(crate) fn check(&self) -> Result<(), Failure> {
        check(&self.output, self.force)
    }

    /// Writes the result; see [`write()`].
    ///
    /// # Errors
    /// [`Failure::Exists`] and [`Failure::Write`].
    pub(crate) fn write(&self, bytes: &[u8], secrecy: Secrecy) -> Result<(), Failure> {
        write(&self.output, self.force, secrecy, bytes)
    }
}

/// Checks that a result can be written, before long work is done for it: a temporary file is made in its folder.
///
/// # Errors
/// [`Failure::Exists`] if there is such a file, and it may not be overwritten, and [`Failure::Write`].
pub(crate) fn check(path: &Path, force: bool) -> Result<(), Failure> {
    let checked = Place::of(path).and_then(|place| match place {
        Place::File(file) if !force && file.exists() => Err(io::ErrorKind::AlreadyExists.into()),
        Place::File(file) => temporary(&file, Secrecy::Secret).map(drop),
        Place::Standard | Place::Stream => Ok(()),
    });
    checked.map_err(|source| unwritten(path, source))
}

/// Writes a result. Another program sees the whole of a file or nothing.
///
/// # Errors
/// [`Failure::Exists`] and [`Failure::Write`].
pub(crate) fn write(
    path: &Path,
    force: bool,
    secrecy: Secrecy,
    bytes: &[u8],
) -> Result<(), Failure> {
    Draft::new(path, secrecy, |to| to.write_all(bytes))?.put(force)
}

/// Whether two results would be one file.
pub(crate) fn same(one: &Path, other: &Path) -> bool {
    match (Place::of(one), Place::of(other)) {
        (Ok(Place::File(one)), Ok(Place::File(other))) => one == other,
        _ => false,
    }
}

/// A result that is written, but a file of it is not in its place yet.
pub(crate) struct Draft {
    path: PathBuf,
    /// The file, and its place; pipes and devices have their bytes already.
    file: Option<(NamedTempFile, PathBuf)>,
    bytes: u64,
}

impl Draft {
    /// # Errors
    /// [`Failure::Write`].
    pub(crate) fn new(
        path: &Path,
        secrecy: Secrecy,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Self, Failure> {
        let write = |to: &mut dyn Write| -> io::Result<u64> {
            let mut counted = Counted { to, bytes: 0 };
            content(&mut counted)?;
            counted.flush()?;
            Ok(counted.bytes)
        };
        let written = Place::of(path).and_then(|place| match place {
            Place::Standard => Ok((write(&mut io::stdout().lock())?, None)),
            Place::Stream => {
                let mut to = OpenOptions::new().write(true).open(path)?;
                Ok((write(&mut to)?, None))
            }
            Place::File(place) => {
                let mut file = temporary(&place, secrecy)?;
                let bytes = write(&mut file)?;
                file.as_file().sync_all()?;
                Ok((bytes, Some((file, place))))
            }
        });
        let (bytes, file) = written.map_err(|source| unwritten(path, source))?;
        let path = path.to_owned();
        Ok(Draft { path, file, bytes })
    }

    /// Returns the number of bytes of the result.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts a file in its place. With `force`, it replaces one that is there.
    ///
    /// # Errors
    /// [`Failure::Exists`] and [`Failure::Write`].
    pub(crate) fn put(self, force: bool) -> Result<(), Failure> {
        let Some((file, place)) = self.file else {
            return Ok(());
        };
        let put = if force {
            file.persist(place)
        } else {
            file.persist_noclobber(place)
        };
        put.map(drop)
            .map_err(|unput| unwritten(&self.path, unput.error))
    }
}

/// Where a result goes.
enum Place {
    /// Standard output.
    Standard,
    /// A device or a named pipe, which takes bytes and is not replaced.
    Stream,
    /// A file, by its path without links.
    File(PathBuf),
}

impl Place {
    /// # Errors
    /// Those of the system, also for a folder and for a link that leads nowhere.
    fn of(path: &Path) -> io::Result<Self> {
        if is_pipe(path) {
            return Ok(Place::Standard);
        }
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if found.is_file() => fs::canonicalize(path).map(Place::File),
            Ok(_) => Ok(Place::Stream),
            Err(source) if source.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
                let folder = match path.parent() {
                    Some(folder) if folder != Path::new("") => folder,
                    Some(_) | None => Path::new("."),
                };
                let name = path.file_name().ok_or(source)?;
                Ok(Place::File(fs::canonicalize(folder)?.join(name)))
            }
            Err(source) => Err(source),
        }
    }
}

/// Makes a temporary file in the folder of a file, so that it can take its place.
///
/// # Errors
/// Those of the system.
fn temporary(place: &Path, secrecy: Secrecy) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".fhe-nn-");
    #[cfg(unix)]
    {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt;
        // the user's mask takes away what it takes away from every new file
        builder.permissions(Permissions::from_mode(match secrecy {
            Secrecy::Public => 0o666,
            Secrecy::Secret => 0o600,
        }));
    }
    #[cfg(not(unix))]
    let _ = secrecy; // a temporary file's own permissions
    builder.tempfile_in(place.parent().unwrap_or(Path::new("/")))
}

fn unwritten(path: &Path, source: io::Error) -> Failure {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::AlreadyExists => Failure::Exists { path },
        _ => Failure::Write { path, source },
    }
}

/// Counts the bytes that are written.
struct Counted<'a> {
    to: &'a mut dyn Write,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
