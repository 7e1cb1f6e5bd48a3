//! A column chunk whose pages refer to other columns.

use std::ops::Range;

use arrow_buffer::BooleanBuffer;
use ncf_core::{Budget, ByteValues, Error, PhysicalType, Result, Values};

use super::build::{Ranked, factors, ranked};
use super::map_table::{MapParts, MapTable};
use super::{ChunkMap, Divider, GrownMap, Linear, Other, Product, Relation, scaled};
use crate::chunk::{
    ChooserState, ChunkInput, EncodeOptions, EncodedChunk, OwnedTables, SharedPage,
};
use crate::decoded::DecodedValues;
use crate::encodings::concatenation::{Part, taken_out};
use crate::encodings::dictionary::Numbered;
use crate::encodings::integers::{Integer, with_integers};
use crate::encodings::null_fill::{lead_of, write_lead};
use crate::encodings::{linear, product};
use crate::id::{EncodingId, Profile};
use crate::native::{Native, lengths_column, with_values};
use crate::node::{Place, Plan, Tables};
use crate::numbering::Numbering;
use crate::page::{PageInput, encode_values, finish_page, nulls};
use crate::select::{Encoded, NodeState};
use crate::shared::SharedKind;

/// Encodes a chunk by a relation. `references` are the block's values of [`Relation::columns`], as long as the chunk's
/// own. `name` gives the columns' names, `known` is the map
/// that the chunks before have, which is taken and added to where it holds most of this chunk's.
///
/// `None` where the relation cannot hold the values: of another type, or too many different ones for a map.
pub fn encode_related(
    input: &ChunkInput<'_>,
    relation: &Relation,
    references: &[Referenced<'_>],
    name: &dyn Fn(u32) -> String,
    options: &EncodeOptions,
    (known, state): (Option<&GrownMap>, &mut ChooserState),
) -> Result<Option<EncodedChunk>> {
    let columns = relation.columns();
    let Some(chunk) = Chunk::new(input, relation, &columns, references)? else { return Ok(None) };
    let Some(mut prepared) = chunk.prepare(relation)? else { return Ok(None) };
    let map = match prepared.map() {
        // Pages of nulls only need no map.
        Some(own) if !own.candidates.is_empty() => {
            match prepared.chunk_map(relation, known, input.validity, options)? {
                Some(map) => Some(map),
                None => return Ok(None),
            }
        }
        _ => None,
    };
    let mut shared = vec![references_page(&columns, options)?];
    let tables = prepared.tables(options.profile, input.pages.len(), state);
    let mut plans = Vec::new();
    let text = relation.text(name);
    let mut pages = Vec::with_capacity(input.pages.len());
    for range in input.pages {
        input.interruption.check()?;
        let page = PageInput {
            values: input.values.slice(range.start, range.len()),
            validity: input.validity.map(|bits| bits.slice(range.start, range.len())),
            codes: None,
            tables: Tables::default(),
        };
        let valid = page.validity.as_ref().map_or(range.len(), BooleanBuffer::count_set_bits);
        if valid == 0 && !range.is_empty() {
            let values = nulls(page.values.physical(), range.len())?;
            pages.push(finish_page(&page, values, options, state)?.page);
            continue;
        }
        let table = map.as_ref().map(|map| map.grown.map().table());
        let of_page = Page {
            chunk: &chunk,
            range,
            page: &page,
            map: table,
            options,
            tables: tables.borrowed(),
        };
        let Some(values) = of_page.encode(relation, &prepared, &mut state.related)? else {
            return Ok(None);
        };
        plans.push(values.plan.clone());
        let mut encoded = finish_page(&page, values, options, state)?.page;
        encoded.tree = format!("{} of {text}", encoded.tree);
        pages.push(encoded);
    }
    shared.append(&mut tables.shared(&plans, options)?);
    Ok(Some(EncodedChunk { shared, pages, map }))
}

/// A column that another follows from.
#[derive(Debug, Clone, Copy)]
pub struct Referenced<'a> {
    /// The block's values; at null rows what their encoding gives back there.
    pub values: &'a Values,
    /// Their numbers, for maps that they are keys of.
    pub numbering: &'a Numbering,
}

