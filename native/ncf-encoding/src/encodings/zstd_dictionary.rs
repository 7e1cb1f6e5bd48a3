//! Zstd with a dictionary (23): another node's bytes in one zstd frame, compressed with a dictionary that the column chunk
//! keeps in a shared page. What frames of one column have in common stands there once, which counts where they are short.

use ncf_core::{Budget, Error, PhysicalType, Result, Values};

use super::Encoding;
use super::zstd::framed;
use crate::compression::{self, Dictionary};
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::node::DecodeContext;
use crate::reader::Reader;

/// Bytes of a dictionary, at most.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// See `docs/spec/encodings.md`, Zstd with a dictionary. Its nodes are made of those of zstd, once all pages of a chunk are
/// there: [`crate::frames`].
pub(crate) struct ZstdDictionary;

impl Encoding for ZstdDictionary {
    fn id(&self) -> EncodingId {
        EncodingId::ZSTD_DICTIONARY
    }

    fn accepts(&self, _: PhysicalType) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        2.0
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let Some(dictionary) = context.shared.zstd_dictionary() else {
            return Err(Error::corrupt(
                "a page is compressed with a dictionary but its chunk has none",
            ));
        };
        framed(body, physical, len, context, |frame, size, out| {
            compression::decompress_with(frame, size, dictionary, out)
        })
    }
}

/// A node whose frame holds these bytes; `None` when sizes do not fit their fields.
pub(crate) fn node(content: &[u8], level: i32, dictionary: &[u8]) -> Result<Option<Vec<u8>>> {
    let frame = compression::compress_with(content, level, dictionary)?;
    let (Ok(size), Ok(length)) = (u32::try_from(content.len()), u32::try_from(frame.len() + 4))
    else {
        return Ok(None);
    };
    let mut node = Vec::with_capacity(frame.len() + 10);
    node.extend_from_slice(&EncodingId::ZSTD_DICTIONARY.0.to_le_bytes());
    node.extend_from_slice(&length.to_le_bytes());
    node.extend_from_slice(&size.to_le_bytes());
    node.extend_from_slice(&frame);
    Ok(Some(node))
}

/// The dictionary of a shared page, which holds one string.
pub(crate) fn load(values: &Values, budget: &Budget) -> Result<Dictionary> {
    let Values::Bytes(strings) = values else {
        return Err(Error::internal("a dictionary of zstd is no string"));
    };
    if strings.len() != 1 {
        return Err(Error::corrupt(format!("{} dictionaries of zstd in one page", strings.len())));
    }
    let bytes = strings.get(0);
    if bytes.len() > MAX_BYTES {
        return Err(Error::corrupt(format!("a dictionary of zstd of {} bytes", bytes.len())));
    }
    budget.take("dictionary of zstd", (bytes.len() + Dictionary::TABLES) as u64)?;
    Dictionary::new(bytes).ok_or_else(|| Error::corrupt("a dictionary of zstd is damaged"))
}
