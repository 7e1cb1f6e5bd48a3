//! Seals damaged files again: computes every checksum anew, so that damage reaches the decoders. Written
//! after `docs/spec/format.md`, not with the library's own code.

const TRAILER: usize = 128;
const RECORD: usize = 40;
const NONE: u32 = u32::MAX;
const DATA_PAGE: u32 = 1;
const SHARED_PAGE: u32 = 2;
const COLUMN_META: u32 = 19;
const FILTER_PAGE: u32 = 3;
const MAP_PAGE: u32 = 4;
/// The kind of a shared page that is a map.
const MAP: u32 = 6;
const FILTERS: u32 = 23;
const DIRECTORY: u32 = 22;

/// Where the parts of a file are.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// Shared and data pages.
    pub pages: Vec<std::ops::Range<usize>>,
    /// Metadata records, stored bytes, with their kind.
    pub records: Vec<(u32, std::ops::Range<usize>)>,
    /// Filter pages.
    pub filters: Vec<std::ops::Range<usize>>,
    /// The directory.
    pub directory: std::ops::Range<usize>,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<usize> {
    let number = u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?);
    usize::try_from(number).ok()
}

fn put(bytes: &mut [u8], at: usize, crc: u32) {
    bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes());
}

fn piece(bytes: &[u8], range: std::ops::Range<usize>, ids: [u32; 4]) -> u32 {
    let trailer = bytes.len() - TRAILER;
    let mut crc = crc32c::crc32c(&bytes[trailer + 48..trailer + 64]);
    for id in ids {
        crc = crc32c::crc32c_append(crc, &id.to_le_bytes());
    }
    crc32c::crc32c_append(crc, &bytes[range])
}

/// Finds the parts of a file, as far as its offsets make sense.
pub fn parts(bytes: &[u8]) -> Parts {
    let mut parts = Parts::default();
    let Some(trailer) = bytes.len().checked_sub(TRAILER) else { return parts };
    let (Some(start), Some(len)) = (u64_at(bytes, trailer), u32_at(bytes, trailer + 8)) else {
        return parts;
    };
    let Some(end) = start.checked_add(len as usize).filter(|end| *end <= trailer) else {
        return parts;
    };
    parts.directory = start..end;
    for at in (start..end).step_by(RECORD).filter(|at| at + RECORD <= end) {
        let range = u64_at(bytes, at + 8).zip(u64_at(bytes, at + 16)).and_then(|(from, len)| {
            let to = from.checked_add(len)?;
            (to <= trailer).then_some(from..to)
        });
        let (Some(range), Some(kind)) = (range, u32_at(bytes, at)) else { continue };
        if kind == COLUMN_META {
            visit_pages(bytes, &range, |page, _, _| parts.pages.push(page));
        }
        if kind == FILTERS {
            visit_filters(bytes, &range, |page, _, _| parts.filters.push(page));
        }
        parts.records.push((kind, range));
    }
    parts
}

/// Calls `each` with the bytes of every page of a column meta record that is not compressed: where they
/// are, where their checksum is, and kind, block and number.
fn visit_pages(
    bytes: &[u8],
    record: &std::ops::Range<usize>,
    mut each: impl FnMut(std::ops::Range<usize>, usize, [u32; 3]),
) -> Option<()> {
    let limit = bytes.len() - TRAILER;
    let (blocks, trees) = (u32_at(bytes, record.start)?, u32_at(bytes, record.start + 4)?);
    let mut at = record.start + 8;
    for _ in 0..trees {
        let len = u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?);
        at += 2 + usize::from(len);
    }
    let counts = |at: usize| (0..blocks).map(move |block| u32_at(bytes, at + block as usize * 4));
    if (blocks as usize).checked_mul(8)?.checked_add(at)? > record.end {
        return None;
    }
    let shared: Vec<u32> = counts(at).collect::<Option<_>>()?;
    let data: Vec<u32> = counts(at + blocks as usize * 4).collect::<Option<_>>()?;
    at += blocks as usize * 8;
    // Bytes of the arrays before the checksums: offset, length, and two or one more numbers.
    for (kind, counts, before, after) in
        [(SHARED_PAGE, shared, 8 + 4 + 4 + 4, 0), (DATA_PAGE, data, 8 + 4 + 4, 2)]
    {
        let total: usize = counts.iter().map(|count| *count as usize).sum();
        if total.checked_mul(before + 4 + after)?.checked_add(at)? > record.end {
            return None;
        }
        let mut page = 0;
        for (block, count) in counts.iter().enumerate() {
            for number in 0..*count {
                let start = u64_at(bytes, at + page * 8)?;
                let length = u32_at(bytes, at + total * 8 + page * 4)? as usize;
                let crc = at + total * before + page * 4;
                let is_map =
                    kind == SHARED_PAGE && u32_at(bytes, at + total * 12 + page * 4)? == MAP;
                let id = if is_map { [MAP_PAGE, NONE, NONE] } else { [kind, block as u32, number] };
                if let Some(end) = start.checked_add(length).filter(|end| *end <= limit) {
                    each(start..end, crc, id);
                }
                page += 1;
            }
        }
        at += total * (before + 4 + after);
    }
    Some(())
}