/// The shared page of the columns' numbers.
fn references_page(columns: &[u32], options: &EncodeOptions) -> Result<SharedPage> {
    let numbers = lengths_column(columns.iter().map(|column| column.cast_signed()).collect());
    let plain = EncodeOptions { force: Some(EncodingId::PLAIN), ..*options };
    let bytes = encode_values(&numbers, &plain)?;
    let count = u32::try_from(columns.len()).unwrap_or(u32::MAX);
    Ok(SharedPage { kind: SharedKind::References, bytes, count })
}

/// A chunk and what it refers to.
struct Chunk<'a> {
    input: &'a ChunkInput<'a>,
    columns: &'a [u32],
    references: &'a [Referenced<'a>],
}

/// What is found out once a chunk.
enum Prepared {
    Nothing,
    Ranked(Ranked),
    Factors(MapParts),
    /// What is left of strings.
    Left(ByteValues),
}

impl<'a> Chunk<'a> {
    /// `None` where the columns' types do not fit the relation.
    fn new(
        input: &'a ChunkInput<'_>,
        relation: &Relation,
        columns: &'a [u32],
        references: &'a [Referenced<'a>],
    ) -> Result<Option<Self>> {
        let rows = input.values.len();
        let short = |reference: &Referenced<'_>| reference.values.len() != rows;
        if columns.len() != references.len() || references.iter().any(short) {
            return Err(Error::internal("references of another number of rows than their column"));
        }
        let types: Vec<PhysicalType> = references.iter().map(|one| one.values.physical()).collect();
        let fits = relation.fits(input.values.physical(), &types);
        Ok(fits.then_some(Self { input, columns, references }))
    }

    fn reference(&self, column: u32) -> Result<(u8, &'a Values)> {
        let (number, reference) = self.referenced(column)?;
        Ok((number, reference.values))
    }

    fn referenced(&self, column: u32) -> Result<(u8, Referenced<'a>)> {
        let at = self.columns.iter().position(|have| *have == column);
        let found = at.and_then(|at| Some((u8::try_from(at).ok()?, *self.references.get(at)?)));
        found.ok_or_else(|| Error::internal("a relation refers to a column that it does not name"))
    }

    /// The numbers of the values of keys; `None` where one has too many.
    fn numbered(&self, keys: &[u32]) -> Result<Option<Vec<Numbered>>> {
        let of = |key: &u32| {
            let Referenced { values, numbering } = self.referenced(*key)?.1;
            Ok(numbering.of(values))
        };
        keys.iter().map(of).collect()
    }

    fn prepare(&self, relation: &Relation) -> Result<Option<Prepared>> {
        let ChunkInput { values, validity, .. } = *self.input;
        Ok(match relation {
            Relation::Equality { column } => {
                let same = self.reference(*column)?.1.physical() == values.physical();
                same.then_some(Prepared::Nothing)
            }
            Relation::Map { keys } => {
                let Some(keys) = self.numbered(keys)? else { return Ok(None) };
                let target = self.input.numbering.of(values);
                target.and_then(|target| ranked(&keys, &target, validity)).map(Prepared::Ranked)
            }
            Relation::Linear(_) | Relation::Product(Product { other: Other::Column(_), .. }) => {
                Some(Prepared::Nothing)
            }
            Relation::Product(Product { factor, other: Other::Map(keys), divisor }) => {
                let budget = Budget::new(u64::MAX);
                let factor = DecodedValues::Flat(self.reference(*factor)?.1.clone());
                let factor = product::integers(&factor, &budget)?;
                let divisor = i64::try_from(*divisor).unwrap_or(i64::MAX).max(1);
                let Some(keys) = self.numbered(keys)? else { return Ok(None) };
                let parts = factors(&keys, &factor, values, divisor, validity)?;
                parts.map(Prepared::Factors)
            }
            Relation::Concatenation(parts) => {
                let part = |part: &super::Part| match self.reference(part.column)?.1 {
                    Values::Bytes(texts) => Ok(Part::Texts(texts.clone())),
                    numbers => {
                        let numbers = DecodedValues::Flat(numbers.clone());
                        let numbers = product::integers(&numbers, &Budget::new(u64::MAX))?;
                        Ok(Part::Numbers(numbers, part.digits))
                    }
                };
                let parts: Vec<Part> = parts.iter().map(part).collect::<Result<_>>()?;
                match values {
                    Values::Bytes(strings) => taken_out(strings, &parts).map(Prepared::Left),
                    _ => None,
                }
            }
        })
    }
}

