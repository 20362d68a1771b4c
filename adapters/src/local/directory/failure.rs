//! What a caller can do about an error of the file system.

use std::path::Path;

use ports::{Error, ErrorKind, ObjectKey};
use rustix::io::Errno;

use super::tree::Tree;

/// The error of an operation on an object.
pub(super) fn on_object(errno: Errno, verb: &str, tree: &Tree, at: &ObjectKey) -> Error {
    let path = tree.path.join(&at.key);
    let error = |text: String| Error::new(kind(errno), text).because(std::io::Error::from(errno));
    match errno {
        Errno::NOENT => error(format!("{verb} `{at}`: no file `{}`", path.display())),
        Errno::EXIST => error(format!("{verb} `{at}`: `{}` exists already", path.display())),
        Errno::LOOP => error(format!(
            "{verb} `{}`: there is a symbolic link on the way, and none is followed",
            path.display()
        )),
        Errno::NOTDIR => error(format!(
            "{verb} `{}`: there is a file or a link where a folder is needed",
            path.display()
        ))
        .with_code("ENOTDIR", None),
        Errno::ISDIR => {
            error(format!("{verb} `{}`: there is a folder of that name", path.display())).with_code("EISDIR", None)
        }
        _ => error(format!("{verb} `{}`", path.display())),
    }
}

/// The error of an operation on a path of ours.
pub(crate) fn on_path(error: std::io::Error, verb: &str, path: &Path) -> Error {
    let errno = Errno::from_io_error(&error);
    let kind = errno.map_or(ErrorKind::Unavailable, kind);
    Error::new(kind, format!("{verb} `{}`", path.display())).because(error)
}

const fn kind(errno: Errno) -> ErrorKind {
    match errno {
        Errno::NOENT => ErrorKind::NotFound,
        Errno::EXIST => ErrorKind::Conflict,
        Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::LOOP | Errno::XDEV | Errno::NOTDIR | Errno::ISDIR => {
            ErrorKind::Denied
        }
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => ErrorKind::Full,
        Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ => ErrorKind::Malformed,
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sorted_by_what_can_be_done() {
        let cases = [
            (Errno::NOSPC, ErrorKind::Full),
            (Errno::DQUOT, ErrorKind::Full),
            (Errno::ACCESS, ErrorKind::Denied),
            (Errno::ROFS, ErrorKind::Denied),
            (Errno::LOOP, ErrorKind::Denied),
            (Errno::NOENT, ErrorKind::NotFound),
            (Errno::NAMETOOLONG, ErrorKind::Malformed),
            (Errno::IO, ErrorKind::Unavailable),
            (Errno::MFILE, ErrorKind::Unavailable),
        ];
        for (errno, expected) in cases {
            let error = on_path(errno.into(), "write", Path::new("/out/a.gif"));
            assert_eq!(error.kind(), expected, "{errno:?}");
            assert!(error.chain().starts_with("write `/out/a.gif`: "), "{}", error.chain());
        }
    }
}
