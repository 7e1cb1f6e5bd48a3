//! The `ncf` binary from outside: round trips, conditions against a naive filter, exit codes and
//! messages.
#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests choose values that fit; a panic here is a failed test"
)]

mod faults;
mod support;
mod types;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{
    BAD_DATA, Folder, GOOD, IO, Row, USAGE, convert_typed, fails, good, lines, ncf, sample,
};

#[test]
fn every_format_round_trips() {
    let folder = Folder::new();
    let (rows, file) = sample(&folder, 20_000);
    let wanted = lines(&rows);
    assert!(good(&["cat", &file, "--format", "jsonl"]) == wanted);
    for name in ["a.parquet", "a.arrow", "a.jsonl", "a.ndjson", "a.ncf"] {
        let (there, back) = (folder.path(name), folder.path("back.ncf"));
        good(&["convert", &file, &there]);
        if name.ends_with("jsonl") || name.ends_with("ndjson") {
            convert_typed(&there, &back);
        } else {
            good(&["convert", &there, &back]);
        }
        assert!(good(&["cat", &back, "--format", "jsonl"]) == wanted, "{name}");
        assert_eq!(types(&back), types(&file), "{name}");
        good(&["verify", &back]);
    }
    // CSV has one way to say null and empty string.
    let (there, back) = (folder.path("a.csv"), folder.path("back.ncf"));
    good(&["convert", &file, &there]);
    convert_typed(&there, &back);
    let empty_is_null = wanted.replace(r#""name":"""#, r#""name":null"#);
    assert!(good(&["cat", &back, "--format", "jsonl"]) == empty_is_null);
    assert!(folder.names().iter().all(|name| !name.starts_with('.')), "{:?}", folder.names());
}

pub(crate) fn types(file: &str) -> Vec<String> {
    let info: serde_json::Value = serde_json::from_str(&good(&["info", file, "--json"])).unwrap();
    let columns = info["columns"].as_array().unwrap();
    columns.iter().map(|column| format!("{} {}", column["name"], column["type"])).collect()
}

#[test]
fn conditions_equal_a_naive_filter() {
    type Test = fn(&Row) -> bool;
    let cases: [(&str, Test); 16] = [
        ("id < 100", |row| row.id < 100),
        ("small = 5 OR small = -5", |row| matches!(row.small, Some(5 | -5))),
        ("NOT small > 0", |row| row.small.is_some_and(|v| v <= 0)),
        ("small <=> NULL", |row| row.small.is_none()),
        ("price >= 100.5 AND price < 200", |row| {
            row.price.is_some_and(|v| (10_050..20_000).contains(&v))
        }),
        ("price NOT BETWEEN -400 AND 400.00", |row| {
            row.price.is_some_and(|v| !(-40_000..=40_000).contains(&v))
        }),
        // NaN is greater than every number, and equal to itself; -0.0 equals 0.0.
        ("ratio > 1000", |row| row.ratio.is_some_and(|v| v.is_nan() || v > 1000.0)),
        ("ratio = 'NaN'", |row| row.ratio.is_some_and(f64::is_nan)),
        ("ratio = 0", |row| row.ratio == Some(0.0)),
        ("name LIKE 'apple%'", |row| row.name.as_ref().is_some_and(|v| v.starts_with("apple"))),
        ("name NOT LIKE '%pp%'", |row| row.name.as_ref().is_some_and(|v| !v.contains("pp"))),
        ("name IN ('pear', 'été', '')", |row| {
            row.name.as_ref().is_some_and(|v| ["pear", "été", ""].contains(&v.as_str()))
        }),
        ("name NOT IN ('pear', NULL)", |_| false),
        ("flag", |row| row.flag == Some(true)),
        ("day = DATE '2024-02-07'", |row| row.day == Some(7)),
        ("at >= TIMESTAMP '2024-02-20 00:00:00' AND NOT flag", |row| {
            row.day.is_some_and(|day| day >= 20) && row.flag == Some(false)
        }),
    ];
    let folder = Folder::new();
    let (rows, file) = sample(&folder, 30_000);
    for (condition, keep) in cases {
        let wanted: Vec<Row> = rows.iter().filter(|row| keep(row)).cloned().collect();
        let found = good(&["cat", &file, "--where", condition, "--format", "jsonl"]);
        assert!(found == lines(&wanted), "{condition}: {} rows wanted", wanted.len());
    }
}

#[test]
fn cat_projects_limits_and_quotes() {
    let folder = Folder::new();
    let (_, file) = sample(&folder, 1000);
    let found = good(&["cat", &file, "--columns", "day,id", "--limit", "3"]);
    let lines: Vec<_> = found.lines().collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0], "day,id");
    assert!(lines[1].ends_with(",0") && lines[3].ends_with(",2"));
    assert_eq!(good(&["cat", &file, "--limit", "0", "--columns", "id"]), "id\n");
    assert_eq!(good(&["cat", &file, "--limit", "0", "--format", "jsonl"]), "");

    let input =
        folder.write("quote.jsonl", "{\"s\":\"a,\\\"b\\\"\"}\n{\"s\":\"\"}\n{\"s\":null}\n");
    let quoted = folder.path("quote.ncf");
    good(&["convert", &input, &quoted]);
    // A null alone in its line is quoted: an empty line would be no row.
    let csv = "s\n\"a,\"\"b\"\"\"\n\"\"\n\"\"\n";
    assert_eq!(good(&["cat", &quoted]), csv);
    let (csv, back) = (folder.write("quote.csv", csv), folder.path("back.ncf"));
    good(&["convert", &csv, &back]);
    assert!(good(&["info", &back]).contains("3 rows"));
}