impl Prepared {
    /// The chunk's own map, where it needs one.
    fn map(&self) -> Option<&MapParts> {
        match self {
            Self::Nothing | Self::Left(_) => None,
            Self::Ranked(Ranked { parts, .. }) | Self::Factors(parts) => Some(parts),
        }
    }

    /// The map that the chunk shall have, by which its rows are ranked then; `None` where readers would refuse it.
    fn chunk_map(
        &mut self,
        relation: &Relation,
        known: Option<&GrownMap>,
        validity: Option<&BooleanBuffer>,
        options: &EncodeOptions,
    ) -> Result<Option<ChunkMap>> {
        let Some(own) = self.map() else { return Ok(None) };
        let joined = match known {
            Some(known) => known.join(relation, own, options)?,
            None => None,
        };
        let Some((map, ranks)) = joined else { return GrownMap::begin(relation, own, options) };
        if let Self::Ranked(ranked) = self {
            ranked.rerank(&ranks, validity);
        }
        Ok(Some(map))
    }

    /// The tables that what is left of strings may use.
    fn tables(&self, profile: Profile, pages: usize, state: &ChooserState) -> OwnedTables {
        match self {
            Self::Left(strings) => {
                let wants = |id| state.related.wants(id, pages);
                OwnedTables::chosen(&Values::Bytes(strings.clone()), profile, wants)
            }
            _ => OwnedTables::default(),
        }
    }
}

/// One page of a chunk.
struct Page<'a> {
    chunk: &'a Chunk<'a>,
    range: &'a Range<usize>,
    page: &'a PageInput<'a>,
    /// The chunk's map, as readers have it.
    map: Option<&'a MapTable>,
    options: &'a EncodeOptions,
    /// What the chunk has for strings.
    tables: Tables<'a>,
}

