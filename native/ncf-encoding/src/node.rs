//! Nodes: the header around an encoding's body, the plan of a tree, and walking both ways.

use std::cell::Cell;
use std::fmt;

use arrow_buffer::BooleanBuffer;
use ncf_core::{Budget, Error, PhysicalType, Result, Values};

use crate::decoded::DecodedValues;
use crate::effort::Effort;
use crate::encodings;
use crate::encodings::fsst::Trained;
use crate::encodings::template_writer::Templates;
use crate::encodings::vocabulary::Vocabulary;
use crate::id::EncodingId;
use crate::reader::Reader;
use crate::select::cascade;
use crate::shared::SharedPages;

/// Nodes on a path of a tree that a reader accepts. Writers make at most 3, and zstd around them.
pub const MAX_DEPTH: usize = 8;

/// Which encoding a node has, and its children in the order of its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(crate) id: EncodingId,
    pub(crate) children: Vec<Plan>,
}

impl Plan {
    /// A node whose children are still to be chosen.
    pub(crate) fn open(id: EncodingId) -> Self {
        Self { id, children: Vec::new() }
    }

    /// The root's encoding.
    pub fn id(&self) -> EncodingId {
        self.id
    }

    /// Whether a node of the tree has this encoding.
    pub(crate) fn has(&self, id: EncodingId) -> bool {
        self.id == id || self.children.iter().any(|child| child.has(id))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id.name())?;
        for (index, child) in self.children.iter().enumerate() {
            f.write_str(if index == 0 { "(" } else { ", " })?;
            fmt::Display::fmt(child, f)?;
        }
        if self.children.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

/// Where in a tree a node stands while it is encoded.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place<'a> {
    /// Nodes above.
    pub(crate) depth: usize,
    /// Bit `id` is set for each encoding above (ids under 64).
    pub(crate) path: u64,
    /// Codes of the values into the chunk's dictionary.
    pub(crate) codes: Option<&'a [u32]>,
    /// Which of the values are valid; only where they are the rows of a page and some are null.
    pub(crate) validity: Option<&'a BooleanBuffer>,
    /// The chunk's tables.
    pub(crate) tables: Tables<'a>,
    /// What may be chosen where nothing is planned.
    pub(crate) effort: Effort,
}

/// Tables that the pages of a chunk of strings may share.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tables<'a> {
    pub(crate) symbols: Option<&'a Trained>,
    pub(crate) words: Option<&'a Vocabulary>,
    pub(crate) templates: Option<&'a Templates>,
}

impl Tables<'_> {
    /// About how many bytes of the chunk's tables of words and templates a tree uses for each byte of strings.
    pub(crate) fn overhead(&self, plan: &Plan) -> f64 {
        let words = self.words.filter(|_| plan.has(EncodingId::WORDS));
        let templates = self.templates.filter(|_| plan.has(EncodingId::TEMPLATE));
        words.map_or(0.0, Vocabulary::overhead) + templates.map_or(0.0, Templates::overhead)
    }
}

/// Encodes the children of a node: as planned, or chosen on the spot.
#[derive(Debug)]
pub struct ChildEncoder<'a> {
    plan: &'a Plan,
    place: Place<'a>,
    used: Vec<Plan>,
}

impl<'a> ChildEncoder<'a> {
    /// Codes of the node's values into the chunk's dictionary, when there is one.
    pub fn codes(&self) -> Option<&'a [u32]> {
        self.place.codes
    }

    /// Which of the node's values are valid, where they are the rows of a page and some are null.
    pub fn validity(&self) -> Option<&'a BooleanBuffer> {
        self.place.validity
    }

    /// The chunk's symbol table, when there is one.
    pub(crate) fn symbols(&self) -> Option<&'a Trained> {
        self.place.tables.symbols
    }

    /// The chunk's words, when there are some.
    pub(crate) fn words(&self) -> Option<&'a Vocabulary> {
        self.place.tables.words
    }

    /// The chunk's templates, when there are some.
    pub(crate) fn templates(&self) -> Option<&'a Templates> {
        self.place.tables.templates
    }

    /// How hard to try.
    pub(crate) fn effort(&self) -> Effort {
        self.place.effort
    }

    /// Appends the next child, a node of its own, to `out`.
    pub fn child(&mut self, values: &Values, out: &mut Vec<u8>) -> Result<()> {
        let place = Place {
            depth: self.place.depth + 1,
            path: self.place.path | 1 << (self.plan.id.0 & 63),
            codes: None,
            validity: None,
            ..self.place
        };
        self.encode_child(values, place, out)
    }

    /// Appends a child that holds the node's own values in another form (a wrapper such as zstd).
    pub fn wrapped(&mut self, values: &Values, out: &mut Vec<u8>) -> Result<()> {
        let path = self.place.path | 1 << (self.plan.id.0 & 63);
        self.encode_child(values, Place { path, ..self.place }, out)
    }

    fn encode_child(&mut self, values: &Values, place: Place<'_>, out: &mut Vec<u8>) -> Result<()> {
        if let Some(planned) = self.plan.children.get(self.used.len())
            && let Some(used) = encode_node(values, planned, place, out)?
        {
            self.used.push(used);
            return Ok(());
        }
        let used = cascade::encode_best(values, place, out)?;
        self.used.push(used);
        Ok(())
    }
}

