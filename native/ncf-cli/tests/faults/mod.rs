//! What is refused, named and survived: numbers that a guess would round, old timestamps, damage
//! beside whole files, files that do not belong.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;

use ncf::dataset::{CommitFile, CommitRequest, commit};
use ncf::table::Operation;
use ncf::{FileReader, FileSource, FileSummary, ReadOptions, Schema};

use super::support::{BAD_DATA, Folder, USAGE, fails, good, ncf, sample, write_int96};
use super::types;

#[test]
fn integers_are_not_rounded_by_a_guess_and_empty_json_strings_are_no_nulls() {
    let folder = Folder::new();
    let out = folder.path("out.ncf");
    for (name, text) in [
        ("a.csv", "n\n1.5\n9007199254740993\n"),
        ("a.jsonl", "{\"n\":1.5}\n{\"n\":9007199254740993}\n"),
        ("b.jsonl", "{\"n\":9223372036854775809}\n"),
    ] {
        let input = folder.write(name, text);
        let message = fails(BAD_DATA, &["convert", &input, &out]);
        assert!(message.contains("column n") && message.contains("--type"), "{message}");
        good(&["convert", &input, &out, "--type", "n=decimal(38,1)"]);
        let last = text.split(['\n', '}', ':']).rfind(|part| part.len() > 15).unwrap();
        assert!(good(&["cat", &out]).contains(&format!("{last}.0")), "{name}");
    }
    let fine = folder.write("c.csv", "n,s\n1.5,x\n9007199254740992,\nNaN,\n-2e3,\n,y\n");
    good(&["convert", &fine, &out]);
    assert_eq!(
        good(&["cat", &out, "--columns", "n"]),
        "n\n1.5\n9007199254740992.0\nNaN\n-2000.0\n\"\"\n"
    );
    let huge = folder.write("d.csv", "n\n1e999\n");
    assert!(fails(BAD_DATA, &["convert", &huge, &out]).contains("out of range"));

    let empty = folder.write("e.jsonl", "{\"n\":\"\"}\n{\"n\":\"7\"}\n");
    let message = fails(BAD_DATA, &["convert", &empty, &out, "--type", "n=int"]);
    assert!(message.contains("'' is not a int"), "{message}");
    let twice = folder.write("twice.csv", "a,a\n1,2\n");
    assert!(fails(BAD_DATA, &["convert", &twice, &out]).contains("twice"));
}

#[test]
fn int96_timestamps_are_instants_of_any_year() {
    let folder = Folder::new();
    let (input, out) = (folder.path("old.parquet"), folder.path("out.ncf"));
    write_int96(&input, &[(2_440_588, 1_000), (2_415_021, 0), (5_373_484, 123_456_789)]);
    good(&["convert", &input, &out]);
    assert_eq!(types(&out), ["\"at\" \"timestamp\""]);
    assert_eq!(
        good(&["cat", &out]),
        "at\n1970-01-01T00:00:00.000001Z\n1900-01-01T00:00:00Z\n9999-12-31T00:00:00.123456Z\n"
    );
}

#[test]
fn verify_goes_on_after_a_file_that_does_not_open_and_without_a_reader() {
    let folder = Folder::new();
    let (_, file) = sample(&folder, 100);
    fs::create_dir(folder.path("data")).unwrap();
    fs::write(folder.path("data/a.ncf"), "").unwrap();
    for name in ["b", "c"] {
        fs::copy(&file, folder.path(&format!("data/{name}.ncf"))).unwrap();
    }
    let data = folder.path("data");
    let output = ncf(&["verify", &data]);
    assert_eq!(output.status.code(), Some(BAD_DATA));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 2);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("a.ncf") && errors.contains("1 of 3 files"), "{errors}");
    fails(
        USAGE,
        &["verify", &{
            fs::create_dir(folder.path("none")).unwrap();
            folder.path("none")
        }],
    );

    // The damaged file comes last: what was printed before met a closed pipe.
    fs::rename(folder.path("data/a.ncf"), folder.path("data/z.ncf")).unwrap();
    for close_errors in [false, true] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ncf"));
        command.args(["verify", &data]).stdout(closed_pipe());
        command.stderr(if close_errors { closed_pipe() } else { Stdio::null() });
        assert_eq!(command.status().unwrap().code(), Some(BAD_DATA), "{close_errors}");
    }
}

