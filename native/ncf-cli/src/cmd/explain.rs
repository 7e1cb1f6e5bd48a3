//! `ncf info --explain`: what a page of a column needs in every encoding that can hold it, and which profile takes which.

use std::time::Instant;

use ncf::encoding::{
    ChooserState, ChunkInput, EncodeOptions, EncodedChunk, Numbering, SharedKind, all, decode_page,
    encode_chunk,
};
use ncf::{
    Budget, EncodingId, Error, ErrorKind, FileReader, Interruption, Limits, PageRef, Profile,
    Result, Values,
};
use serde::Serialize;

/// Times that a page is decoded; the least counts.
const DECODES: usize = 3;

/// One way to store a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alternative {
    /// The tree of encodings.
    pub(super) encoding: String,
    /// Of the page, with the shared pages that it would need alone.
    pub(super) bytes: usize,
    /// To decode one value, here and now.
    pub(super) decode_nanos: f64,
    /// Profiles that choose it; `this file` for a page that follows from other columns, as it is stored.
    pub(super) profiles: Vec<String>,
}

/// What the middle page of a stored column needs in each encoding, the smallest first, as if the page were all of the
/// column; where it follows from other columns, as it is stored as well, with its share of the shared pages. Empty for
/// columns without rows.
pub(super) fn alternatives(reader: &FileReader, stored: usize) -> Result<Vec<Alternative>> {
    let meta = reader.column(stored)?;
    let block = meta.blocks.len() / 2;
    let pages = meta.blocks.get(block).map_or(0, |chunk| chunk.pages.len());
    let page = PageRef { column: stored, block, page: pages / 2 };
    if pages == 0 {
        return Ok(Vec::new());
    }
    let decoded = reader.read_pages(&[page])?.pop();
    let decoded = decoded.ok_or_else(|| Error::internal("a page was not read"))?;
    let values = reader.flat(page, decoded.values)?;
    let rows = 0..values.len();
    let input = ChunkInput {
        values: &values,
        validity: decoded.validity.as_ref(),
        pages: std::slice::from_ref(&rows),
        numbering: &Numbering::default(),
        interruption: &Interruption::default(),
    };
    let mut found: Vec<Alternative> = Vec::new();
    let forced = all().iter().map(|encoding| (Profile::Balanced, Some(encoding.id())));
    let chosen = Profile::NAMES.iter().map(|(profile, _)| (*profile, None));
    for (profile, force) in chosen.chain(forced) {
        add(&input, profile, force, &mut found)?;
    }
    found.extend(stored_by_reference(reader, page)?);
    found.sort_by_key(|alternative| alternative.bytes);
    Ok(found)
}

/// A page that refers to other columns, as it is stored: no encoding by force gives it.
fn stored_by_reference(reader: &FileReader, page: PageRef) -> Result<Option<Alternative>> {
    let meta = reader.column(page.column)?;
    let chunk = meta.chunk(page.block)?;
    let Some(stored) = chunk.pages.get(page.page) else { return Ok(None) };
    if !chunk.shared.iter().any(|page| page.kind == SharedKind::References) {
        return Ok(None);
    }
    let own: usize = chunk.own_shared().map(|page| page.length as usize).sum();
    let shared = own + usize::try_from(meta.map_share(page.block)).unwrap_or(usize::MAX);
    let mut least = f64::INFINITY;
    for _ in 0..DECODES {
        let start = Instant::now();
        let decoded = reader.read_pages(&[page])?;
        for decoded in decoded {
            reader.flat(page, decoded.values)?;
        }
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok(Some(Alternative {
        encoding: meta.trees.get(usize::from(stored.tree)).cloned().unwrap_or_default(),
        bytes: stored.length as usize + shared / chunk.pages.len().max(1),
        decode_nanos: least * 1e9 / f64::from(stored.rows.max(1)),
        profiles: vec!["this file".to_owned()],
    }))
}

fn add(
    input: &ChunkInput<'_>,
    profile: Profile,
    force: Option<EncodingId>,
    found: &mut Vec<Alternative>,
) -> Result<()> {
    let options = EncodeOptions { profile, force };
    let chunk = match encode_chunk(input, &options, &mut ChooserState::default()) {
        Ok(chunk) => chunk,
        // An encoding that cannot hold the values.
        Err(error) if error.kind() == ErrorKind::InvalidArgument => return Ok(()),
        Err(error) => return Err(error),
    };
    let bytes = chunk.byte_len();
    let tree = chunk.pages.first().map(|page| page.tree.clone()).unwrap_or_default();
    let name = force.is_none().then(|| profile.to_string());
    let same = |have: &&mut Alternative| have.encoding == tree && have.bytes == bytes;
    if let Some(have) = found.iter_mut().find(same) {
        have.profiles.extend(name);
        return Ok(());
    }
    let decode_nanos = decode_nanos(input.values, &chunk)?;
    let profiles = name.into_iter().collect();
    found.push(Alternative { encoding: tree, bytes, decode_nanos, profiles });
    Ok(())
}

/// The least time of decoding the page to one value per row, for each row.
fn decode_nanos(values: &Values, chunk: &EncodedChunk) -> Result<f64> {
    let physical = values.physical();
    let budget = || Budget::new(Limits::DEFAULT.page_bytes);
    let shared = chunk.shared_pages(physical, &budget())?;
    let mut least = f64::INFINITY;
    for _ in 0..DECODES {
        let start = Instant::now();
        for page in &chunk.pages {
            let page = decode_page(&page.bytes, physical, values.len(), false, &shared, &budget())?;
            page.values.into_flat(&budget())?;
        }
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok(least * 1e9 / values.len().max(1) as f64)
}
