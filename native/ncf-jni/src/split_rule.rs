//! How splits become tasks: Spark's settings for files (`FilePartition.maxSplitBytes`), with blocks in the
//! place of files. A block is what can be read on its own, and its compressed bytes, of few columns at
//! that, say little of the work that it takes; so each counts as much more as Spark adds for a file.
//!
//! Where a task for each core is not enough, there are as many for each core as it takes: tasks of one
//! size in whole rounds leave no core idle in the last one.

use ncf::dataset::Split;

use crate::request::PlannedSplit;

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
    /// Neighbours in a task become one split.
    pub(crate) fn assign(self, splits: Vec<Split>) -> Vec<PlannedSplit> {
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
            if task_cost > 0 && (reached != share || is_full) {
                task += 1;
                task_cost = 0;
            }
            share = reached;
            before = before.saturating_add(cost);
            task_cost = task_cost.saturating_add(cost);
            match planned.last_mut() {
                Some(last) if last.task == task && continues(&last.split, &split) => {
                    last.split.blocks.end = split.blocks.end;
                    last.split.rows = last.split.rows.saturating_add(split.rows);
                    last.split.bytes = last.split.bytes.saturating_add(split.bytes);
                }
                _ => planned.push(PlannedSplit { split, task }),
            }
        }
        planned
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
        // At least 1: blocks must not be free, or one task would get them all.
        split.bytes.saturating_add(opening).max(1)
    }
}

fn continues(before: &Split, after: &Split) -> bool {
    before.file == after.file && before.blocks.end == after.blocks.start
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn blocks(file: &str, bytes: &[u64]) -> Vec<Split> {
        let split = |(at, bytes): (usize, &u64)| Split {
            file: file.to_owned(),
            uuid: String::new(),
            blocks: at..at + 1,
            rows: 10,
            bytes: *bytes,
            digest: None,
            partition_values: BTreeMap::new(),
        };
        bytes.iter().enumerate().map(split).collect()
    }

    /// The blocks of each split, and its task.
    fn assigned(rule: SplitRule, splits: Vec<Split>) -> Vec<(std::ops::Range<usize>, u64)> {
        let planned = rule.assign(splits);
        planned.iter().map(|part| (part.split.blocks.clone(), part.task)).collect()
    }

    #[test]
    fn each_core_gets_its_share() {
        let rule = SplitRule { max_bytes: 1000, open_cost: 100, parallelism: 2 };
        let planned = rule.assign(blocks("a", &[1; 10]));
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
    fn only_neighbours_of_one_file_are_joined() {
        let rule = SplitRule { max_bytes: 1000, open_cost: 1, parallelism: 1 };
        let mut splits = blocks("a", &[1, 1, 1]);
        splits.remove(1);
        splits.extend(blocks("b", &[1, 2000]));
        let tasks: Vec<_> = assigned(rule, splits).into_iter().map(|(_, task)| task).collect();
        assert_eq!(tasks, [0, 0, 0, 1]);
    }
}
