//! Names that a folder cannot hold together: there `h/a` is a file, or the folder of `h/a/b`. Object stores do not mind.
//!
//! Who comes second gives way to a name with its hash. The same item finds the same thing in its way when it is done
//! again, so its name stays what it was.

use manifest::work::Destination;
use ports::{ObjectKey, ObjectStore};
use url::Url;

use crate::failure::NameConflict;
use crate::name::{split_folder, with_hash};
use crate::object_at;

/// The name to give way to. None where it is no file of ours that is in the way, such as a symbolic link.
pub(crate) async fn another_name(
    found: NameConflict,
    store: &dyn ObjectStore,
    destination: &Destination,
    (name, url): (&str, &Url),
) -> Option<String> {
    match found {
        NameConflict::Folder => Some(with_hash(name, url)),
        NameConflict::NoFolder => {
            for (end, _) in name.match_indices('/') {
                let (above, _) = name.split_at(end);
                if is_file(store, &object_at(destination, above)).await {
                    let beside = [split_folder(above).0, split_folder(name).1].concat();
                    return Some(with_hash(&beside, url));
                }
            }
            None
        }
    }
}

async fn is_file(store: &dyn ObjectStore, at: &ObjectKey) -> bool {
    store.head(at).await.is_ok()
}