#[test]
fn sorting_is_stable_and_puts_nulls_first() {
    let folder = Folder::new();
    let (mut rows, file) = sample(&folder, 20_000);
    let sorted = folder.path("sorted.ncf");
    good(&["convert", &file, &sorted, "--sort-by", "small,flag"]);
    rows.sort_by_key(|row| (row.small, row.flag));
    assert!(good(&["cat", &sorted, "--format", "jsonl"]) == lines(&rows));
    assert!(fails(USAGE, &["convert", &file, &sorted, "--sort-by", "nope"]).contains("nope"));
}

#[test]
fn a_uuid_makes_bytes_reproducible() {
    let folder = Folder::new();
    let (_, file) = sample(&folder, 5000);
    let write = |name: &str, profile: &str| {
        let path = folder.path(name);
        let uuid = "00112233-4455-6677-8899-aabbccddeeff";
        good(&[
            "convert",
            &file,
            &path,
            "--uuid",
            uuid,
            "--profile",
            profile,
            "--block-rows",
            "2000",
        ]);
        fs::read(path).unwrap()
    };
    assert!(write("a.ncf", "balanced") == write("b.ncf", "balanced"));
    write("c.ncf", "fast");
    let info: serde_json::Value =
        serde_json::from_str(&good(&["info", &folder.path("c.ncf"), "--json"])).unwrap();
    assert_eq!(info["schemaVersion"], 1);
    assert_eq!(info["rows"], 5000);
    assert_eq!(info["blocks"], 3);
    assert_eq!(info["files"][0]["uuid"], "00112233445566778899aabbccddeeff");
    assert_eq!(info["columns"][0]["name"], "id");
    assert!(info["columns"][0]["bytes"].as_u64().unwrap() > 0);
    assert!(!info["columns"][0]["encodings"].as_object().unwrap().is_empty());
    let forced = folder.path("d.ncf");
    good(&["convert", &file, &forced, "--encoding", "name=plain"]);
    assert!(good(&["info", &forced]).contains("plain"));
    let explained = good(&["info", &forced, "--explain"]);
    for part in ["name: a page in other encodings", "ns a value", "<- fast"] {
        assert!(explained.contains(part), "{explained}");
    }
    let explained = good(&["info", &forced, "--explain", "--json"]);
    let explained: serde_json::Value = serde_json::from_str(&explained).unwrap();
    let alternatives = explained["columns"][0]["alternatives"].as_array().unwrap();
    let bytes = |alternative: &serde_json::Value| alternative["bytes"].as_u64().unwrap();
    assert!(alternatives.len() > 3 && alternatives.is_sorted_by_key(bytes), "{alternatives:?}");
}