/// Appends a node and returns the tree that it got; `None`, with `out` as it was, when the encoding
/// cannot hold the values.
pub(crate) fn encode_node(
    values: &Values,
    plan: &Plan,
    place: Place<'_>,
    out: &mut Vec<u8>,
) -> Result<Option<Plan>> {
    let encoding = encodings::find(plan.id)?;
    if !encoding.accepts(values.physical()) {
        return Ok(None);
    }
    let start = out.len();
    out.extend_from_slice(&plan.id.0.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    let body = out.len();
    let mut children = ChildEncoder { plan, place, used: Vec::new() };
    if !encoding.encode(values, &mut children, out)? {
        out.truncate(start);
        return Ok(None);
    }
    let length = (out.len() - body) as u64;
    let stored = u32::try_from(length).map_err(|_| {
        Error::limit_exceeded("bytes of an encoded page", length, u64::from(u32::MAX))
    })?;
    if let Some(field) = out.get_mut(start + 2..start + 6) {
        field.copy_from_slice(&stored.to_le_bytes());
    }
    Ok(Some(Plan { id: plan.id, children: children.used }))
}

/// What every decoder needs besides its bytes.
#[derive(Debug, Clone, Copy)]
pub struct DecodeContext<'a> {
    /// Pays for every allocation.
    pub budget: &'a Budget,
    /// The chunk's shared pages.
    pub shared: &'a SharedPages,
    validity: Option<&'a BooleanBuffer>,
    references: &'a [DecodedValues],
    /// Becomes true when the root's strings are UTF-8 by the way they were made.
    text: Option<&'a Cell<bool>>,
    depth: usize,
}

impl<'a> DecodeContext<'a> {
    /// The context of a page's root.
    pub fn new(budget: &'a Budget, shared: &'a SharedPages) -> Self {
        Self { budget, shared, validity: None, references: &[], text: None, depth: 0 }
    }

    /// The same for a page that refers to other columns: their values in its rows.
    pub(crate) fn with_references(self, references: &'a [DecodedValues]) -> Self {
        Self { references, ..self }
    }

    /// The values of the column that a node numbers so, one for each of its `len` rows.
    pub(crate) fn reference(&self, number: u8, len: usize) -> Result<&'a DecodedValues> {
        let values = self.references.get(usize::from(number)).ok_or_else(|| {
            Error::corrupt(format!(
                "a node refers to column {number} of {} that its page has",
                self.references.len()
            ))
        })?;
        if values.len() != len {
            return Err(Error::corrupt(format!(
                "{len} values refer to {} of another column",
                values.len()
            )));
        }
        Ok(values)
    }

    /// The same for a page of text: `proven` becomes true when its strings need not be checked.
    pub(crate) fn with_text(self, proven: &'a Cell<bool>) -> Self {
        Self { text: Some(proven), ..self }
    }

    /// Whether it is of use to find out that a node's strings are UTF-8: not below the root, whose strings are others.
    pub(crate) fn wants_text(&self) -> bool {
        self.text.is_some()
    }

    /// The strings that the node gives are UTF-8, each by itself.
    pub(crate) fn prove_text(&self) {
        if let Some(proven) = self.text {
            proven.set(true);
        }
    }

    /// The same for a page with nulls, whose validity comes before its values.
    pub(crate) fn with_validity(self, validity: Option<&'a BooleanBuffer>) -> Self {
        Self { validity, ..self }
    }

    /// Which rows of the page are valid; `None` when all are.
    pub fn validity(&self) -> Option<&'a BooleanBuffer> {
        self.validity
    }

    /// Decodes the next node of `reader`, keeping its structure. Gives exactly `len` values.
    pub fn node(
        &self,
        reader: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
    ) -> Result<DecodedValues> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::limit_exceeded(
                "depth of an encoding tree",
                self.depth as u64 + 1,
                MAX_DEPTH as u64,
            ));
        }
        let id = EncodingId::from_u16(reader.u16()?)?;
        let encoding = encodings::find(id)?;
        let length = reader.size()?;
        let mut body = reader.sub(length)?;
        if !encoding.accepts(physical) {
            return Err(Error::corrupt(format!(
                "encoding {id} cannot hold values of {physical:?}"
            )));
        }
        // Of what is below the root nobody knows what will be made.
        let text = self.text.filter(|_| self.depth == 0);
        let inner = DecodeContext { depth: self.depth + 1, text, ..*self };
        let values = encoding
            .decode(&mut body, physical, len, &inner)
            .map_err(|error| error.with("encoding", id))?;
        body.finish(id.name())?;
        if values.len() != len {
            return Err(Error::corrupt(format!("{} values where {len} belong", values.len())));
        }
        Ok(values)
    }

    /// Decodes the next node of `reader` to one value per row.
    pub fn flat(
        &self,
        reader: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
    ) -> Result<Values> {
        self.node(reader, physical, len)?.into_flat(self.budget)
    }
}
