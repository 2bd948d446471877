//! The data folder: one process at a time, one file in it.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use ges_vault::Keys;
use secrecy::{ExposeSecret as _, SecretString};

/// The folder, ours until dropped.
#[derive(Debug)]
pub(crate) struct House {
    folder: PathBuf,
    /// The system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl House {
    /// Makes the folder if it is missing and moves in.
    ///
    /// # Errors
    /// It cannot be made, or another process is in it.
    pub(crate) fn enter(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {} (GES_DATA_DIR)", folder.display()))?;
        let lock = File::create(folder.join("lock"))
            .with_context(|| format!("cannot write in {} (GES_DATA_DIR)", folder.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("another process uses {}; choose another folder with GES_DATA_DIR", folder.display())
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {} (GES_DATA_DIR)", folder.display()))
            }
        }
    }

    /// The key that seals credentials, made on first use and kept beside the record.
    pub(crate) fn credentials_key(&self) -> Result<SecretString> {
        let path = self.folder.join("credentials.key");
        match std::fs::read_to_string(&path) {
            Ok(text) => return Ok(text.trim().to_owned().into()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
        let key = Keys::draw();
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&path).and_then(|mut file| file.write_all(key.expose_secret().as_bytes()));
        written.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(key)
    }

    /// The file of the record.
    pub(crate) fn record(&self) -> PathBuf {
        self.folder.join("ges.sqlite")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_inhabitant_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = House::enter(&folder.path().join("deep/data")).unwrap();
        let error = House::enter(&folder.path().join("deep/data")).unwrap_err();
        assert!(error.to_string().contains("GES_DATA_DIR"), "{error:#}");
        drop(first);
        House::enter(&folder.path().join("deep/data")).unwrap();
    }
}