#[test]
fn a_folder_of_files_is_one_dataset() {
    let folder = Folder::new();
    let (rows, file) = sample(&folder, 100);
    for part in ["2", "1"] {
        let directory = folder.0.path().join("data").join(format!("part={part}"));
        fs::create_dir_all(&directory).unwrap();
        fs::copy(&file, directory.join("f.ncf")).unwrap();
    }
    let data = folder.path("data");
    let found =
        good(&["cat", &data, "--columns", "part,id", "--where", "part = 2", "--limit", "2"]);
    assert_eq!(found, "part,id\n2,0\n2,1\n");
    assert!(good(&["info", &data]).contains(&format!("{} rows, 2 files", rows.len() * 2)));
    assert_eq!(good(&["verify", &data]).lines().count(), 2);
    let merged = folder.path("merged.parquet");
    good(&["convert", &data, &merged]);

    let damaged = folder.0.path().join("data/part=1/f.ncf");
    flip(&damaged, 300);
    let output = ncf(&["verify", &data]);
    assert_eq!(output.status.code(), Some(BAD_DATA));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("part=1") && errors.contains("1 of 2 files"), "{errors}");
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn damage_is_named_and_exits_with_1() {
    let folder = Folder::new();
    let (_, file) = sample(&folder, 1000);
    let path = PathBuf::from(&file);
    let whole = fs::read(&path).unwrap();

    flip(&path, 300);
    let message = fails(BAD_DATA, &["verify", &file]);
    for part in ["Corrupt", "file", "block 0", "column"] {
        assert!(message.contains(part), "{message}");
    }
    for length in [0, 1, 127, 256, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        for command in ["verify", "info", "cat"] {
            assert!(fails(BAD_DATA, &[command, &file]).contains("rows.ncf"), "{command} {length}");
        }
    }
    // Every byte is under a checksum: no single flip may pass.
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        fs::write(&path, &whole).unwrap();
        flip(&path, at);
        fails(BAD_DATA, &["verify", &file]);
    }
    let text = folder.write("text.ncf", "this is not what it says it is, ".repeat(40));
    assert!(fails(BAD_DATA, &["cat", &text]).contains("text.ncf"));
}

#[test]
fn bad_input_of_other_formats_exits_with_1() {
    let folder = Folder::new();
    let out = folder.path("out.ncf");
    let bad = |name: &str, content: &str, part: &str| {
        let input = folder.write(name, content);
        let message = fails(BAD_DATA, &["convert", &input, &out]);
        assert!(message.contains(name) && message.contains(part), "{message}");
        assert!(!Path::new(&out).exists());
    };
    bad("a.parquet", "PAR1 but not really PAR1", "");
    bad("a.arrow", "ARROW1 but not really", "");
    bad("a.csv", "", "header");
    bad("b.csv", "a,b\n1,2\n3\n", "");
    bad("a.jsonl", "{\"a\": 1}\n{\"a\": \n", "");
    bad("b.jsonl", "{\"a\": [1, 2]}\n{\"a\": {\"b\": 1}}\n", "");
    let input = folder.write("c.csv", "n\n1\nx\n");
    let message = fails(BAD_DATA, &["convert", &input, &out, "--type", "n=int"]);
    assert!(message.contains("'x' is not a int") && message.contains("column n"), "{message}");
    let input = folder.write("d.jsonl", "{\"p\": 1.25}\n");
    let message = fails(BAD_DATA, &["convert", &input, &out, "--type", "p=decimal(5,1)"]);
    assert!(message.contains("1.25"), "{message}");
    assert!(folder.names().iter().all(|name| !name.starts_with('.')), "{:?}", folder.names());
}

