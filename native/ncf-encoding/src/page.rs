//! Pages: a two-byte header, a node of validity bits where rows are null, and a node of values.

use std::cell::Cell;

use arrow_buffer::BooleanBuffer;
use ncf_core::{Budget, Error, PhysicalType, Result, ResultExt, Values};

use crate::chunk::{ChooserState, EncodeOptions};
use crate::decoded::{DecodedPage, DecodedValues, check_utf8};
use crate::effort::Effort;
use crate::id::EncodingId;
use crate::native::zero;
use crate::node::{DecodeContext, Place, Plan, Tables};
use crate::reader::Reader;
use crate::select::{Encoded, NodeState, forced};
use crate::shared::SharedPages;

/// Version of the page layout.
pub const VERSION: u8 = 1;
/// Flag: a validity node stands before the values.
pub const FLAG_VALIDITY: u8 = 1;
/// Zero bytes that may follow a page are fewer than this.
pub const PADDING: usize = 64;

/// One data page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedPage {
    /// What is stored, without padding.
    pub bytes: Vec<u8>,
    /// The tree of encodings, such as `nullable(bitmap, for_bitpack)`.
    pub tree: String,
}

/// The rows of one page. Codes are present when the chunk has a dictionary.
pub(crate) struct PageInput<'a> {
    pub(crate) values: Values,
    pub(crate) validity: Option<BooleanBuffer>,
    pub(crate) codes: Option<&'a [u32]>,
    pub(crate) tables: Tables<'a>,
}

impl PageInput<'_> {
    /// Where the root of the values stands when it uses no dictionary.
    pub(crate) fn place(&self) -> Place<'_> {
        let nulls = self.validity.as_ref().filter(|bits| bits.count_set_bits() < bits.len());
        Place { validity: nulls, tables: self.tables, ..Place::default() }
    }

    /// The same with codes into the chunk's dictionary.
    pub(crate) fn coded_place(&self) -> Place<'_> {
        Place { codes: self.codes, ..self.place() }
    }
}

/// A data page, the tree of its values, and what these need in light encodings.
pub(crate) struct PageOutput {
    pub(crate) page: EncodedPage,
    pub(crate) plan: Plan,
    pub(crate) bytes: usize,
    pub(crate) light_bytes: usize,
    /// The tree of the validity, where some rows are null.
    validity: Option<Plan>,
}

impl PageOutput {
    /// The node of the values, which stands last.
    pub(crate) fn node(&self) -> &[u8] {
        let start = self.page.bytes.len().saturating_sub(self.bytes);
        self.page.bytes.get(start..).unwrap_or(&[])
    }

    /// Puts another node of the same values in the place of the one that there is.
    pub(crate) fn replace_node(&mut self, node: &[u8], plan: Plan) {
        self.page.bytes.truncate(self.page.bytes.len().saturating_sub(self.bytes));
        self.page.bytes.extend_from_slice(node);
        self.bytes = node.len();
        self.page.tree = tree(self.validity.as_ref(), &plan);
        self.plan = plan;
    }
}

fn tree(validity: Option<&Plan>, values: &Plan) -> String {
    match validity {
        Some(validity) => format!("nullable({validity}, {values})"),
        None => values.to_string(),
    }
}

/// Encodes one data page, whose values may be encoded already.
pub(crate) fn encode_page(
    page: &PageInput<'_>,
    options: &EncodeOptions,
    state: &mut ChooserState,
    ready: Option<Encoded>,
) -> Result<PageOutput> {
    let rows = page.values.len();
    let valid = page.validity.as_ref().map_or(rows, BooleanBuffer::count_set_bits);
    let values = if valid == 0 && rows > 0 {
        nulls(page.values.physical(), rows)?
    } else if let Some(id) = options.force {
        let effort = Effort::of(options.profile);
        forced(&page.values, Place { effort, ..page.coded_place() }, id)?
    } else if let Some(ready) = ready {
        ready
    } else {
        let node = if page.codes.is_some() { &mut state.codes } else { &mut state.values };
        node.encode(&page.values, page.coded_place(), options.profile)?
    };
    finish_page(page, values, options, state)
}

/// The values of a page of nulls: no row shows its value, so whatever they are, one is enough.
pub(crate) fn nulls(physical: PhysicalType, rows: usize) -> Result<Encoded> {
    let value = DecodedValues::Constant(zero(physical), rows);
    forced(&value.into_flat(&Budget::new(u64::MAX))?, Place::default(), EncodingId::CONSTANT)
}

/// The page of encoded values: its header, and its validity where rows are null.
pub(crate) fn finish_page(
    page: &PageInput<'_>,
    values: Encoded,
    options: &EncodeOptions,
    state: &mut ChooserState,
) -> Result<PageOutput> {
    let rows = page.values.len();
    let valid = page.validity.as_ref().map_or(rows, BooleanBuffer::count_set_bits);
    let validity = match &page.validity {
        Some(bits) if valid < rows => {
            let bits = Values::Bool(bits.clone());
            Some(state.validity.encode(&bits, Place::default(), options.profile)?)
        }
        _ => None,
    };
    let flags = if validity.is_some() { FLAG_VALIDITY } else { 0 };
    let mut bytes = vec![VERSION, flags];
    if let Some(validity) = &validity {
        bytes.extend_from_slice(&validity.bytes);
    }
    bytes.extend_from_slice(&values.bytes);
    let validity = validity.map(|validity| validity.plan);
    Ok(PageOutput {
        page: EncodedPage { bytes, tree: tree(validity.as_ref(), &values.plan) },
        plan: values.plan,
        bytes: values.bytes.len(),
        light_bytes: values.light_bytes,
        validity,
    })
}