impl Page<'_> {
    fn encode(
        &self,
        relation: &Relation,
        prepared: &Prepared,
        state: &mut NodeState,
    ) -> Result<Option<Encoded>> {
        let mut node = Node::default();
        let fits = match (relation, prepared) {
            (Relation::Equality { column }, _) => self.equality(*column, &mut node)?,
            (Relation::Map { keys }, Prepared::Ranked(ranked)) => {
                self.map(keys, ranked, &mut node, state)?
            }
            (Relation::Linear(formula), _) => self.linear(formula, &mut node, state)?,
            (Relation::Product(formula), _) => self.product(formula, &mut node, state)?,
            (Relation::Concatenation(parts), Prepared::Left(left)) => {
                self.concatenation(parts, left, &mut node, state)?
            }
            _ => false,
        };
        let id = match relation {
            Relation::Equality { .. } => EncodingId::EQUALITY,
            Relation::Map { .. } => EncodingId::MAP,
            Relation::Linear(_) => EncodingId::LINEAR,
            Relation::Product(_) => EncodingId::PRODUCT,
            Relation::Concatenation(_) => EncodingId::CONCATENATION,
        };
        if fits { node.finish(id).map(Some) } else { Ok(None) }
    }

    /// A column's number in the page's references, and its values in the page.
    fn reference(&self, column: u32) -> Result<(u8, DecodedValues)> {
        let (number, values) = self.chunk.reference(column)?;
        Ok((number, DecodedValues::Flat(values.slice(self.range.start, self.range.len()))))
    }

    fn is_valid(&self, row: usize) -> bool {
        self.page.validity.as_ref().is_none_or(|validity| validity.value(row))
    }

    fn child(&self, values: &Values, node: &mut Node, state: &mut NodeState) -> Result<()> {
        let place = Place { depth: 1, tables: self.tables, ..Place::default() };
        let encoded = state.encode(values, place, self.options.profile)?;
        node.body.extend_from_slice(&encoded.bytes);
        node.children.push(encoded.plan);
        Ok(())
    }

    fn equality(&self, column: u32, node: &mut Node) -> Result<bool> {
        let (number, reference) = self.reference(column)?;
        node.body.push(number);
        write_lead(&lead_of(&self.page.values), &mut node.body);
        let DecodedValues::Flat(reference) = reference else { return Ok(false) };
        let differ = differences(&self.page.values, &reference);
        let rows: Vec<usize> = differ.into_iter().filter(|row| self.is_valid(*row)).collect();
        self.exceptions(&rows, node)?;
        Ok(true)
    }

    fn exceptions(&self, rows: &[usize], node: &mut Node) -> Result<()> {
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        node.body.extend_from_slice(&count.to_le_bytes());
        if rows.is_empty() {
            return Ok(());
        }
        let numbers = rows.iter().map(|row| i32::try_from(*row).unwrap_or(i32::MAX)).collect();
        let values = crate::encodings::run_length::pick(&self.page.values, rows);
        self.child(&lengths_column(numbers), node, &mut NodeState::default())?;
        self.child(&values, node, &mut NodeState::default())
    }

    fn keys(&self, keys: &[u32], node: &mut Node) -> Result<()> {
        node.body.push(u8::try_from(keys.len()).unwrap_or(u8::MAX));
        for key in keys {
            node.body.push(self.chunk.reference(*key)?.0);
        }
        Ok(())
    }

    fn map(
        &self,
        keys: &[u32],
        ranked: &Ranked,
        node: &mut Node,
        state: &mut NodeState,
    ) -> Result<bool> {
        self.keys(keys, node)?;
        write_lead(&lead_of(&self.page.values), &mut node.body);
        let ranks = ranked.ranks.get(self.range.clone()).unwrap_or(&[]);
        self.child(&lengths_column(ranks.to_vec()), node, state)?;
        Ok(true)
    }

    fn concatenation(
        &self,
        parts: &[super::Part],
        left: &ByteValues,
        node: &mut Node,
        state: &mut NodeState,
    ) -> Result<bool> {
        node.body.push(u8::try_from(parts.len()).unwrap_or(u8::MAX));
        for part in parts {
            node.body.extend_from_slice(&[self.chunk.reference(part.column)?.0, part.digits]);
        }
        let Values::Bytes(strings) = &self.page.values else { return Ok(false) };
        let Ok(size) = u32::try_from(strings.byte_len()) else { return Ok(false) };
        node.body.extend_from_slice(&size.to_le_bytes());
        if !self.range.is_empty() {
            let left = Values::Bytes(left.clone()).slice(self.range.start, self.range.len());
            self.child(&left, node, state)?;
        }
        Ok(true)
    }

    fn linear(&self, formula: &Linear, node: &mut Node, state: &mut NodeState) -> Result<bool> {
        let len = self.range.len();
        let mut numbers = Vec::with_capacity(formula.terms.len());
        let mut references = Vec::with_capacity(formula.terms.len());
        for term in &formula.terms {
            let (number, values) = self.reference(term.column)?;
            numbers.push(number);
            references.push(values);
        }
        let references: Vec<&DecodedValues> = references.iter().collect();
        linear::write(formula, &numbers, &mut node.body);
        write_lead(&lead_of(&self.page.values), &mut node.body);
        let budget = Budget::new(u64::MAX);
        let Ok(predicted) = linear::predict(formula, &references, len, &budget) else {
            // A column of another type than when the relation was found.
            return Ok(false);
        };
        let Values::F64(floats) = &self.page.values else {
            return self.residual(&predicted, node, state);
        };
        let difference = |(row, (value, predicted)): (usize, (&f64, &i64))| {
            let known = self.is_valid(row);
            if known { scaled(*value, formula.scale).wrapping_sub(*predicted) } else { 0 }
        };
        let residual: Vec<i64> =
            floats.iter().zip(&predicted).enumerate().map(difference).collect();
        let restored = linear::floats(predicted, &residual, formula.scale);
        self.child(&i64::wrap(residual), node, state)?;
        let differ = differences(&self.page.values, &restored);
        let rows: Vec<usize> = differ.into_iter().filter(|row| self.is_valid(*row)).collect();
        self.exceptions(&rows, node)?;
        Ok(true)
    }

    /// What integers are more than predicted; nothing at null rows.
    fn residual(&self, predicted: &[i64], node: &mut Node, state: &mut NodeState) -> Result<bool> {
        fn difference<T: Integer>(
            values: &[T],
            predicted: &[i64],
            valid: impl Fn(usize) -> bool,
        ) -> Values {
            let rows = values.iter().zip(predicted).enumerate();
            T::wrap(
                rows.map(|(row, (value, predicted))| {
                    let known = valid(row);
                    if known { value.minus(T::low_bits((*predicted).into())) } else { T::default() }
                })
                .collect(),
            )
        }
        let residual = with_integers!(&self.page.values,
            v => difference(v, predicted, |row| self.is_valid(row)),
            other => return Ok(false),
        );
        self.child(&residual, node, state)?;
        Ok(true)
    }

    fn product(&self, formula: &Product, node: &mut Node, state: &mut NodeState) -> Result<bool> {
        let budget = Budget::new(u64::MAX);
        let (number, factor) = self.reference(formula.factor)?;
        let Ok(factor) = product::integers(&factor, &budget) else { return Ok(false) };
        node.body.push(number);
        let mut products = match (&formula.other, self.map) {
            (Other::Column(column), _) => {
                let (number, other) = self.reference(*column)?;
                node.body.extend_from_slice(&[product::OF_COLUMN, number]);
                let Ok(other) = product::integers(&other, &budget) else { return Ok(false) };
                other
            }
            (Other::Map(keys), Some(table)) => {
                node.body.push(product::OF_MAP);
                self.keys(keys, node)?;
                let values: Vec<DecodedValues> =
                    keys.iter().map(|key| Ok(self.reference(*key)?.1)).collect::<Result<_>>()?;
                let values: Vec<&DecodedValues> = values.iter().collect();
                product::factors(table, &values, self.range.len(), &budget)?
            }
            (Other::Map(_), None) => return Ok(false),
        };
        let Some(divisor) = Divider::new(formula.divisor) else { return Ok(false) };
        node.body.extend_from_slice(&formula.divisor.to_le_bytes());
        write_lead(&lead_of(&self.page.values), &mut node.body);
        product::multiply(&mut products, &factor, divisor);
        self.residual(&products, node, state)
    }
}