/// A pipe that nobody reads.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Stdio::from(writer)
}

#[test]
fn files_that_do_not_go_together_are_bad_data() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("types")).unwrap();
    for (name, text) in [("a", "n\n1\n"), ("b", "n\nx\n")] {
        let input = folder.write(&format!("{name}.csv"), text);
        good(&["convert", &input, &folder.path(&format!("types/{name}.ncf"))]);
    }
    assert!(fails(BAD_DATA, &["cat", &folder.path("types")]).contains("column n"));
    fs::create_dir_all(folder.path("levels/p=1")).unwrap();
    fs::copy(folder.path("types/a.ncf"), folder.path("levels/p=1/a.ncf")).unwrap();
    fs::copy(folder.path("types/a.ncf"), folder.path("levels/b.ncf")).unwrap();
    assert!(fails(BAD_DATA, &["cat", &folder.path("levels")]).contains("partition columns"));
}

/// A table at `t` with the columns b, a (field ids 1, 2) and a file whose a and b have the ids 1, 2.
fn table(folder: &Folder) -> (String, String) {
    let rows = "a,b\n1,long enough to be of other size\n2,x\n3,y\n";
    let (input, file) = (folder.write("t.csv", rows), folder.path("t/data/f.ncf"));
    fs::create_dir_all(folder.path("t/data")).unwrap();
    good(&["convert", &input, &file, "--uuid", &"7".repeat(32)]);
    let source = FileSource::open(&file).unwrap();
    let reader = FileReader::open(Arc::new(source), ReadOptions::default()).unwrap();
    let mut swapped = reader.schema().clone();
    swapped.fields.reverse();
    let append = |schema: Schema, files| {
        let request = CommitRequest {
            operation: Operation::Append,
            schema,
            partition_columns: Vec::new(),
            files,
            read_version: None,
            app: None,
            properties: None,
            partition: BTreeMap::new(),
        };
        commit(folder.path("t"), request).unwrap();
    };
    append(swapped, Vec::new());
    let summary = FileSummary {
        uuid: reader.uuid(),
        rows: reader.rows(),
        bytes: reader.len(),
        blocks: 1,
        digest: reader.digest().to_owned(),
        statistics: BTreeMap::new(),
    };
    let path = "data/f.ncf".to_owned();
    append(
        reader.schema().clone(),
        vec![CommitFile { path, summary, partition_values: BTreeMap::new() }],
    );
    (folder.path("t"), file)
}

#[test]
fn info_matches_columns_by_name() {
    let folder = Folder::new();
    let (table, file) = table(&folder);
    let columns = |path: &str| {
        let info: serde_json::Value =
            serde_json::from_str(&good(&["info", path, "--json"])).unwrap();
        let columns = info["columns"].as_array().unwrap().clone();
        columns
            .into_iter()
            .map(|column| {
                (column["name"].to_string(), (column["bytes"].clone(), column["encodings"].clone()))
            })
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(columns(&table), columns(&file));
    assert_eq!(good(&["cat", &table, "--columns", "a"]), "a\n1\n2\n3\n");
}

#[test]
fn a_table_knows_its_files_by_their_digest() {
    let folder = Folder::new();
    let (table, file) = table(&folder);
    good(&["verify", &table]);
    let other = folder.write("other.csv", "a,b\n4,another of the same rows\n5,x\n6,y\n");
    good(&["convert", &other, &file, "--uuid", &"7".repeat(32)]);
    for command in ["verify", "cat"] {
        assert!(fails(BAD_DATA, &[command, &table]).contains("digest"), "{command}");
    }
    fails(USAGE, &["cat", &folder.path("t/data")]);
}
