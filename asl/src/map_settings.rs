//! The words of `ReaderConfig` and `WriterConfig`: proved when a definition is read, and never matched as text again.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value with the word that stands for it in a definition.
            pub(crate) const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
        }
    };
}

words! {
    /// `InputType`: how the items are written in an object.
    InputType {
        /// Rows with cells.
        Csv = "CSV",
        /// One array or object.
        Json = "JSON",
        /// One value a line.
        JsonLines = "JSONL",
        /// Rows of an Apache Parquet file.
        Parquet = "PARQUET",
        /// A manifest that names objects with the items.
        Manifest = "MANIFEST",
    }
}

words! {
    /// `Transformation` of a reader: whether listed objects are the items, or hold them.
    ReaderTransformation {
        /// The listed objects' metadata are the items.
        None = "NONE",
        /// The items of all listed objects, one after the other.
        LoadAndFlatten = "LOAD_AND_FLATTEN",
    }
}

words! {
    /// `ManifestType`: who wrote a manifest.
    ManifestType {
        /// Athena's `UNLOAD`: one URL of an object a line.
        AthenaData = "ATHENA_DATA",
        /// An S3 Inventory.
        S3Inventory = "S3_INVENTORY",
    }
}

words! {
    /// `CSVDelimiter`.
    CsvDelimiter {
        /// `,`
        Comma = "COMMA",
        /// `|`
        Pipe = "PIPE",
        /// `;`
        Semicolon = "SEMICOLON",
        /// A space.
        Space = "SPACE",
        /// A tab.
        Tab = "TAB",
    }
}

words! {
    /// `CSVHeaderLocation`.
    CsvHeaderLocation {
        /// The first row names the columns.
        FirstRow = "FIRST_ROW",
        /// `CSVHeaders` names them.
        Given = "GIVEN",
    }
}

words! {
    /// `Transformation` of a writer: what of each child is written.
    WriterTransformation {
        /// The output together with the child's metadata.
        None = "NONE",
        /// The output.
        Compact = "COMPACT",
        /// The elements of an output that is an array.
        Flatten = "FLATTEN",
    }
}

words! {
    /// `OutputType`: how result files are written.
    OutputType {
        /// One array.
        Json = "JSON",
        /// One value a line.
        JsonLines = "JSONL",
    }
}