/// As [`visit_pages`], of the filter pages of a filters record that is not compressed.
fn visit_filters(
    bytes: &[u8],
    record: &std::ops::Range<usize>,
    mut each: impl FnMut(std::ops::Range<usize>, usize, [u32; 3]),
) -> Option<()> {
    let limit = bytes.len() - TRAILER;
    let blocks = u32_at(bytes, record.start)? as usize;
    let counts = record.start + 4;
    let offsets = blocks.checked_mul(4)?.checked_add(counts).filter(|at| *at <= record.end)?;
    let counts: Vec<u32> =
        (0..blocks).map(|block| u32_at(bytes, counts + block * 4)).collect::<Option<_>>()?;
    let total: usize = counts.iter().map(|count| *count as usize).sum();
    total.checked_mul(16)?.checked_add(offsets).filter(|end| *end <= record.end)?;
    let mut page = 0;
    for (block, count) in counts.iter().enumerate() {
        for number in 0..*count {
            let start = u64_at(bytes, offsets + page * 8)?;
            let length = u32_at(bytes, offsets + total * 8 + page * 4)? as usize;
            let crc = offsets + total * 12 + page * 4;
            if let Some(end) = start.checked_add(length).filter(|end| *end <= limit) {
                each(start..end, crc, [FILTER_PAGE, block as u32, number]);
            }
            page += 1;
        }
    }
    Some(())
}

/// Computes every checksum that can be found anew.
pub fn reseal(bytes: &mut [u8]) {
    let Some(trailer) = bytes.len().checked_sub(TRAILER) else { return };
    let directory = parts(bytes).directory;
    for at in directory.clone().step_by(RECORD).filter(|at| at + RECORD <= directory.end) {
        let (Some(kind), Some(column)) = (u32_at(bytes, at), u32_at(bytes, at + 4)) else {
            continue;
        };
        let range = u64_at(bytes, at + 8).zip(u64_at(bytes, at + 16));
        let range = range.and_then(|(from, len)| Some(from..from.checked_add(len)?));
        let Some(range) = range.filter(|range| range.end <= trailer) else { continue };
        if kind == COLUMN_META || kind == FILTERS {
            let mut seals = Vec::new();
            let seal = |page, crc, [kind, block, number]: [u32; 3]| {
                seals.push((crc, piece(bytes, page, [kind, column, block, number])));
            };
            match kind {
                FILTERS => visit_filters(bytes, &range, seal),
                _ => visit_pages(bytes, &range, seal),
            };
            seals.into_iter().for_each(|(at, crc)| put(bytes, at, crc));
        }
        let crc = piece(bytes, range, [kind, column, NONE, NONE]);
        put(bytes, at + 32, crc);
    }
    let crc = piece(bytes, directory, [DIRECTORY, NONE, NONE, NONE]);
    put(bytes, trailer + 12, crc);
    let crc = crc32c::crc32c(&bytes[trailer..trailer + 120]);
    put(bytes, trailer + 120, crc);
    if bytes.len() >= 256 + TRAILER {
        let crc = crc32c::crc32c(&bytes[..252]);
        put(bytes, 252, crc);
    }
}
