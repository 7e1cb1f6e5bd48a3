//! Where the columns of a field are cut into pages.

use std::ops::Range;

use arrow_buffer::OffsetBuffer;
use ncf_core::{Error, Limits, Result, Values};
use ncf_encoding::Profile;

use super::shred::Shredded;
use crate::constants::{PAGE_ROWS, VECTOR_ROWS, ZONE_ROWS};

/// Raw bytes after which a page is closed at the next multiple of 1024 rows.
const CLOSE_BYTES: usize = 8 << 20;
/// Raw bytes of one vector after which a page is closed at any row.
const VECTOR_BYTES: usize = 64 << 20;

/// Which values of a column belong to rows.
pub(super) fn values_of(offsets: Option<&OffsetBuffer<i32>>, rows: &Range<usize>) -> Range<usize> {
    let Some(offsets) = offsets else { return rows.clone() };
    let at = |row: usize| offsets.get(row).copied().unwrap_or_default().cast_unsigned() as usize;
    at(rows.start)..at(rows.end)
}

/// Row ranges of the pages of a field, the same for all its columns: at most 64 Ki rows each, one zone
/// where single rows are to be read.
pub(super) fn page_ranges(
    rows: usize,
    columns: &[Shredded],
    profile: Profile,
) -> Result<Vec<Range<usize>>> {
    let most = match profile {
        Profile::Point => ZONE_ROWS,
        Profile::Fast | Profile::Balanced | Profile::Compact => PAGE_ROWS,
    };
    let sized =
        |column: &&Shredded| column.rows.is_some() || matches!(column.values, Values::Bytes(_));
    let sized: Vec<&Shredded> = columns.iter().filter(sized).collect();
    if sized.is_empty() {
        return Ok(split(0..rows, most));
    }
    let bytes = |range: &Range<usize>| {
        sized.iter().map(|column| raw_bytes(column, range)).max().unwrap_or(0)
    };
    let mut pages = Vec::new();
    let mut open = 0..0;
    for vector in split(0..rows, VECTOR_ROWS) {
        if bytes(&vector) > VECTOR_BYTES {
            close(&mut pages, &mut open);
            for row in vector.clone() {
                check_value(bytes(&(row..row + 1)))?;
                if bytes(&(open.start..row + 1)) > VECTOR_BYTES {
                    close(&mut pages, &mut open);
                }
                open.end = row + 1;
            }
            close(&mut pages, &mut open);
            continue;
        }
        open.end = vector.end;
        if open.len() >= most || bytes(&open) > CLOSE_BYTES {
            close(&mut pages, &mut open);
        }
    }
    close(&mut pages, &mut open);
    Ok(pages)
}

/// Raw bytes of a column in rows; of strings only the text counts where there is one a row.
fn raw_bytes(column: &Shredded, rows: &Range<usize>) -> usize {
    let values = values_of(column.rows.as_ref(), rows);
    match &column.values {
        Values::Bytes(strings) => {
            let at = |value: usize| strings.offsets.get(value).copied().unwrap_or_default();
            let text = (at(values.end) - at(values.start)).cast_unsigned() as usize;
            text + if column.rows.is_some() { values.len() * 4 } else { 0 }
        }
        fixed => values.len() * fixed.physical().width().unwrap_or(1),
    }
}

fn close(pages: &mut Vec<Range<usize>>, open: &mut Range<usize>) {
    if open.start < open.end {
        pages.push(open.clone());
    }
    open.start = open.end;
}

fn split(range: Range<usize>, step: usize) -> Vec<Range<usize>> {
    let end = range.end;
    range.step_by(step).map(|start| start..(start + step).min(end)).collect()
}

fn check_value(bytes: usize) -> Result<()> {
    let limit = Limits::DEFAULT.value_bytes;
    if bytes as u64 > limit {
        return Err(Error::limit_exceeded("bytes of a value", bytes as u64, limit));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_tile_the_rows_and_stay_small() {
        let long = "x".repeat(20_000);
        let huge = "y".repeat(70 << 20);
        let mut strings = vec![long.as_str(); 3000];
        strings.push(&huge);
        strings.push("");
        let flat = |values: Values| [Shredded { values, validity: None, rows: None }];
        let texts = flat(Values::Bytes(strings.iter().collect()));
        let pages = page_ranges(strings.len(), &texts, Profile::Fast).unwrap();
        let mut next = 0;
        for page in &pages {
            assert_eq!(page.start, next);
            next = page.end;
        }
        assert_eq!(next, strings.len());
        assert!(pages.contains(&(3000..3001)));
        let bytes = flat(Values::I8(vec![0; 150_000].into()));
        let pages = page_ranges(150_000, &bytes, Profile::Balanced).unwrap();
        assert_eq!(pages, [0..65_536, 65_536..131_072, 131_072..150_000]);
        // 100 numbers a row: pages are closed by their bytes.
        let rows = OffsetBuffer::from_lengths(std::iter::repeat_n(100, 30_000));
        let values = Values::I64(vec![7; 3_000_000].into());
        let lists = [Shredded { values, validity: None, rows: Some(rows) }];
        let pages = page_ranges(30_000, &lists, Profile::Fast).unwrap();
        assert_eq!(pages[0], 0..11_264);
        assert_eq!(values_of(lists[0].rows.as_ref(), &pages[0]), 0..1_126_400);
    }

    #[test]
    fn pages_for_point_reads_are_zones() {
        let numbers = Values::I8(vec![0; 20_000].into());
        let strings = Values::Bytes(std::iter::repeat_n("ab", 20_000).collect());
        for values in [numbers, strings] {
            let columns = [Shredded { values, validity: None, rows: None }];
            let pages = page_ranges(20_000, &columns, Profile::Point).unwrap();
            assert_eq!(pages, [0..8192, 8192..16_384, 16_384..20_000]);
        }
    }
}
