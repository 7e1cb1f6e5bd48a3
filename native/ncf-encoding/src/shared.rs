//! Shared pages: what the data pages of one column chunk have in common.

use std::sync::{Arc, OnceLock};

use ncf_core::{Budget, Error, PhysicalType, Result, ResultExt, Values};

use crate::compression::Dictionary;
use crate::decoded::check_utf8;
use crate::encodings::fsst::SymbolTable;
use crate::encodings::template_table::TemplateTable;
use crate::encodings::words::WordTable;
use crate::encodings::zstd_dictionary;
use crate::page::decode_values;
use crate::relations::MAX_REFERENCES;
use crate::relations::map_table::{MapParts, MapTable};

/// What a shared page holds. Numbers are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SharedKind {
    /// The distinct values of the chunk, ascending.
    Dictionary = 1,
    /// The symbols of FSST codes, as strings in the order of the codes.
    Symbols = 2,
    /// The words of numbers, as strings, the most frequent first.
    Words = 3,
    /// Templates of strings, the most frequent first.
    Templates = 4,
    /// Numbers of the columns that the pages refer to.
    References = 5,
    /// What follows from values of these columns.
    Map = 6,
    /// What frames of zstd were compressed with, as one string.
    ZstdDictionary = 7,
}

impl SharedKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Dictionary,
        Self::Symbols,
        Self::Words,
        Self::Templates,
        Self::References,
        Self::Map,
        Self::ZstdDictionary,
    ];

    /// The stored number.
    pub fn id(self) -> u8 {
        match self {
            Self::Dictionary => 1,
            Self::Symbols => 2,
            Self::Words => 3,
            Self::Templates => 4,
            Self::References => 5,
            Self::Map => 6,
            Self::ZstdDictionary => 7,
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
pub struct SharedPages {
    tables: Option<Arc<Tables>>,
    map: Option<SharedMap>,
}

#[derive(Debug, Default)]
struct Tables {
    dictionary: Option<Arc<Values>>,
    /// Whether the strings of the dictionary are UTF-8, found out at most once.
    utf8: OnceLock<bool>,
    symbols: Option<Arc<SymbolTable>>,
    words: Option<WordTable>,
    templates: Option<TemplateTable>,
    references: Option<Vec<u32>>,
    zstd_dictionary: Option<Dictionary>,
}

/// A map that column chunks share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SharedMap(Arc<OwnedMap>);

#[derive(Debug)]
struct OwnedMap {
    table: MapTable,
    /// Whether its strings are UTF-8, found out at most once.
    utf8: OnceLock<bool>,
}

impl SharedMap {
    pub(crate) fn new(table: MapTable) -> Self {
        Self(Arc::new(OwnedMap { table, utf8: OnceLock::new() }))
    }

    /// Reads a shared page of a map with a number of entries.
    pub fn decode(bytes: &[u8], entries: usize, budget: &Budget) -> Result<Self> {
        MapParts::decode(bytes, entries, budget)
            .and_then(|parts| MapTable::new(parts, budget))
            .map(Self::new)
            .at("shared page", || "map")
    }

    pub(crate) fn table(&self) -> &MapTable {
        &self.0.table
    }

    /// Bytes in memory.
    pub fn byte_len(&self) -> usize {
        self.0.table.byte_len()
    }
}

impl SharedPages {
    /// The same with a map, in the place of the one that there may be.
    #[must_use]
    pub fn with_map(self, map: SharedMap) -> Self {
        Self { map: Some(map), ..self }
    }

    /// The dictionary, when there is one.
    pub fn dictionary(&self) -> Option<&Arc<Values>> {
        self.tables.as_deref().and_then(|tables| tables.dictionary.as_ref())
    }

    /// Bytes that the tables take in memory but for the map, which other chunks may have as well; one of symbols has only
    /// a few thousand.
    pub fn byte_len(&self) -> usize {
        let words = self.words().map_or(0, WordTable::byte_len);
        let templates = self.templates().map_or(0, TemplateTable::byte_len);
        let frames = self.zstd_dictionary().map_or(0, Dictionary::byte_len);
        self.dictionary().map_or(0, |values| values.byte_len()) + words + templates + frames
    }

    /// Numbers of the columns that the pages refer to; usually none.
    pub fn references(&self) -> &[u32] {
        self.tables.as_deref().and_then(|tables| tables.references.as_deref()).unwrap_or(&[])
    }

    /// The map, when there is one, to be used for other chunks.
    pub fn shared_map(&self) -> Option<&SharedMap> {
        self.map.as_ref()
    }

    /// The map, when there is one.
    pub(crate) fn map(&self) -> Option<&MapTable> {
        self.map.as_ref().map(SharedMap::table)
    }

    /// The symbol table, when there is one.
    pub(crate) fn symbols(&self) -> Option<&Arc<SymbolTable>> {
        self.tables.as_deref().and_then(|tables| tables.symbols.as_ref())
    }

    /// The words, when there are some.
    pub(crate) fn words(&self) -> Option<&WordTable> {
        self.tables.as_deref().and_then(|tables| tables.words.as_ref())
    }

    /// The templates, when there are some.
    pub(crate) fn templates(&self) -> Option<&TemplateTable> {
        self.tables.as_deref().and_then(|tables| tables.templates.as_ref())
    }

    /// What frames of zstd were compressed with, when there is such a dictionary.
    pub(crate) fn zstd_dictionary(&self) -> Option<&Dictionary> {
        self.tables.as_deref().and_then(|tables| tables.zstd_dictionary.as_ref())
    }

    /// `Corrupt` unless the strings of dictionary and map are UTF-8; the answer is kept.
    pub(crate) fn check_utf8(&self) -> Result<()> {
        let check = |values: &Values, known: &OnceLock<bool>| {
            if *known.get_or_init(|| check_utf8(values).is_ok()) {
                Ok(())
            } else {
                check_utf8(values)
            }
        };
        if let Some(tables) = &self.tables
            && let Some(dictionary) = &tables.dictionary
        {
            check(dictionary, &tables.utf8)?;
        }
        self.map.as_ref().map_or(Ok(()), |map| check(map.0.table.values(), &map.0.utf8))
    }
}

/// Decodes the shared pages of one chunk: `(kind, number of values, bytes)`, each kind at most once.
pub fn decode_shared(
    pages: &[(SharedKind, u32, &[u8])],
    physical: PhysicalType,
    budget: &Budget,
) -> Result<SharedPages> {
    if pages.is_empty() {
        return Ok(SharedPages::default());
    }
    let (mut tables, mut map) = (Tables::default(), None);
    for (kind, count, bytes) in pages {
        let count = *count as usize;
        let twice = match kind {
            SharedKind::Dictionary => {
                let values = decode_values(bytes, physical, count, budget)
                    .at("shared page", || "dictionary")?;
                tables.dictionary.replace(Arc::new(values)).is_some()
            }
            SharedKind::Symbols => {
                let table = decode_values(bytes, PhysicalType::Bytes, count, budget)
                    .and_then(|values| SymbolTable::new(&values))
                    .at("shared page", || "symbol table")?;
                tables.symbols.replace(Arc::new(table)).is_some()
            }
            SharedKind::Words => {
                let table = decode_values(bytes, PhysicalType::Bytes, count, budget)
                    .and_then(|values| WordTable::new(values, budget))
                    .at("shared page", || "words")?;
                tables.words.replace(table).is_some()
            }
            SharedKind::Templates => {
                let table = decode_values(bytes, PhysicalType::Bytes, count, budget)
                    .and_then(|values| TemplateTable::new(values, budget))
                    .at("shared page", || "templates")?;
                tables.templates.replace(table).is_some()
            }
            SharedKind::References => {
                let columns =
                    references(bytes, count, budget).at("shared page", || "references")?;
                tables.references.replace(columns).is_some()
            }
            SharedKind::ZstdDictionary => {
                let dictionary = decode_values(bytes, PhysicalType::Bytes, count, budget)
                    .and_then(|values| zstd_dictionary::load(&values, budget))
                    .at("shared page", || "dictionary of zstd")?;
                tables.zstd_dictionary.replace(dictionary).is_some()
            }
            SharedKind::Map => map.replace(SharedMap::decode(bytes, count, budget)?).is_some(),
        };
        if twice {
            return Err(Error::corrupt(format!("a column chunk has two shared pages of {kind:?}")));
        }
    }
    Ok(SharedPages { tables: Some(Arc::new(tables)), map })
}

/// Numbers of columns, different ones and few.
fn references(bytes: &[u8], count: usize, budget: &Budget) -> Result<Vec<u32>> {
    if count > MAX_REFERENCES {
        let limit = MAX_REFERENCES as u64;
        return Err(Error::limit_exceeded("columns that a page refers to", count as u64, limit));
    }
    if count == 0 {
        return Err(Error::corrupt("a page of references without columns"));
    }
    let Values::I32(numbers) = decode_values(bytes, PhysicalType::I32, count, budget)? else {
        return Err(Error::internal("numbers of columns have another type"));
    };
    let numbers: Vec<u32> = numbers.iter().map(|number| number.cast_unsigned()).collect();
    let again = |(at, number)| numbers.iter().take(at).any(|before: &u32| before == number);
    if numbers.iter().enumerate().any(again) {
        return Err(Error::corrupt("a page refers to a column twice"));
    }
    Ok(numbers)
}
