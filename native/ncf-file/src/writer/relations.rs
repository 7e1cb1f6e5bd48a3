//! Columns that are stored by what they follow from: relations are searched in the first block, and in later ones that
//! are much longer or where one was lost; each is encoded truly before it is taken, then and in every later block.

use std::collections::BTreeMap;

use ncf_core::{Column, Error, PhysicalType, Result, ResultExt, Role};
use ncf_encoding::relations::{Found, Other, Relation, Sampled, discover};
use ncf_encoding::{
    ChooserState, EncodedChunk, GrownMap, Numbering, Profile, Referenced, SharedKind,
    encode_related,
};

use super::block::{Alone, Prepared, verify};
use super::{ColumnState, WriterOptions};

/// Times as many rows that a block has than the longest that was searched, to be searched as well.
const TELLING_TIMES: usize = 8;
/// Blocks of a file that are searched at most.
const MOST_SEARCHES: usize = 4;
/// Rows below which nothing is searched.
const LEAST_ROWS: usize = 64;
/// Bytes that a shared page costs besides its own: alignment, checksum, a record in the metadata.
const SHARED_OVERHEAD: usize = 128;
/// Columns that are searched at most, those that take most bytes: time grows faster than their number.
const MOST_COLUMNS: usize = 64;
/// Bytes of the pages of a reference that hold the rows of one page, at most: a reader decodes all of them for it.
const REFERENCE_BYTES: usize = 16 << 20;
/// Percent of the bytes alone that a relation must promise to come down to, where it must come down to 90: estimates are
/// rather too low, and a trial takes long in blocks of so many rows.
const PROMISED: usize = 85;
const LONG: usize = 1 << 16;
/// Percent of what a column would about take alone that it may take by a relation to be stored so without a look at what
/// it does take alone.
const SURE: usize = 70;
/// Blocks after which a relation is compared with encoding alone again.
const RECHECK_BLOCKS: usize = 8;
/// How much longer than in the block before a related column may become before it is encoded alone again, in percent.
const DRIFT: usize = 110;

/// What a writer knows of the relations between the columns of its file.
#[derive(Debug, Default)]
pub(super) struct Relations {
    searches: usize,
    /// Of the longest block that was searched.
    searched_rows: usize,
    /// By the number of the column.
    known: BTreeMap<u32, Known>,
    /// The maps of columns, which grow from block to block.
    maps: BTreeMap<u32, GrownMap>,
}

#[derive(Debug)]
struct Known {
    relation: Relation,
    /// Bytes and rows of the chunk for which it was found to pay.
    bytes: usize,
    rows: usize,
    /// Blocks since.
    blocks: usize,
}

impl Known {
    /// Whether a chunk of so many rows is about as small as the one for which the relation was found to pay.
    fn allows(&self, chunk: &EncodedChunk, rows: usize) -> bool {
        let allowed = self.bytes.saturating_mul(rows) / self.rows.max(1);
        chunk.byte_len() <= allowed.saturating_mul(DRIFT) / 100
    }
}

/// The columns of a block, with the names of all columns of the file.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) columns: &'a [Prepared],
    pub(super) names: &'a [String],
    pub(super) options: &'a WriterOptions,
}