/// Encodes values that belong to no chunk, such as arrays of statistics, without a dictionary.
pub fn encode_values(values: &Values, options: &EncodeOptions) -> Result<Vec<u8>> {
    encode_with(values, options, &mut NodeState::default())
}

/// Encodes the values of a shared page, remembering what was chosen.
pub(crate) fn encode_with(
    values: &Values,
    options: &EncodeOptions,
    state: &mut NodeState,
) -> Result<Vec<u8>> {
    let encoded = match options.force {
        Some(id) => forced(values, Place::default(), id)?,
        None => state.encode(values, Place::default(), options.profile)?,
    };
    let mut bytes = vec![VERSION, 0];
    bytes.extend_from_slice(&encoded.bytes);
    Ok(bytes)
}

/// Decodes what [`encode_values`] gave: exactly `len` values. Fewer than 64 zero bytes may follow.
pub fn decode_values(
    bytes: &[u8],
    physical: PhysicalType,
    len: usize,
    budget: &Budget,
) -> Result<Values> {
    let mut reader = Reader::new(bytes);
    if header(&mut reader)? {
        return Err(Error::corrupt("values without nulls have validity bits"));
    }
    let values =
        DecodeContext::new(budget, &SharedPages::default()).flat(&mut reader, physical, len)?;
    padding(&reader)?;
    Ok(values)
}

/// Decodes a page of `rows` rows, keeping the outermost structure that predicates can use.
///
/// With `utf8`, strings that are not UTF-8 are `Corrupt`; a dictionary is checked once, and what is not
/// decoded yet when it is. Fewer than 64 zero
/// bytes may follow the page. Aligned values of a page that is a `Buffer` are a part of it, not a copy.
pub fn decode_page<'a>(
    page: impl Into<Reader<'a>>,
    physical: PhysicalType,
    rows: usize,
    utf8: bool,
    shared: &SharedPages,
    budget: &Budget,
) -> Result<DecodedPage> {
    decode(page.into(), physical, rows, utf8, shared, &[], budget)
}

/// As [`decode_page`], of a page that refers to other columns: their values in the page's rows, in the order of
/// [`SharedPages::references`].
pub fn decode_related<'a>(
    page: impl Into<Reader<'a>>,
    physical: PhysicalType,
    rows: usize,
    utf8: bool,
    shared: &SharedPages,
    references: &[DecodedValues],
    budget: &Budget,
) -> Result<DecodedPage> {
    decode(page.into(), physical, rows, utf8, shared, references, budget)
}

fn decode(
    mut reader: Reader<'_>,
    physical: PhysicalType,
    rows: usize,
    utf8: bool,
    shared: &SharedPages,
    references: &[DecodedValues],
    budget: &Budget,
) -> Result<DecodedPage> {
    let context = DecodeContext::new(budget, shared).with_references(references);
    let validity = if header(&mut reader)? {
        let bits = context.flat(&mut reader, PhysicalType::Bool, rows).at("part", || "validity")?;
        let Values::Bool(bits) = bits else {
            return Err(Error::internal("validity is not boolean"));
        };
        Some(bits)
    } else {
        None
    };
    let (proven, mut root) = (Cell::new(false), context.with_validity(validity.as_ref()));
    if utf8 {
        root = root.with_text(&proven);
    }
    let values = root.node(&mut reader, physical, rows)?;
    padding(&reader)?;
    let values = if utf8 && !proven.get() { text(values, shared)? } else { values };
    Ok(DecodedPage { validity, values })
}

/// Strings that are UTF-8, or will be found not to be when they are decoded.
fn text(values: DecodedValues, shared: &SharedPages) -> Result<DecodedValues> {
    match &values {
        DecodedValues::Flat(values)
        | DecodedValues::Constant(values, _)
        | DecodedValues::Runs { values, .. } => check_utf8(values)?,
        DecodedValues::Dictionary { .. } => shared.check_utf8()?,
        DecodedValues::Symbols(_) => {}
    }
    Ok(match values {
        DecodedValues::Symbols(strings) => DecodedValues::Symbols(strings.into_text()),
        other => other,
    })
}

/// Whether a validity node follows.
fn header(reader: &mut Reader<'_>) -> Result<bool> {
    let version = reader.u8()?;
    if version != VERSION {
        return Err(Error::corrupt(format!("page layout {version}, {VERSION} expected")));
    }
    match reader.u8()? {
        0 => Ok(false),
        FLAG_VALIDITY => Ok(true),
        flags => Err(Error::corrupt(format!("page flags {flags:#04x} are not known"))),
    }
}

pub(crate) fn padding(reader: &Reader<'_>) -> Result<()> {
    let rest = reader.rest();
    if rest.len() >= PADDING || rest.iter().any(|byte| *byte != 0) {
        return Err(Error::corrupt(format!(
            "{} bytes after a page, where fewer than {PADDING} zeros may stand",
            rest.len()
        )));
    }
    Ok(())
}
