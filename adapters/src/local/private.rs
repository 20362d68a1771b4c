//! Files and folders that only their owner may look into: what a run keeps holds URLs with their secrets.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Mode of private folders.
pub(super) const FOLDER_MODE: u32 = 0o700;
/// Mode of private files.
pub(super) const FILE_MODE: u32 = 0o600;

/// Makes a folder, and those above it that do not exist; takes the rights of others away if the folder exists.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => restrict(path, FOLDER_MODE),
        made => made,
    }
}

/// Opens a file for reading and writing, and makes it if it does not exist.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(FILE_MODE).open(path)
}

/// Makes an empty file for a library that would make it for everybody; one that exists is left as it is.
pub(super) fn make_file(path: &Path) -> io::Result<()> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
    {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Makes an empty file that only its owner may read; one that exists is emptied.
///
/// # Errors
/// When the file cannot be made.
pub fn create_private(path: &Path) -> io::Result<File> {
    let file = open_file(path)?;
    file.set_len(0)?;
    Ok(file)
}

fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    let found = std::fs::metadata(path)?.permissions().mode();
    if found & 0o777 == mode {
        return Ok(());
    }
    std::fs::set_permissions(path, Permissions::from_mode(mode))
}