impl Block<'_> {
    fn rows(&self) -> usize {
        // Columns below arrays and maps have other numbers of values.
        self.columns
            .iter()
            .filter(|column| column.flat)
            .map(|column| column.values.len())
            .max()
            .unwrap_or(0)
    }

    /// The values that a relation refers to; `None` where a column cannot refer to them.
    fn references(&self, column: &Prepared, relation: &Relation) -> Option<Vec<Referenced<'_>>> {
        let usable =
            |one: &&Prepared| one.shows_values() && one.most_bytes_for(column) <= REFERENCE_BYTES;
        let of = |number: u32| self.columns.get(number as usize).filter(usable);
        relation.columns().into_iter().map(|number| of(number).map(Prepared::referenced)).collect()
    }

    /// The chunk of a column by a relation, which is not verified; `None` where that cannot be.
    fn related(
        &self,
        column: &Prepared,
        relation: &Relation,
        state: (Option<&GrownMap>, &mut ChooserState),
    ) -> Result<Option<EncodedChunk>> {
        let Some(references) = self.references(column, relation) else {
            return Ok(None);
        };
        let name = |number: u32| self.names.get(number as usize).cloned().unwrap_or_default();
        let input = column.input(self.options);
        let chunk = encode_related(&input, relation, &references, &name, &column.encode, state)?;
        #[cfg(test)]
        let chunk = chunk.map(|chunk| self.options.damage.chunk(column.number, chunk));
        Ok(chunk)
    }

    /// The chunk of a column by a relation, verified, where it is enough smaller than alone. What is not taken is not
    /// verified.
    fn smaller(
        &self,
        column: &Prepared,
        relation: &Relation,
        alone: &mut Alone,
        chooser: &mut ChooserState,
    ) -> Result<Option<EncodedChunk>> {
        chooser.forget_relation();
        let related = self.related(column, relation, (None, chooser)).within_limits()?.flatten();
        let Some(related) = related else { return Ok(None) };
        let pays = match alone {
            Alone::About(bytes) if cost(&related) * 100 <= *bytes * SURE => true,
            Alone::About(_) => {
                let chunk = column.encode(self.options, chooser)?;
                let pays = pays(&related, &chunk, column.encode.profile);
                *alone = Alone::Exactly(chunk);
                pays
            }
            Alone::Exactly(chunk) => pays(&related, chunk, column.encode.profile),
        };
        if pays && self.verify(column, relation, &related).within_limits()?.is_some() {
            *alone = Alone::About(0);
            return Ok(Some(related));
        }
        Ok(None)
    }

    /// Verifies such a chunk, where writers do.
    fn verify(&self, column: &Prepared, relation: &Relation, chunk: &EncodedChunk) -> Result<()> {
        if !self.options.verify {
            return Ok(());
        }
        let references = self.references(column, relation);
        let mut references =
            references.ok_or_else(|| Error::internal("a chunk has no references"))?;
        let unknown = Numbering::default();
        if !has_keys(relation) {
            // Only keys are looked up: numbers of other strings would be compared, and taken apart again, for nothing.
            references.iter_mut().for_each(|one| one.numbering = &unknown);
        }
        verify(&column.input(self.options), chunk, &references)
    }
}

/// Whether a map is looked up by the values of other columns.
fn has_keys(relation: &Relation) -> bool {
    match relation {
        Relation::Map { .. } => true,
        Relation::Product(product) => matches!(product.other, Other::Map(_)),
        Relation::Equality { .. } | Relation::Linear(_) | Relation::Concatenation(_) => false,
    }
}

/// Whether a chunk refers to other columns.
pub(super) fn is_related(chunk: &EncodedChunk) -> bool {
    chunk.shared.iter().any(|page| page.kind == SharedKind::References)
}

/// Bytes for each row that a column may take beside copies of it while it is encoded: the numbers of its values, and by a
/// relation keys, entries, ranks.
pub(super) fn scratch(profile: Profile) -> usize {
    if finds_relations(profile) { 48 } else { 4 }
}

/// Bytes for each row and column that numbers of values may take until the block is encoded.
pub(super) fn numbers(options: &WriterOptions) -> usize {
    if finds_relations(options.profile) || !options.relations.is_empty() { 4 } else { 0 }
}

/// Whether relations are looked for.
pub(super) fn finds_relations(profile: Profile) -> bool {
    matches!(profile, Profile::Balanced | Profile::Compact)
}

/// A chunk's bytes with what its shared pages cost beside their own.
fn cost(chunk: &EncodedChunk) -> usize {
    let maps = usize::from(chunk.map.as_ref().is_some_and(|map| map.fresh));
    chunk.byte_len() + (chunk.shared.len() + maps) * SHARED_OVERHEAD
}

/// Whether a column's chunk is enough smaller by a relation than alone.
fn pays(related: &EncodedChunk, alone: &EncodedChunk, profile: Profile) -> bool {
    let percent = match profile {
        Profile::Compact => 98,
        Profile::Fast | Profile::Balanced | Profile::Point => 90,
    };
    cost(related) * 100 <= cost(alone) * percent
}

/// `InvalidArgument` unless relations that are asked for are between columns that can have them.
pub(super) fn check(
    relations: &BTreeMap<u32, Relation>,
    columns: &[(Column, ColumnState)],
) -> Result<()> {
    let flat = |number: &u32| {
        let column = columns.get(*number as usize).map(|(column, _)| column);
        column.is_some_and(|column| {
            let values = column.role == Role::Values && column.repeated_by.is_none();
            values && column.path.len() == 1 && column.data_type.physical() != PhysicalType::Bool
        })
    };
    let physical = |number: &u32| {
        let column = columns.get(*number as usize).map(|(column, _)| column);
        column.map_or(PhysicalType::Bool, |column| column.data_type.physical())
    };
    for (target, relation) in relations {
        let referred = relation.columns();
        let types: Vec<PhysicalType> = referred.iter().map(physical).collect();
        let usable = relation.fits(physical(target), &types)
            && referred.iter().all(|number| flat(number) && !relations.contains_key(number));
        if !(usable && flat(target)) {
            return Err(Error::invalid_argument(format!(
                "column {target} cannot follow from columns {referred:?} as {relation}: these must be others, which follow \
                 from none, of types that it takes, and not nested"
            )));
        }
    }
    Ok(())
}

