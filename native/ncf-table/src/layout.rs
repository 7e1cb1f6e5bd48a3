//! Where things lie in a table: names of log records and the rules for paths of data files.

/// The folder of the log, relative to the table.
pub const LOG_DIRECTORY: &str = "_ncf/log";
/// The folder below which every data file lies, with its slash.
pub const DATA_PREFIX: &str = "data/";
/// Records per log folder; keeps folders small enough for every file system.
pub const VERSIONS_PER_DIRECTORY: u64 = 4096;
/// The greatest version that the 10-digit folder names can hold.
pub const MAX_VERSION: u64 = 10_000_000_000 * VERSIONS_PER_DIRECTORY - 1;
/// Bytes of the longest path of a data file.
pub const MAX_PATH_BYTES: usize = 1024;

/// Path of the folder that holds `version`, relative to the table.
pub fn directory_path(version: u64) -> String {
    format!("{LOG_DIRECTORY}/{:010}", version / VERSIONS_PER_DIRECTORY)
}

/// Path of the record of `version`, relative to the table.
pub fn record_path(version: u64) -> String {
    format!("{}/{version:020}.json", directory_path(version))
}

/// The number in a folder name of the log; `None` for any other name.
pub(crate) fn parse_directory(name: &str) -> Option<u64> {
    parse_digits(name, 10)
}

/// The version in a record's name; `None` for any other name, such as that of a temporary file.
pub(crate) fn parse_record(name: &str) -> Option<u64> {
    parse_digits(name.strip_suffix(".json")?, 20)
}

/// The folder before the one of the record at `path`, when that record is the first of its folder:
/// its predecessor must be as durable as the record itself.
pub(crate) fn predecessor_directory(path: &str) -> Option<String> {
    let version = parse_record(path.rsplit('/').next()?)?;
    (version > 0 && version.is_multiple_of(VERSIONS_PER_DIRECTORY))
        .then(|| directory_path(version - 1))
}

fn parse_digits(text: &str, digits: usize) -> Option<u64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Checks that `path` stays inside the table's data folder; the error says which rule it breaks.
pub(crate) fn check_data_path(path: &str) -> Result<(), String> {
    let complain = |rule: &str| Err(format!("the path {path:?} of a data file {rule}"));
    if path.len() > MAX_PATH_BYTES {
        return complain(&format!("is longer than {MAX_PATH_BYTES} bytes"));
    }
    if !path.starts_with(DATA_PREFIX) {
        return complain("does not start with data/ (paths are relative to the table)");
    }
    if path.contains(['\\', '\0']) {
        return complain("contains a backslash or NUL");
    }
    for segment in path.split('/') {
        let plain = segment.replace("%2e", ".").replace("%2E", ".");
        if plain.is_empty() || plain == "." || plain == ".." {
            return complain("has an empty segment, or one that is . or ..");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_lie_in_folders_of_4096() {
        assert_eq!(record_path(0), "_ncf/log/0000000000/00000000000000000000.json");
        assert_eq!(record_path(9_998_336), "_ncf/log/0000002441/00000000000009998336.json");
        assert_eq!(parse_record("00000000000009998336.json"), Some(9_998_336));
        assert_eq!(parse_record("+0000000000009998336.json"), None);
        assert_eq!(parse_record(".x.tmp"), None);
        assert_eq!(parse_directory("0000002441"), Some(2441));
        assert_eq!(parse_directory("2441"), None);
        assert_eq!(record_path(MAX_VERSION).len(), record_path(0).len());
    }

    #[test]
    fn the_first_record_of_a_folder_knows_its_predecessor() {
        assert_eq!(predecessor_directory(&record_path(4096)), Some(directory_path(4095)));
        assert_eq!(predecessor_directory(&record_path(0)), None);
        assert_eq!(predecessor_directory(&record_path(4097)), None);
    }

    #[test]
    fn unsafe_paths_are_rejected() {
        for good in ["data/a.ncf", "data/dt=2026-11-21/r0-x.ncf", "data/a..b/c", "data/x=%2F"] {
            assert_eq!(check_data_path(good), Ok(()), "{good}");
        }
        let long = format!("data/{}", "a".repeat(1020));
        for bad in [
            "",
            "a.ncf",
            "/data/a",
            "data",
            "data/",
            "data//a",
            "data/../a",
            "data/./a",
            "data/a/",
            "data/a\\b",
            "data/a\0",
            "data/%2e%2E/a",
            "s3://data/a",
            "_ncf/log/x",
            &long,
        ] {
            assert!(check_data_path(bad).is_err(), "{bad}");
        }
    }
}