/// A node that is being written.
#[derive(Default)]
struct Node {
    body: Vec<u8>,
    children: Vec<Plan>,
}

impl Node {
    fn finish(self, id: EncodingId) -> Result<Encoded> {
        let length = u32::try_from(self.body.len())
            .map_err(|_| Error::internal("a page is longer than 4 GiB"))?;
        let mut bytes = Vec::with_capacity(self.body.len() + 6);
        bytes.extend_from_slice(&id.0.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&self.body);
        let light_bytes = bytes.len();
        Ok(Encoded { bytes, plan: Plan { id, children: self.children }, light_bytes })
    }
}

/// Rows in which two columns of one type have different bits.
fn differences(a: &Values, b: &Values) -> Vec<usize> {
    fn fixed<T: Native>(a: &[T], b: &Values) -> Vec<usize> {
        let differ = |row: &usize| {
            let other = T::first_of(&b.slice(*row, 1));
            a.get(*row).is_none_or(|value| !value.same(other))
        };
        (0..a.len()).filter(differ).collect()
    }
    with_values!(a,
        fixed(v) => fixed(v, b),
        bool(v) => (0..v.len()).collect(),
        bytes(v) => match b {
            Values::Bytes(b) => (0..v.len()).filter(|row| v.get(*row) != b.get(*row)).collect(),
            _ => (0..v.len()).collect(),
        },
    )
}