#[test]
fn nested_values_round_trip_as_json_and_parquet() {
    let folder = Folder::new();
    let lines = "{\"k\":1,\"a\":[1,null,3],\"s\":{\"x\":\"é\\\"\",\"y\":[{\"z\":1.5},{\"z\":null}]}}\n\
                 {\"k\":2,\"a\":[],\"s\":{\"x\":null,\"y\":null}}\n\
                 {\"k\":3,\"a\":null,\"s\":null}\n";
    let input = folder.write("in.jsonl", lines);
    let (file, parquet, back) =
        (folder.path("a.ncf"), folder.path("a.parquet"), folder.path("b.ncf"));
    good(&["convert", &input, &file]);
    good(&["verify", &file]);
    assert_eq!(good(&["cat", &file, "--format", "jsonl"]), lines);
    good(&["convert", &file, &parquet]);
    good(&["convert", &parquet, &back]);
    assert_eq!(good(&["cat", &back, "--format", "jsonl"]), lines);
    assert!(good(&["info", &file]).contains("struct<x: string, y: array<struct<z: double>>>"));
    let part = good(&["cat", &file, "--where", "k > 1", "--columns", "a", "--format", "jsonl"]);
    assert_eq!(part, "{\"a\":[]}\n{\"a\":null}\n");
    for (condition, rows) in [
        ("s.x = 'é\"'", "1"),
        ("s.x IS NULL", "2 3"),
        ("s IS NULL OR a IS NOT NULL", "1 2 3"),
        ("s.y IS NOT NULL", "1"),
        ("s IS NOT NULL AND s.y IS NULL", "2"),
    ] {
        let found = good(&["cat", &file, "--where", condition, "--columns", "k"]);
        let found: Vec<_> = found.lines().skip(1).collect();
        assert_eq!(found.join(" "), rows, "{condition}");
    }
    let message = fails(BAD_DATA, &["cat", &file]);
    assert!(message.contains("column a is array<bigint>"), "{message}");
    assert!(fails(USAGE, &["cat", &file, "--where", "a = 1"]).contains("array"));
}

#[test]
fn index_bench_counts_what_a_look_up_reads() {
    // The least keys of which a file gets an index; the seed stands in the report.
    let report =
        good(&["index-bench", "--keys", "170000", "--only", "sorted", "--only", "unsorted"]);
    for limit in [
        "sorted: a look-up reads at most 2 footers | 2 | yes",
        "sorted: a look-up reads at most 2 data pages | 2 | yes",
        "sorted: look-ups that find other rows: none | 0 | yes",
        "no order: look-ups that find other rows: none | 0 | yes",
    ] {
        assert!(report.contains(&format!("| {limit} |")), "{limit}: {report}");
    }
    let filters = report.lines().find(|line| line.contains("filters spare"));
    assert!(filters.is_some_and(|line| line.ends_with("| yes |")), "{report}");
    assert!(!report.contains("| shape |"), "a part that was not asked for: {report}");
}

