//! Names of data files: unique without coordination, and telling which version their writer read.

use std::fmt::Write;

use ncf_core::{Error, Result};
use uuid::Uuid;

use crate::layout;

/// The folder name of a null partition value, as in Hive.
const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";
/// Bytes of the longest folder name of one partition value before it is shortened.
const MAX_FOLDER_BYTES: usize = 120;
/// Bytes of all folder names together before they are replaced by their hash.
const MAX_FOLDERS_BYTES: usize = 800;

/// A new id of a writing job: a UUID whose text sorts by time.
pub fn new_job_id() -> String {
    Uuid::now_v7().to_string()
}

/// The path of a new data file, relative to the table:
/// `data/<column>=<value>/…/r<read version>-<job>-<part>-<task>-<seq>.ncf`.
///
/// - `partition`: column and Hive text of each partition value, `None` = null, in the table's order.
///   Folders are for people; readers take partition values from the log. Characters other than
///   ASCII letters, digits and `-_. ` are percent-encoded, long names are cut and hashed.
/// - `read_version`: the version that the job planned on; 0 when there was no table.
/// - `job`: from [`new_job_id`], one per job. `part`, `task`, `seq`: partition, task attempt and file of the task.
///
/// Fails with `InvalidArgument` when `job` is not a UUID.
pub fn data_file_path(
    partition: &[(&str, Option<&str>)],
    read_version: Option<u64>,
    job: &str,
    part: u64,
    task: u64,
    seq: u64,
) -> Result<String> {
    let job = Uuid::parse_str(job).map_err(|_| {
        Error::invalid_argument(format!("job id {job:?} is not a UUID; take one from new_job_id"))
    })?;
    let mut folders = String::new();
    for (column, value) in partition {
        folders.push_str(&folder(column, *value));
        folders.push('/');
    }
    if folders.len() > MAX_FOLDERS_BYTES {
        folders = format!("{}/", short_hash(&folders));
    }
    let read = read_version.unwrap_or(0);
    let prefix = layout::DATA_PREFIX;
    Ok(format!("{prefix}{folders}r{read}-{job}-{part}-{task}-{seq}.ncf"))
}

fn folder(column: &str, value: Option<&str>) -> String {
    let value = match value {
        None | Some("") => NULL_PARTITION.to_owned(),
        Some(value) => escape(value),
    };
    let full = format!("{}={value}", escape(column));
    match full.split_at_checked(MAX_FOLDER_BYTES) {
        Some((head, tail)) if !tail.is_empty() => {
            // A cut escape would read as a broken one.
            let whole = head.len()
                - head.bytes().rev().take(2).position(|b| b == b'%').map_or(0, |at| at + 1);
            format!("{}~{}", head.get(..whole).unwrap_or(head), short_hash(&full))
        }
        _ => full,
    }
}

fn short_hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(16).collect()
}

/// Percent-encodes every byte that some file system, shell or URL treats specially.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_. ".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "01935f1e-0000-7000-8000-000000000001";

    #[test]
    fn names_carry_partition_read_version_and_task() {
        let path = data_file_path(
            &[("dt", Some("2026-11-21")), ("city", Some("a/b=ü")), ("n", None)],
            Some(7),
            JOB,
            3,
            11,
            0,
        )
        .unwrap();
        assert_eq!(
            path,
            format!(
                "data/dt=2026-11-21/city=a%2Fb%3D%C3%BC/n=__HIVE_DEFAULT_PARTITION__/r7-{JOB}-3-11-0.ncf"
            )
        );
        assert_eq!(
            data_file_path(&[], None, JOB, 0, 0, 1).unwrap(),
            format!("data/r0-{JOB}-0-0-1.ncf")
        );
        assert!(data_file_path(&[], None, "../x", 0, 0, 0).is_err());
    }

    #[test]
    fn any_value_gives_a_valid_path_and_different_values_different_ones() {
        let values =
            ["..", ".", "../../etc", "a\\b", "\0", &"é".repeat(5000), &"é".repeat(5001), "%2e"];
        let mut seen = std::collections::BTreeSet::new();
        for value in values {
            let path = data_file_path(&[(value, Some(value))], None, JOB, 0, 0, 0).unwrap();
            assert_eq!(layout::check_data_path(&path), Ok(()), "{value:?}");
            assert!(seen.insert(path));
        }
        let many: Vec<_> = (0..100).map(|_| ("column", Some("value"))).collect();
        let path = data_file_path(&many, None, JOB, 0, 0, 0).unwrap();
        assert_eq!(layout::check_data_path(&path), Ok(()));
    }

    #[test]
    fn job_ids_are_unique() {
        assert_ne!(new_job_id(), new_job_id());
    }
}
