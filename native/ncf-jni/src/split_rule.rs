//! How splits become tasks: Spark's settings for files (`FilePartition.maxSplitBytes`), with blocks in the
//! place of files. A block is what can be read on its own, and its compressed bytes, of few columns at
//! that, say little of the work that it takes; so each counts as much more as Spark adds for a file. Where few rows of a
//! block are left it counts that much less, but never as less than a sixteenth of a block, a page's share: to find few
//! rows in many places is for few tasks.
//!
//! Where a task for each core is not enough, there are as many for each core as it takes: tasks of one
//! size in whole rounds leave no core idle in the last one.

use ncf::SortKey;
use ncf::dataset::{CommonOrder, Plan, Split};

use crate::request::PlannedSplit;

/// The least that a block counts is one of so many parts.
const LEAST_SHARE: u64 = 16;

/// Sizes in bytes.
#[derive(Clone, Copy)]
pub(crate) struct SplitRule {
    /// Most that a task's splits cost together, unless one block costs more.
    pub(crate) max_bytes: u64,
    /// What a block costs besides its bytes.
    pub(crate) open_cost: u64,
    /// Tasks that can run at the same time.
    pub(crate) parallelism: u64,
}

impl SplitRule {
    /// Cuts `splits`, of one block each and in the order of the files, into tasks of about one cost.
    /// Those of one file in a task become one split, which is opened once. A task ends where `parts` says so of two
    /// neighbours.
    pub(crate) fn assign(
        self,
        splits: Vec<Split>,
        parts: &dyn Fn(&Split, &Split) -> bool,
    ) -> Vec<PlannedSplit> {
        let total = splits.iter().fold(0, |sum: u64, split| sum.saturating_add(self.cost(split)));
        let tasks = self.tasks(total);
        let mut planned: Vec<PlannedSplit> = Vec::new();
        let (mut before, mut share, mut task, mut task_cost) = (0_u64, 0, 0, 0_u64);
        for split in splits {
            let cost = self.cost(&split);
            // Where the middle of the block lies, counted in shares of the whole.
            let middle = u128::from(before) + u128::from(cost / 2);
            let reached = middle * u128::from(tasks) / u128::from(total.max(1));
            let is_full = task_cost.saturating_add(cost) > self.max_bytes;
            let apart = planned.last().is_some_and(|last| parts(&last.split, &split));
            if task_cost > 0 && (reached != share || is_full || apart) {
                task += 1;
                task_cost = 0;
            }
            share = reached;
            before = before.saturating_add(cost);
            task_cost = task_cost.saturating_add(cost);
            match planned.last_mut() {
                Some(last) if last.task == task && last.split.continues_in(&split) => {
                    last.split.append(split);
                }
                _ => planned.push(PlannedSplit { split, task }),
            }
        }
        planned
    }

    /// As [`Self::assign`], of the splits of a plan, which it takes, with the order that the rows of each task are in. Unless it
    /// `must` be, none where tasks would be more than without an order, and than can run at a time: of a look-up, which
    /// leaves out most and has seldom a use for an order, more than without.
    pub(crate) fn assign_in_order(
        self,
        plan: &mut Plan,
        must: bool,
    ) -> (Vec<PlannedSplit>, Vec<SortKey>) {
        let common = CommonOrder::of(plan);
        let pruned = plan.files_pruned + plan.blocks_pruned + plan.vectors_pruned > 0;
        let most = if pruned { 0 } else { self.parallelism };
        let mut splits = std::mem::take(&mut plan.splits);
        let as_ever = |splits| self.assign(splits, &|_, _| false);
        if common.keys.is_empty() {
            return (as_ever(splits), Vec::new());
        }
        let usual = as_ever(splits.clone());
        let in_order = usual.is_sorted_by(|before, after| {
            before.task != after.task || common.follows(&before.split, &after.split)
        });
        if in_order {
            return (usual, common.keys);
        }
        common.arrange(&mut splits);
        let ordered = self.assign(splits, &|before, after| !common.follows(before, after));
        let tasks = |planned: &[PlannedSplit]| planned.last().map_or(0, |last| last.task + 1);
        if must || tasks(&ordered) <= tasks(&usual).max(most) {
            (ordered, common.keys)
        } else {
            (usual, Vec::new())
        }
    }