impl Relations {
    /// The chunk of a column: by its relation where it has one that still pays, and then verified, else alone.
    pub(super) fn encode(
        &self,
        block: Block<'_>,
        column: &Prepared,
        chooser: &mut ChooserState,
    ) -> Result<EncodedChunk> {
        if let Some(relation) = block.options.relations.get(&column.number) {
            let map = self.maps.get(&column.number);
            let related = block.related(column, relation, (map, chooser))?.ok_or_else(|| {
                Error::invalid_argument(format!(
                    "{relation} cannot hold these values; leave the choice to NCF"
                ))
            })?;
            block.verify(column, relation, &related)?;
            return Ok(related);
        }
        let Some(known) = self.known.get(&column.number) else {
            return column.encode(block.options, chooser);
        };
        let relation = &known.relation;
        let mut try_with = |map| {
            // What a reader would refuse: nobody asked for it.
            let related = block.related(column, relation, (map, &mut *chooser));
            related.within_limits().map(Option::flatten)
        };
        let verified = |chunk: &EncodedChunk| {
            block.verify(column, relation, chunk).within_limits().map(|done| done.is_some())
        };
        let fits = |chunk: &EncodedChunk| known.allows(chunk, column.values.len());
        let mut related = try_with(self.maps.get(&column.number))?;
        let joined = |chunk: &EncodedChunk| chunk.map.as_ref().is_some_and(|map| !map.fresh);
        // Frequencies may be others by now, and with them the ranks.
        if related.as_ref().is_some_and(|chunk| joined(chunk) && !fits(chunk)) {
            related = try_with(None)?;
        }
        let related = match related {
            Some(related) if fits(&related) && !known.blocks.is_multiple_of(RECHECK_BLOCKS) => {
                if verified(&related)? {
                    return Ok(related);
                }
                None
            }
            other => other,
        };
        let alone = column.encode(block.options, chooser)?;
        Ok(match related {
            Some(related)
                if pays(&related, &alone, column.encode.profile) && verified(&related)? =>
            {
                related
            }
            _ => alone,
        })
    }

    /// Whether a column has a relation.
    pub(super) fn knows(&self, column: &Prepared) -> bool {
        self.known.contains_key(&column.number)
    }

    /// Whether a column that follows from others needs the numbers of this one.
    pub(super) fn refers_to(&self, column: &Prepared, options: &WriterOptions) -> bool {
        let known = self.known.values().map(|known| &known.relation);
        let mut all = known.chain(options.relations.values());
        all.any(|relation| relation.columns().contains(&column.number))
    }

    /// Begins a block: whether more relations are to be searched in it.
    pub(super) fn begin(&mut self, block: Block<'_>) -> bool {
        self.known.values_mut().for_each(|known| known.blocks += 1);
        let told = !block.options.relations.is_empty();
        let telling = LEAST_ROWS.max(self.searched_rows.saturating_mul(TELLING_TIMES));
        let wanted = finds_relations(block.options.profile) && !told;
        wanted && self.searches < MOST_SEARCHES && block.rows() >= telling
    }

    /// Learns how the columns of a block came out.
    pub(super) fn learn(&mut self, block: Block<'_>, chunks: &[&EncodedChunk]) {
        let before = self.known.len();
        let related = |number: u32| chunks.get(number as usize).is_some_and(|it| is_related(it));
        self.known.retain(|number, _| related(*number));
        if self.known.len() < before {
            self.searched_rows = 0;
        }
        let told = !block.options.relations.is_empty();
        self.maps.retain(|number, _| told || self.known.contains_key(number));
        for (number, chunk) in (0u32..).zip(chunks) {
            if let Some(map) = &chunk.map {
                self.maps.insert(number, map.grown.clone());
            }
        }
    }

    /// Bytes that the maps take in memory.
    pub(super) fn maps_bytes(&self) -> usize {
        self.maps.values().map(GrownMap::byte_len).sum()
    }

    /// Lets later blocks begin maps of their own.
    pub(super) fn forget_maps(&mut self) {
        self.maps.clear();
    }

