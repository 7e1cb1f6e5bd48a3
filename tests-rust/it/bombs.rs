//! Small files that ask for much: refused at once, without the memory they ask for.

use std::process::Command;
use std::time::{Duration, Instant};

use ncf::encoding::{SharedPages, decode_page};
use ncf::{DataType, ErrorKind, Field, Limits, PhysicalType, Schema, WriterOptions};
use ncf_tests::reseal::{parts, reseal};
use ncf_tests::{Random, open, random_batch, read_all, scan_all, write_file};

/// Node header: encoding and length of the body.
fn node(encoding: u16, body: &[u8]) -> Vec<u8> {
    let mut out = encoding.to_le_bytes().to_vec();
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out.extend_from_slice(body);
    out
}

fn page(node: &[u8]) -> Vec<u8> {
    [&[1, 0], node].concat()
}

/// A zstd frame of one raw or run-length block of up to 128 KiB, or many of the latter.
fn zstd_of_zeros(bytes: u32) -> Vec<u8> {
    // Magic; descriptor: single segment, 4 bytes of content size; blocks of 128 KiB by run length.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend_from_slice(&bytes.to_le_bytes());
    let mut left = bytes;
    while left > 0 {
        let size = left.min(128 << 10);
        left -= size;
        let header = (size << 3) | (1 << 1) | u32::from(left == 0);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// Pages of 1000 longs, and what they are.
fn hostile_pages() -> Vec<(&'static str, Vec<u8>)> {
    let runs = |count: u32, rest: &[u8]| node(5, &[&count.to_le_bytes(), rest].concat());
    let sized = |size: u32, frame: &[u8]| node(12, &[&size.to_le_bytes(), frame].concat());
    let mut deep = node(1, &[0; 8]);
    for _ in 0..10_000 {
        deep = sized(deep.len() as u32, &deep);
    }
    let mut nested_runs = node(1, &[0; 8]);
    for _ in 0..2_000 {
        let length = node(1, &1000i32.to_le_bytes());
        nested_runs = runs(1, &[length, nested_runs].concat());
    }
    vec![
        ("zstd that says 4 GiB", sized(u32::MAX, &zstd_of_zeros(1000))),
        ("zstd of 1 GiB of zeros", sized(1 << 30, &zstd_of_zeros(1 << 30))),
        ("zstd of 1 GiB that says little", sized(100, &zstd_of_zeros(1 << 30))),
        ("2^32 - 1 runs", runs(u32::MAX, &[])),
        (
            "a run of 2^31 - 1 rows",
            runs(1, &[node(1, &i32::MAX.to_le_bytes()), node(1, &[0; 8])].concat()),
        ),
        ("a tree of 10,000 zstd", deep),
        ("a tree of 2,000 run-lengths", nested_runs),
        ("codes without a dictionary", node(6, &[&[1], node(1, &[0]).as_slice()].concat())),
        ("a body longer than the page", [&[0, 0], &u32::MAX.to_le_bytes()[..], &[1, 2]].concat()),
    ]
}

fn small_file() -> Vec<u8> {
    let schema = Schema::new(vec![
        Field::new(1, "a", DataType::Int64, true),
        Field::new(2, "s", DataType::String, true),
    ])
    .unwrap();
    let batch = random_batch(&schema, 5000, &mut Random::new(2));
    let options = WriterOptions { block_rows: 100, ..WriterOptions::default() };
    write_file(&schema, &[batch], options).unwrap()
}

/// Files whose metadata asks for much: number of the record, byte of its directory entry, value.
fn hostile_files() -> Vec<(String, Vec<u8>)> {
    let good = small_file();
    let directory = parts(&good).directory;
    let mut files = Vec::new();
    for (record, at) in directory.clone().step_by(40).enumerate() {
        for (value, flags) in [(1u64 << 40, 1u32), (u64::MAX, 1), (1 << 28, 1), (1 << 62, 0)] {
            let mut bytes = good.clone();
            bytes[at + 24..at + 32].copy_from_slice(&value.to_le_bytes());
            bytes[at + 36..at + 40].copy_from_slice(&flags.to_le_bytes());
            files.push((format!("record {record} of {value} bytes"), bytes));
        }
    }
    let found = parts(&good);
    for (record, (kind, range)) in found.records.iter().enumerate() {
        // Counts stand first in every record.
        for value in [u32::MAX, 1 << 31, 1 << 24, 1 << 20] {
            let mut bytes = good.clone();
            bytes[range.start..range.start + 4].copy_from_slice(&value.to_le_bytes());
            files.push((format!("{value} in record {record} of kind {kind}"), bytes));
        }
    }
    let trailer = good.len() - 128;
    for (at, what) in [(8, "directory"), (16, "metadata"), (24, "rows")] {
        let mut bytes = good.clone();
        bytes[trailer + at..trailer + at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        files.push((format!("2^32 of {what}"), bytes));
    }
    for (_, bytes) in &mut files {
        reseal(bytes);
    }
    files
}

fn within(limit: Duration, what: &str, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    assert!(start.elapsed() < limit, "{what} took {:?}", start.elapsed());
}

fn refuse_all() {
    let kinds = [ErrorKind::Corrupt, ErrorKind::LimitExceeded];
    for (what, tree) in hostile_pages() {
        within(Duration::from_millis(100), what, || {
            let budget = Limits::DEFAULT.page_budget(1000);
            let bytes = page(&tree);
            let shared = SharedPages::default();
            let found = decode_page(&bytes, PhysicalType::I64, 1000, false, &shared, &budget);
            let error = found.err().unwrap_or_else(|| panic!("{what} was decoded"));
            assert!(kinds.contains(&error.kind()), "{what}: {error}");
        });
    }
    for (what, bytes) in hostile_files() {
        within(Duration::from_millis(500), &what, || {
            let read = open(bytes).and_then(|reader| {
                reader.verify()?;
                read_all(scan_all(&reader).build()?)
            });
            if let Err(error) = read {
                assert!(kinds.contains(&error.kind()), "{what}: {error}");
            }
        });
    }
}

/// The most memory that this process has held, in KiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
#[ignore = "run by hostile_sizes_are_refused_at_once, in a process of its own"]
fn alone() {
    drop(small_file());
    let before = most_memory();
    refuse_all();
    println!("grew by {} KiB", most_memory() - before);
}

#[test]
fn hostile_sizes_are_refused_at_once_and_cost_no_memory() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "bombs::alone", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    let grown = text.split("grew by ").nth(1).and_then(|rest| rest.split(' ').next());
    let grown: u64 = grown.and_then(|number| number.parse().ok()).expect("a number of KiB");
    assert!(grown < 64 << 10, "{grown} KiB");
}
