//! Encoding the columns of a block, on as many threads as there are. What comes out does not depend on their number.

use arrow_array::ArrayRef;
use ncf_core::{Column, Field, Result, ResultExt};
use ncf_encoding::{ChooserState, EncodedChunk};

use super::block::{Alone, EncodedColumn, Prepared, prepare_field};
use super::relations::{Block, Relations, is_related};
use super::{WriterOptions, clustering, filter};
use crate::clustering::OrderCheck;

/// One block's work.
pub(super) struct Work<'a> {
    pub(super) options: &'a WriterOptions,
    pub(super) pool: Option<&'a rayon::ThreadPool>,
    /// The block's number.
    pub(super) block: usize,
}

/// A field of a block.
pub(super) struct Job<'a> {
    pub(super) pieces: Vec<ArrayRef>,
    pub(super) field: &'a Field,
    /// Number of its first stored column.
    pub(super) first: u32,
    pub(super) columns: &'a [&'a Column],
}

impl Work<'_> {
    /// The encoded columns of all fields, in their order; `order` is asked about the rows. There is a chooser for each
    /// stored column.
    pub(super) fn encode(
        &self,
        jobs: Vec<Job<'_>>,
        names: &[String],
        (choosers, relations): (&mut Vec<ChooserState>, &mut Relations),
        order: &mut OrderCheck,
    ) -> Result<Vec<EncodedColumn>> {
        let prepared = self.each(jobs, |job: Job<'_>| {
            let name = || job.field.name.clone();
            let Job { pieces, field, first, columns } = job;
            prepare_field(pieces, field, first, columns, self.options)
                .at("column", name)
                .at("block", || self.block)
        })?;
        let columns: Vec<Prepared> = prepared.into_iter().flatten().collect();
        clustering::add(order, &columns);
        let block = Block { columns: &columns, names, options: self.options };
        let name = |column: &Prepared| names.get(column.number as usize).cloned();
        let mut ready: Vec<Option<EncodedChunk>> = columns.iter().map(|_| None).collect();
        if relations.begin(block) {
            let waiting: Vec<_> = columns.iter().zip(&mut *choosers).collect();
            let known = &*relations;
            let alone = self.each(waiting, |(column, chooser)| {
                if known.knows(column) || !column.may_relate() {
                    return Ok(Alone::About(0));
                }
                column
                    .alone(self.options, chooser)
                    .at("column", || name(column).unwrap_or_default())
                    .at("block", || self.block)
            })?;
            ready = relations.search(block, alone, choosers).at("block", || self.block)?;
        }
        let known = &*relations;
        let waiting: Vec<_> = columns.iter().zip(std::mem::take(choosers)).zip(ready).collect();
        let encoded = self.each(waiting, |((column, mut chooser), ready)| {
            ready
                .map_or_else(|| known.encode(block, column, &mut chooser), Ok)
                .and_then(|chunk| column.finish(chunk, known.refers_to(column, self.options)))
                .at("column", || name(column).unwrap_or_default())
                .at("block", || self.block)
                .map(|encoded| (encoded, chooser))
        })?;
        let (mut encoded, learned): (Vec<EncodedColumn>, Vec<ChooserState>) =
            encoded.into_iter().unzip();
        *choosers = learned;
        let chunks: Vec<_> = encoded.iter().map(|column| &column.chunk).collect();
        relations.learn(block, &chunks);
        let alone = columns.iter().zip(&encoded);
        let alone: Vec<_> = alone.filter(|(_, encoded)| !is_related(&encoded.chunk)).collect();
        self.each(alone, |(column, encoded)| {
            column
                .verify(self.options, &encoded.chunk)
                .at("column", || name(column).unwrap_or_default())
                .at("block", || self.block)
        })?;
        let chosen = filter::choose(&columns, &encoded);
        let built = self
            .each(chosen, |at| Ok((at, columns.get(at).map(filter::build).unwrap_or_default())))?;
        filter::add(&columns, &mut encoded, built);
        Ok(encoded)
    }

    /// `each` of the jobs, in their order.
    fn each<T: Send, R: Send>(
        &self,
        jobs: Vec<T>,
        each: impl Fn(T) -> Result<R> + Sync + Send,
    ) -> Result<Vec<R>> {
        match self.pool {
            None => jobs.into_iter().map(each).collect(),
            Some(pool) => {
                use rayon::prelude::*;
                pool.install(|| jobs.into_par_iter().map(each).collect())
            }
        }
    }
}
