//! Shared pages: what the data pages of one column chunk have in common.

use std::sync::{Arc, OnceLock};

use ncf_core::{Budget, Error, PhysicalType, Result, ResultExt, Values};

use crate::decoded::check_utf8;
use crate::page::decode_values;

/// What a shared page holds. Numbers are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SharedKind {
    /// The distinct values of the chunk, ascending.
    Dictionary = 1,
}

impl SharedKind {
    /// Every kind.
    pub const ALL: [Self; 1] = [Self::Dictionary];

    /// The stored number.
    pub fn id(self) -> u8 {
        match self {
            Self::Dictionary => 1,
        }
    }

    /// The kind of a stored number, or `Unsupported`, naming it.
    pub fn from_id(id: u8) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == id).ok_or_else(|| {
            Error::unsupported(format!(
                "shared page kind {id} is not known to this build; read the file with a newer NCF"
            ))
        })
    }
}

/// The decoded shared pages of one column chunk. Cheap to clone; the default has none.
#[derive(Debug, Clone, Default)]
pub struct SharedPages(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    dictionary: Arc<Values>,
    /// Whether the dictionary's strings are UTF-8, found out at most once.
    utf8: OnceLock<bool>,
}

impl SharedPages {
    /// The dictionary, when there is one.
    pub fn dictionary(&self) -> Option<&Arc<Values>> {
        self.0.as_deref().map(|inner| &inner.dictionary)
    }

    /// `Corrupt` unless the dictionary's strings are UTF-8; the answer is kept.
    pub(crate) fn check_utf8(&self) -> Result<()> {
        let Some(inner) = &self.0 else {
            return Ok(());
        };
        if *inner.utf8.get_or_init(|| check_utf8(&inner.dictionary).is_ok()) {
            return Ok(());
        }
        check_utf8(&inner.dictionary)
    }
}

/// Decodes the shared pages of one chunk: `(kind, number of values, bytes)`, each kind at most once.
pub fn decode_shared(
    pages: &[(SharedKind, u32, &[u8])],
    physical: PhysicalType,
    budget: &Budget,
) -> Result<SharedPages> {
    match pages {
        [] => Ok(SharedPages::default()),
        [(SharedKind::Dictionary, count, bytes)] => {
            let values = decode_values(bytes, physical, *count as usize, budget)
                .at("shared page", || "dictionary")?;
            let inner = Inner { dictionary: Arc::new(values), utf8: OnceLock::new() };
            Ok(SharedPages(Some(Arc::new(inner))))
        }
        _ => Err(Error::corrupt("a column chunk has more than one dictionary")),
    }
}
