//! Aligned (21): values as they are, where memory that holds the file can be used as theirs.

use arrow_buffer::ScalarBuffer;
use ncf_core::{Budget, Error, PhysicalType, Result, Values};

use super::Encoding;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::{Native, read_fixed, with_type, with_values};
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::Statistics;

/// Zeros before the values: with the headers of a page without nulls and of its root, 64 bytes.
const ZEROS: usize = 56;

/// See `docs/spec/encodings.md`, Aligned.
pub(crate) struct Aligned;

impl Encoding for Aligned {
    fn id(&self) -> EncodingId {
        EncodingId::ALIGNED
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical.width().is_some()
    }

    fn candidate(&self, _: &Statistics) -> bool {
        false
    }

    fn decode_cost(&self) -> f64 {
        0.2
    }

    fn encode(&self, values: &Values, _: &mut ChildEncoder<'_>, out: &mut Vec<u8>) -> Result<bool> {
        out.extend_from_slice(&[0; ZEROS]);
        with_values!(values,
            fixed(v) => Native::write_all(v, out),
            bool(_v) => return Ok(false),
            bytes(_v) => return Ok(false),
        );
        Ok(true)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        if body.take(ZEROS)?.iter().any(|byte| *byte != 0) {
            return Err(Error::corrupt("what stands before aligned values is not zero"));
        }
        let refused = || Err(Error::corrupt(format!("values of {physical:?} are never aligned")));
        let values = with_type!(physical,
            fixed(T) => T::wrap_buffer(read::<T>(body, len, context.budget)?),
            bool => return refused(),
            bytes => return refused(),
        );
        Ok(DecodedValues::Flat(values))
    }
}

/// The values in the page's memory where they can be used there, else a copy.
fn read<T: Native>(body: &mut Reader<'_>, len: usize, budget: &Budget) -> Result<ScalarBuffer<T>> {
    let bytes = body.rest();
    let page = body.take_page_buffer(bytes.len())?;
    let usable = cfg!(target_endian = "little")
        && len.checked_mul(T::BYTES) == Some(bytes.len())
        && bytes.as_ptr().align_offset(align_of::<T>()) == 0;
    match page.filter(|_| usable) {
        Some(buffer) => Ok(ScalarBuffer::new(buffer, 0, len)),
        None => Ok(read_fixed::<T>(bytes, len, budget)?.into()),
    }
}

#[cfg(test)]
mod tests {
    use arrow_buffer::Buffer;

    use super::*;
    use crate::tests::encode;
    use crate::{ChooserState, EncodeOptions, Profile, SharedPages, decode_page};

    #[test]
    fn a_page_in_a_buffer_is_not_copied() {
        let values = Values::F32((0..1000).map(|row| row as f32).collect());
        let options = EncodeOptions { profile: Profile::Fast, force: Some(EncodingId::ALIGNED) };
        let chunk = encode(&values, None, &options, &mut ChooserState::default()).unwrap();
        let page = Buffer::from_vec(chunk.pages[0].bytes.clone());
        let (start, end) = (page.as_ptr() as usize, page.as_ptr() as usize + page.len());
        // Nothing may be taken for values.
        let budget = Budget::new(0);
        let decode = |page: Reader<'_>| {
            decode_page(page, PhysicalType::F32, 1000, false, &SharedPages::default(), &budget)
        };
        let DecodedValues::Flat(Values::F32(found)) = decode((&page).into()).unwrap().values else {
            panic!("not flat");
        };
        assert!(values.bits_equal(&Values::F32(found.clone())));
        let address = found.inner().as_ptr() as usize;
        assert!((start..end).contains(&address));
        assert_eq!(address - start, 64);
        assert!(decode(page.as_slice().into()).is_err(), "a copy takes memory");
    }
}
