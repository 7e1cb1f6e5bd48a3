//! Sets of vectors or rows as runs.

use std::ops::Range;

/// Runs in any order as runs in order, of which no two meet.
pub fn union(mut runs: Vec<Range<u64>>) -> Vec<Range<u64>> {
    runs.retain(|run| !run.is_empty());
    runs.sort_unstable_by_key(|run| run.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(runs.len());
    for run in runs {
        match joined.last_mut() {
            Some(last) if run.start <= last.end => last.end = last.end.max(run.end),
            _ => joined.push(run),
        }
    }
    joined
}

/// What two sets of runs, in order and apart, have in common.
pub fn intersection<T: Ord + Copy>(a: &[Range<T>], b: &[Range<T>]) -> Vec<Range<T>> {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut common = Vec::new();
    while let (Some(left), Some(right)) = (a.peek(), b.peek()) {
        let both = left.start.max(right.start)..left.end.min(right.end);
        if !both.is_empty() {
            common.push(both);
        }
        if left.end < right.end {
            a.next()
        } else {
            b.next()
        };
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_sets() {
        let joined = union(vec![5..7, 0..2, 2..3, 6..9, 4..4, 20..21]);
        assert_eq!(joined, [0..3, 5..9, 20..21]);
        assert_eq!(intersection(&joined, &[1..6, 8..30]), [1..3, 5..6, 8..9, 20..21]);
        assert_eq!(intersection(&joined, &[]), []);
    }
}