    /// Searches relations between columns, of which it is known what they take alone, and gives the chunks of those that
    /// have one now, verified, and of those that had to be encoded alone, which are not; `None` for others.
    pub(super) fn search(
        &mut self,
        block: Block<'_>,
        mut alone: Vec<Alone>,
        choosers: &mut [ChooserState],
    ) -> Result<Vec<Option<EncodedChunk>>> {
        self.searches += 1;
        self.searched_rows = block.rows();
        let mut referred: Vec<u32> =
            self.known.values().flat_map(|known| known.relation.columns()).collect();
        let mut related: BTreeMap<usize, EncodedChunk> = BTreeMap::new();
        for found in self.proposals(block, &alone, &referred) {
            block.options.interruption.check()?;
            let columns = found.relation.columns();
            let taken = |number: &u32| self.known.contains_key(number);
            if taken(&found.target) || referred.contains(&found.target) || columns.iter().any(taken)
            {
                continue;
            }
            let at = found.target as usize;
            let (Some(column), Some(alone), Some(chooser)) =
                (block.columns.get(at), alone.get_mut(at), choosers.get_mut(at))
            else {
                continue;
            };
            let name = || block.names.get(at).cloned().unwrap_or_default();
            let smaller = block.smaller(column, &found.relation, alone, chooser);
            let Some(chunk) = smaller.at("column", name)? else { continue };
            referred.extend(columns);
            let (bytes, rows) = (chunk.byte_len(), column.values.len());
            let known = Known { relation: found.relation, bytes, rows, blocks: 0 };
            self.known.insert(found.target, known);
            related.insert(at, chunk);
        }
        let chunk = |(at, alone): (usize, Alone)| related.remove(&at).or_else(|| alone.chunk());
        Ok(alone.into_iter().enumerate().map(chunk).collect())
    }

    /// Relations worth a trial, in the order in which they are tried.
    fn proposals(&self, block: Block<'_>, alone: &[Alone], referred: &[u32]) -> Vec<Found> {
        let both = block.columns.iter().zip(alone);
        let mut columns: Vec<_> = both.filter(|(column, _)| column.may_relate()).collect();
        if columns.len() > MOST_COLUMNS {
            columns.sort_by_key(|(_, alone)| std::cmp::Reverse(alone.byte_len()));
            columns.truncate(MOST_COLUMNS);
            columns.sort_by_key(|(column, _)| column.number);
        }
        let sampled: Vec<Sampled<'_>> = columns
            .into_iter()
            .map(|(column, alone)| {
                let free = !self.known.contains_key(&column.number);
                let open = column.encode.force.is_none() && !referred.contains(&column.number);
                Sampled {
                    number: column.number,
                    values: &column.values,
                    validity: column.validity.as_ref(),
                    bytes: alone.byte_len(),
                    target: free && open,
                    reference: free && column.shows_values(),
                }
            })
            .collect();
        let alone = |number: u32| alone.get(number as usize).map_or(0, Alone::byte_len);
        let mut found = discover(&sampled);
        if block.options.profile != Profile::Compact && block.rows() >= LONG {
            found.retain(|found| found.bytes * 100 <= alone(found.target) * PROMISED);
        }
        later_columns_follow(found, alone)
    }
}

/// Where each of two columns follows from the other about as well, the later one shall: people name first what they
/// look for.
fn later_columns_follow(found: Vec<Found>, alone: impl Fn(u32) -> usize) -> Vec<Found> {
    let saved = |one: &Found| alone(one.target).saturating_sub(one.bytes);
    let (mut waiting, mut ordered) = (found, Vec::new());
    while !waiting.is_empty() {
        let first = waiting.remove(0);
        let reverse = |other: &Found| {
            other.target > first.target
                && first.relation.columns() == [other.target]
                && other.relation.columns() == [first.target]
                && saved(other) >= saved(&first) / 4 * 3
        };
        match waiting.iter().position(reverse) {
            Some(at) => {
                ordered.push(waiting.remove(at));
                waiting.insert(0, first);
            }
            None => ordered.push(first),
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_columns_follow_earlier_ones() {
        let found = |target, column, bytes| Found {
            target,
            relation: Relation::Equality { column },
            bytes,
        };
        let ordered = |found| -> Vec<u32> {
            let ordered = later_columns_follow(found, |_| 1000);
            ordered.iter().map(|found| found.target).collect()
        };
        assert_eq!(ordered(vec![found(1, 2, 100), found(2, 1, 300)]), [2, 1]);
        assert_eq!(ordered(vec![found(1, 2, 100), found(2, 1, 400)]), [1, 2]);
        assert_eq!(ordered(vec![found(2, 1, 100), found(1, 2, 100)]), [2, 1]);
        assert_eq!(ordered(vec![found(0, 3, 10), found(1, 2, 100), found(2, 1, 110)]), [0, 2, 1]);
    }
}
