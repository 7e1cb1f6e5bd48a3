//! Where a column chunk is cut into pages.

use std::ops::Range;

use ncf_core::{Error, Limits, Result, Values};
use ncf_encoding::Profile;

use crate::constants::{PAGE_ROWS, VECTOR_ROWS, ZONE_ROWS};

/// Raw bytes after which a page is closed at the next multiple of 1024 rows.
const CLOSE_BYTES: usize = 8 << 20;
/// Raw bytes of one vector after which a page is closed at any row.
const VECTOR_BYTES: usize = 64 << 20;

/// Row ranges of the pages of a chunk: at most 64 Ki rows each, one zone where single rows are to be read.
pub(super) fn page_ranges(values: &Values, profile: Profile) -> Result<Vec<Range<usize>>> {
    let rows = values.len();
    let most = match profile {
        Profile::Point => ZONE_ROWS,
        Profile::Fast | Profile::Balanced => PAGE_ROWS,
    };
    let Values::Bytes(strings) = values else {
        return Ok(split(0..rows, most));
    };
    let bytes = |range: &Range<usize>| {
        let at = |row: usize| strings.offsets.get(row).copied().unwrap_or_default();
        (at(range.end) - at(range.start)).cast_unsigned() as usize
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
        let pages = page_ranges(&Values::Bytes(strings.iter().collect()), Profile::Fast).unwrap();
        let mut next = 0;
        for page in &pages {
            assert_eq!(page.start, next);
            next = page.end;
        }
        assert_eq!(next, strings.len());
        assert!(pages.contains(&(3000..3001)));
        let bytes = Values::I8(vec![0; 150_000].into());
        let pages = page_ranges(&bytes, Profile::Balanced).unwrap();
        assert_eq!(pages, [0..65_536, 65_536..131_072, 131_072..150_000]);
    }

    #[test]
    fn pages_for_point_reads_are_zones() {
        let numbers = Values::I8(vec![0; 20_000].into());
        let strings = Values::Bytes(std::iter::repeat_n("ab", 20_000).collect());
        for values in [numbers, strings] {
            let pages = page_ranges(&values, Profile::Point).unwrap();
            assert_eq!(pages, [0..8192, 8192..16_384, 16_384..20_000]);
        }
    }
}