#[test]
fn index_bench_checks_envelopes_of_nearly_sorted_keys() {
    let report = good(&["index-bench", "--keys", "170000", "--only", "nearly"]);
    let rows: Vec<Vec<&str>> = report
        .lines()
        .filter(|line| line.contains("| none |"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 5, "{report}");
    for row in rows {
        // What has to be read is what zones name.
        assert_eq!(row[4], row[12], "{report}");
    }
}

#[test]
fn misuse_exits_with_2_and_says_what_to_do() {
    let folder = Folder::new();
    let (_, file) = sample(&folder, 10);
    let other = folder.path("o.csv");
    for (arguments, part) in [
        (vec![], "Usage"),
        (vec!["frobnicate"], "frobnicate"),
        (vec!["cat"], "PATH"),
        (vec!["cat", &file, "--columns", "id,nope"], "there is no column nope"),
        (vec!["cat", &file, "--where", "nope = 1"], "there is no column nope"),
        (vec!["cat", &file, "--where", "id = 'x'"], "types differ"),
        (vec!["cat", &file, "--where", "name LIKE 'a%b'"], "only at the start and at the end"),
        (vec!["cat", &file, "--format", "xml"], "xml"),
        (vec!["cat", &file, "--limit", "-1"], "-1"),
        (vec!["convert", &file], "OUTPUT"),
        (vec!["convert", &file, "out"], "does not say its format"),
        (vec!["convert", &file, "out.xlsx"], "does not say its format"),
        (vec!["convert", &file, &other, "--profile", "huge"], "huge"),
        (vec!["convert", &file, &other, "--uuid", "12"], "32 hex digits"),
        (vec!["convert", &file, &other, "--block-rows", "10"], ".ncf output only"),
        (vec!["convert", &file, &other, "--encoding", "id"], "COLUMN=VALUE"),
        (vec!["convert", &file, &other, "--type", "id=int"], "others carry types"),
        (vec!["convert", &file, &folder.path("n.ncf"), "--encoding", "id=magic"], "magic"),
        (
            vec!["convert", &file, &folder.path("n.ncf"), "--encoding", "nope=plain"],
            "no column nope",
        ),
        (vec!["convert", &file, folder.0.path().to_str().unwrap()], "is a directory"),
        (vec!["info", &file, "--xml"], "--xml"),
    ] {
        let message = fails(USAGE, &arguments);
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
    assert!(good(&["--help"]).contains("Exit codes"));
    assert!(good(&["--version"]).starts_with("ncf "));
    assert_eq!(folder.names(), ["rows.jsonl", "rows.ncf"]);
}

#[test]
fn what_the_system_refuses_exits_with_3() {
    let folder = Folder::new();
    let (_, file) = sample(&folder, 10);
    let missing = folder.path("missing.ncf");
    for command in ["cat", "info", "verify"] {
        let message = fails(IO, &[command, &missing]);
        assert!(message.contains("missing.ncf"), "{message}");
    }
    fails(IO, &["convert", &folder.path("missing.csv"), &folder.path("o.ncf")]);
    for output in ["no/such/folder/o.csv", "no/such/folder/o.ncf"] {
        fails(IO, &["convert", &file, &folder.path(output)]);
        assert!(!Path::new(&folder.path("no")).exists());
    }
}

#[test]
fn an_output_that_fails_leaves_what_was_there() {
    let folder = Folder::new();
    let kept = folder.write("kept.ncf", "precious");
    let input = folder.write("bad.csv", "n\n1\nx\n");
    fails(BAD_DATA, &["convert", &input, &kept, "--type", "n=int"]);
    assert_eq!(fs::read_to_string(&kept).unwrap(), "precious");
    assert_eq!(folder.names(), ["bad.csv", "kept.ncf"]);
}

#[test]
fn a_disk_that_is_full_is_named_and_nothing_half_written_stays() {
    let folder = Folder::new();
    let (_, file) = sample(&folder, 5_000);
    for output in ["b.ncf", "b.parquet", "b.csv"] {
        let path = folder.path(output);
        // The limit on a file's size refuses writes as a full disk does, once its signal is ignored.
        let done = Command::new("bash")
            .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\""])
            .args([env!("CARGO_BIN_EXE_ncf"), "convert", &file, &path])
            .output()
            .unwrap();
        let message = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(IO), "{output}: {message}");
        assert!(message.contains(output), "{message}");
        assert!(!Path::new(&path).exists());
    }
    assert_eq!(folder.names().iter().filter(|name| name.contains("b.")).count(), 0);
    good(&["verify", &file]);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = Folder::new();
    let (_, file) = sample(&folder, 30_000);
    let mut child = Command::new(env!("CARGO_BIN_EXE_ncf"))
        .args(["cat", &file])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Far more is to come than a pipe holds, so that the next write meets a closed one.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(GOOD));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