    /// How many tasks share a whole.
    fn tasks(self, total: u64) -> u64 {
        let cores = self.parallelism.max(1);
        if total.div_ceil(cores) <= self.open_cost {
            return total.div_ceil(self.open_cost.max(1)).max(1);
        }
        let round = self.max_bytes.max(1).saturating_mul(cores);
        total.div_ceil(round).saturating_mul(cores)
    }

    fn cost(self, split: &Split) -> u64 {
        let opening = self.open_cost.saturating_mul(split.blocks.len() as u64);
        let part =
            u128::from(opening) * u128::from(split.rows) / u128::from(split.block_rows.max(1));
        let part = u64::try_from(part).unwrap_or(u64::MAX);
        // At least 1: blocks must not be free, or one task would get them all.
        split.bytes.saturating_add(part.clamp(opening / LEAST_SHARE, opening)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ncf::dataset::FileOrder;
    use ncf::{ColumnBounds, Scalar};

    use super::*;

    fn blocks(file: &str, bytes: &[u64]) -> Vec<Split> {
        let split = |(at, bytes): (usize, &u64)| Split {
            file: file.to_owned(),
            uuid: String::new(),
            blocks: at..at + 1,
            row_runs: std::iter::once(at as u64 * 10..at as u64 * 10 + 10).collect(),
            rows: 10,
            block_rows: 10,
            bytes: *bytes,
            digest: None,
            partition_values: BTreeMap::new(),
        };
        bytes.iter().enumerate().map(split).collect()
    }

    /// The blocks of each split, and its task.
    fn assigned(rule: SplitRule, splits: Vec<Split>) -> Vec<(std::ops::Range<usize>, u64)> {
        let planned = rule.assign(splits, &|_, _| false);
        planned.iter().map(|part| (part.split.blocks.clone(), part.task)).collect()
    }

    #[test]
    fn each_core_gets_its_share() {
        let rule = SplitRule { max_bytes: 1000, open_cost: 100, parallelism: 2 };
        let planned = rule.assign(blocks("a", &[1; 10]), &|_, _| false);
        let ranges: Vec<_> = planned.iter().map(|part| part.split.blocks.clone()).collect();
        assert_eq!(ranges, [0..5, 5..10]);
        assert_eq!((planned[0].split.rows, planned[0].split.bytes), (50, 5));
        // A file that is a little larger than its share leaves no task for the rest alone.
        let mut splits = blocks("a", &[100, 100, 100, 5]);
        splits.extend(blocks("b", &[100, 100, 95]));
        let rule = SplitRule { max_bytes: 1000, open_cost: 4, parallelism: 2 };
        assert_eq!(assigned(rule, splits), [(0..3, 0), (3..4, 1), (0..3, 1)]);
    }

    #[test]
    fn tasks_come_in_whole_rounds_of_no_more_than_allowed() {
        let rule = SplitRule { max_bytes: 100, open_cost: 1, parallelism: 2 };
        let planned = assigned(rule, blocks("a", &[9; 25]));
        let sizes: Vec<_> = planned.iter().map(|(blocks, _)| blocks.len()).collect();
        assert_eq!(sizes, [6, 6, 7, 6]);
        let planned = assigned(rule, blocks("a", &[59; 5]));
        let sizes: Vec<_> = planned.iter().map(|(blocks, _)| blocks.len()).collect();
        assert_eq!(sizes, [1; 5], "two would be more than 100");
        assert_eq!(assigned(rule, blocks("a", &[5000])), [(0..1, 0)]);
    }

    #[test]
    fn little_work_is_for_few_tasks() {
        let rule = SplitRule { max_bytes: 1000, open_cost: 100, parallelism: 50 };
        assert_eq!(assigned(rule, blocks("a", &[1; 3])).len(), 3);
        let rule = SplitRule { max_bytes: 1000, open_cost: 0, parallelism: 2 };
        assert_eq!(assigned(rule, blocks("a", &[0; 4])), [(0..2, 0), (2..4, 1)]);
        assert_eq!(assigned(rule, Vec::new()), []);
    }

    #[test]
    fn what_a_task_reads_of_a_file_is_one_split() {
        let rule = SplitRule { max_bytes: 1000, open_cost: 1, parallelism: 1 };
        let mut splits = blocks("a", &[1, 1, 1]);
        splits.remove(1);
        splits.extend(blocks("b", &[1, 2000]));
        let planned = rule.assign(splits, &|_, _| false);
        let tasks: Vec<_> =
            planned.iter().map(|part| (part.split.blocks.clone(), part.task)).collect();
        assert_eq!(tasks, [(0..3, 0), (0..1, 0), (1..2, 1)]);
        assert_eq!(planned[0].split.row_runs, [0..10, 20..30]);
        assert_eq!((planned[0].split.rows, planned[0].split.block_rows), (20, 20));
    }

    #[test]
    fn few_rows_of_many_blocks_are_for_few_tasks() {
        let rule = SplitRule { max_bytes: 10_000, open_cost: 1600, parallelism: 100 };
        let mut splits = blocks("a", &[1; 64]);
        assert_eq!(assigned(rule, splits.clone()).len(), 64);
        for split in &mut splits {
            split.block_rows = 1000;
        }
        // A page's share each.
        assert_eq!(assigned(rule, splits.clone()).len(), 5);
        assert_eq!(assigned(rule, splits.into_iter().take(15).collect()).len(), 1);
    }

    fn ordered(files: &[(&str, i32, i32)]) -> Plan {
        let key = SortKey { column: "k".into(), descending: false, nulls_first: true };
        let order = |(file, min, max): &(&str, i32, i32)| FileOrder {
            file: (*file).to_owned(),
            keys: vec![key.clone()],
            bounds: ColumnBounds {
                min: Some(Scalar::Int(*min)),
                max: Some(Scalar::Int(*max)),
                nulls: Some(0),
                nans: Some(0),
                exact: true,
            },
        };
        let splits = files.iter().flat_map(|(file, ..)| blocks(file, &[1, 1])).collect();
        Plan { splits, orders: files.iter().map(order).collect(), ..Plan::default() }
    }

    #[test]
    fn tasks_keep_the_order_of_files_where_that_costs_nothing() {
        let rule = |parallelism| SplitRule { max_bytes: 1000, open_cost: 100, parallelism };
        let files = |planned: &[PlannedSplit]| -> Vec<(String, u64)> {
            planned.iter().map(|part| (part.split.file.clone(), part.task)).collect()
        };
        let place = |file: &str, task| (file.to_owned(), task);
        // In the order of keys, whatever the order of the files was.
        let (planned, keys) =
            rule(1).assign_in_order(&mut ordered(&[("b", 5, 9), ("a", 1, 5)]), false);
        assert_eq!(files(&planned), [place("a", 0), place("b", 0)]);
        assert_eq!(keys.len(), 1);
        // Files that overlap: a task each, where so many can run.
        let overlapping = [("a", 1, 6), ("b", 5, 9), ("c", 2, 3)];
        let (planned, keys) = rule(3).assign_in_order(&mut ordered(&overlapping), false);
        assert_eq!((planned.len(), keys.len()), (3, 1));
        assert!(planned.is_sorted_by(|a, b| a.task < b.task));
        let (planned, keys) = rule(1).assign_in_order(&mut ordered(&overlapping), false);
        assert_eq!((planned.last().unwrap().task, keys.len()), (0, 0));
        let (planned, keys) = rule(1).assign_in_order(&mut ordered(&overlapping), true);
        // a, then c and b, which follow one another.
        assert_eq!((planned.last().unwrap().task, keys.len()), (1, 1));
    }
}
