//! A secret kept in a file: made once, read ever after, and readable by its owner alone.

use super::secret::{Secret, WeakSecret};
use crate::sources::Entropy;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// More than any secret's file holds, in bytes.
const MAX_FILE: u64 = 4_096;

/// Why there is no secret to be had from a file.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The file system refused.
    #[error("cannot {action} the secret file {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `create`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Others than its owner may read or change it.
    #[error(
        "the secret file {} must be private to its owner, but has mode {mode:o}: chmod 600 it",
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// What it holds is no secret of ours.
    #[error("the secret file {}: {source}", path.display())]
    Weak {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: WeakSecret,
    },
}

impl Secret {
    /// The secret in the file at `path`, which is made (with its folder) when it is not there:
    /// 256 random bits as text, mode 0600. However many processes do this at once, all get the
    /// same secret. Blocks on the file system.
    ///
    /// # Errors
    /// [`SecretFileError`]; an existing file is never overwritten.
    pub fn load_or_create(path: &Path, entropy: &dyn Entropy) -> Result<Self, SecretFileError> {
        let failed = |action| {
            move |source| SecretFileError::Io {
                action,
                path: path.to_owned(),
                source,
            }
        };
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                create(path, entropy).map_err(failed("create"))?;
                File::open(path)
            }
            opened => opened,
        };
        let file = file.map_err(failed("read"))?;
        refuse_exposed(&file, path)?;
        let mut text = String::new();
        file.take(MAX_FILE)
            .read_to_string(&mut text)
            .map_err(failed("read"))?;
        Self::parse(&text).map_err(|source| SecretFileError::Weak {
            path: path.to_owned(),
            source,
        })
    }
}

/// Puts a new secret at `path`, whole and durable, unless somebody else was faster.
fn create(path: &Path, entropy: &dyn Entropy) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let draft = folder.join(format!(".secret-{}", entropy.uuid().simple()));
    let placed = write_new(&draft, entropy).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let removed = fs::remove_file(&draft);
    placed?;
    removed?;
    File::open(folder)?.sync_all()
}

fn write_new(path: &Path, entropy: &dyn Entropy) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    let mut file = options.open(path)?;
    writeln!(file, "{}", URL_SAFE_NO_PAD.encode(bytes))?;
    file.sync_all()
}

#[cfg(unix)]
fn refuse_exposed(file: &File, path: &Path) -> Result<(), SecretFileError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().map_err(|source| SecretFileError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    match metadata.permissions().mode() & 0o777 {
        mode if mode & 0o077 != 0 => Err(SecretFileError::Exposed {
            path: path.to_owned(),
            mode,
        }),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn refuse_exposed(_: &File, _: &Path) -> Result<(), SecretFileError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::SystemEntropy;
    use std::sync::Barrier;

    fn load(path: &Path) -> Result<Secret, SecretFileError> {
        Secret::load_or_create(path, &SystemEntropy)
    }

    #[test]
    fn the_secret_is_made_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join("jwt.secret");
        let first = load(&path).unwrap();
        assert_eq!(load(&path).unwrap(), first);
        let elsewhere = load(&folder.path().join("other")).unwrap();
        assert_ne!(elsewhere, first);
        let files = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(files, 1, "the draft is gone");
    }

    #[test]
    fn all_who_start_at_once_get_one_secret() {
        const THREADS: usize = 16;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.secret");
        let barrier = Barrier::new(THREADS);
        let secrets: Vec<_> = std::thread::scope(|scope| {
            let start = || {
                barrier.wait();
                load(&path).unwrap()
            };
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_private_or_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.secret");
        load(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);

        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = load(&path).unwrap_err();
            assert!(
                matches!(refused, SecretFileError::Exposed { .. }),
                "{refused}"
            );
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        load(&path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_holds_no_secret_is_refused_and_left_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.secret");
        fs::write(&path, "hunter2").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let refused = load(&path).unwrap_err().to_string();
        assert!(refused.contains("at least 32 bytes"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "hunter2");
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        fs::write(&blocked, "").unwrap();
        let refused = load(&blocked.join("jwt.secret")).unwrap_err();
        assert!(matches!(refused, SecretFileError::Io { .. }));
        assert!(refused.to_string().contains("jwt.secret"), "{refused}");
    }
}
