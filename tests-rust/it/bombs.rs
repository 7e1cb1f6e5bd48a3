//! Small files that ask for much: refused within a tenth of a second and 64 MiB. One process makes them, a
//! second one reads them, so that only reading is measured: memory, and time on a processor.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use arrow_ipc::{FieldArgs, IntArgs, ListArgs, SchemaArgs};
use flatbuffers::{FlatBufferBuilder, WIPOffset};
use ncf::encoding::compression::{LEVEL, compress};
use ncf::encoding::{SharedPages, decode_page};
use ncf::{DataType, EncodingId, Field, Limits, PhysicalType, Result, Schema, WriterOptions};
use ncf_tests::reseal::{parts, reseal};
use ncf_tests::{Random, open, random_batch, scan_all, write_file};

const MOST_TIME: Duration = Duration::from_millis(250);
const MOST_KIB: u64 = 64 << 10;

/// How a reader may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// `LimitExceeded`.
    Limit,
    /// `Corrupt` or `LimitExceeded`: the size contradicts another one before it is a limit's.
    Refused,
    /// With rows as well: what was asked for is not taken.
    Harmless,
}

struct Bomb {
    what: String,
    answer: Answer,
    bytes: Vec<u8>,
    /// Of the values of a page; `None` = a file.
    page_of: Option<PhysicalType>,
}

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

/// A frame that asks for a window of 2 GiB to hold one block as it is.
fn zstd_of_wide_window(content: &[u8]) -> Vec<u8> {
    let header = (content.len() as u32) << 3 | 1;
    let start = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3];
    [&start[..], &header.to_le_bytes()[..3], content].concat()
}

/// Pages of 1000 values.
fn hostile_pages() -> Vec<Bomb> {
    use Answer::{Harmless, Limit, Refused};
    let runs = |count: u32, rest: &[u8]| node(5, &[&count.to_le_bytes(), rest].concat());
    let sized = |size: u32, frame: &[u8]| node(12, &[&size.to_le_bytes(), frame].concat());
    let packed = |node: &[u8]| sized(node.len() as u32, &compress(node, LEVEL).unwrap());
    let mut deep = node(1, &[0; 8]);
    for _ in 0..10_000 {
        deep = sized(deep.len() as u32, &deep);
    }
    let mut deep_zstd = node(1, &[0; 8]);
    for _ in 0..20 {
        deep_zstd = packed(&deep_zstd);
    }
    let mut nested_runs = node(1, &[0; 8]);
    for _ in 0..2_000 {
        let length = node(1, &1000i32.to_le_bytes());
        nested_runs = runs(1, &[length, nested_runs].concat());
    }
    let one = node(1, &[0; 8]);
    let endless = runs(1, &[node(1, &i32::MAX.to_le_bytes()), one.clone()].concat());
    let long = packed(&node(1, &vec![b'x'; 16 << 20]));
    let window = sized(one.len() as u32, &zstd_of_wide_window(&one));
    let page_of = |physical: PhysicalType, cases: Vec<(&'static str, Answer, Vec<u8>)>| {
        let bomb = move |(what, answer, node): (&'static str, Answer, Vec<u8>)| Bomb {
            what: what.to_owned(),
            answer,
            bytes: page(&node),
            page_of: Some(physical),
        };
        cases.into_iter().map(bomb)
    };
    let numbers = vec![
        ("zstd that says 4 GiB", Limit, sized(u32::MAX, &zstd_of_zeros(1000))),
        ("zstd of 1 GiB of zeros", Limit, sized(1 << 30, &zstd_of_zeros(1 << 30))),
        ("zstd of 1 GiB that says little", Refused, sized(100, &zstd_of_zeros(1 << 30))),
        ("zstd with a window of 2 GiB", Harmless, window),
        ("2^32 - 1 runs", Refused, runs(u32::MAX, &[])),
        ("2^32 - 1 runs of one value", Refused, runs(u32::MAX, &[one.clone(), one].concat())),
        ("a run of 2^31 - 1 rows", Refused, endless),
        ("a tree of 10,000 zstd", Refused, deep),
        ("a tree of 20 zstd", Limit, deep_zstd),
        ("a tree of 2,000 run-lengths", Refused, nested_runs),
        (
            "codes without a dictionary",
            Refused,
            node(6, &[&[1], node(1, &[0]).as_slice()].concat()),
        ),
        (
            "a body longer than the page",
            Refused,
            [&[0, 0], &u32::MAX.to_le_bytes()[..], &[1, 2]].concat(),
        ),
    ];
    let strings = vec![("a string of 16 MiB in a thousand rows", Limit, long)];
    page_of(PhysicalType::I64, numbers).chain(page_of(PhysicalType::Bytes, strings)).collect()
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

/// Files whose metadata asks for much.
fn hostile_files() -> Vec<Bomb> {
    use Answer::{Harmless, Limit, Refused};
    let good = small_file();
    let found = parts(&good);
    let mut bombs = Vec::new();
    let mut add = |what: String, answer, mut bytes: Vec<u8>| {
        reseal(&mut bytes);
        bombs.push(Bomb { what, answer, bytes, page_of: None });
    };
    for (record, at) in found.directory.clone().step_by(40).enumerate() {
        for (value, flags, answer) in [
            (1u64 << 40, 1u32, Limit),
            (u64::MAX, 1, Limit),
            (1 << 28, 1, Refused),
            (1 << 62, 0, Refused),
        ] {
            let mut bytes = good.clone();
            bytes[at + 24..at + 32].copy_from_slice(&value.to_le_bytes());
            bytes[at + 36..at + 40].copy_from_slice(&flags.to_le_bytes());
            add(format!("record {record} of {value} bytes"), answer, bytes);
        }
    }
    for (record, (kind, range)) in found.records.iter().enumerate() {
        // Counts stand first in every record.
        for value in [u32::MAX, 1 << 31, 1 << 24, 1 << 20] {
            let mut bytes = good.clone();
            bytes[range.start..range.start + 4].copy_from_slice(&value.to_le_bytes());
            add(format!("{value} in record {record} of kind {kind}"), Refused, bytes);
        }
    }
    let trailer = good.len() - 128;
    for (at, what) in [(8, "directory"), (16, "metadata"), (24, "rows")] {
        let mut bytes = good.clone();
        bytes[trailer + at..trailer + at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        add(format!("2^32 of {what}"), Refused, bytes);
    }
    let mut bytes = good.clone();
    bytes[trailer + 24..trailer + 32].copy_from_slice(&(1u64 << 63).to_le_bytes());
    add("2^63 rows".into(), Refused, bytes);
    add("fifty blocks in the place of one".into(), Refused, overlapping_blocks());
    add("its own schema again".into(), Harmless, with_schema(&good, &stored_schema(&good)));
    add("1,000,000 columns".into(), Limit, with_schema(&good, &schema(many_columns(1_000_000, 1))));
    let long_names = schema(many_columns(60_000, 1 << 20));
    add("60,000 names of 1 MiB".into(), Limit, with_schema(&good, &long_names));
    add("a type 1,000,000 deep".into(), Limit, with_schema(&good, &schema(deep_type(1_000_000))));
    let entries = "{},".repeat(11 << 20);
    let json = format!("{{\"schema\":{{}},\"fields\":[{entries}{{}}]}}");
    let metadata = [schema(many_columns(2, 1)).as_slice(), json.as_bytes()].concat();
    add("metadata of 11 million fields".into(), Limit, with_schema(&good, &metadata));
    bombs
}

/// Every block has the same bytes.
fn overlapping_blocks() -> Vec<u8> {
    let schema = Schema::new(vec![Field::new(1, "a", DataType::Int64, false)]).unwrap();
    let batch = random_batch(&schema, 5000, &mut Random::new(3));
    let encodings = [("a".to_owned(), EncodingId::PLAIN)].into();
    let options = WriterOptions { block_rows: 100, encodings, ..WriterOptions::default() };
    let mut bytes = write_file(&schema, &[batch], options).unwrap();
    let meta = open(bytes.clone()).unwrap().column(0).unwrap();
    let offsets: Vec<u64> = meta.blocks.iter().map(|block| block.pages[0].offset).collect();
    let found = parts(&bytes);
    let (_, record) = found.records.iter().find(|(kind, _)| *kind == 19).unwrap();
    let all: Vec<u8> = offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect();
    let at = (record.start..record.end).find(|at| bytes[*at..].starts_with(&all)).unwrap();
    bytes[at..at + all.len()].copy_from_slice(&offsets[0].to_le_bytes().repeat(offsets.len()));
    bytes
}

/// The schema record of a file.
fn stored_schema(file: &[u8]) -> Vec<u8> {
    let (_, record) = parts(file).records.last().unwrap().clone();
    file[record].to_vec()
}

/// The file with another schema record, compressed.
fn with_schema(file: &[u8], schema: &[u8]) -> Vec<u8> {
    let found = parts(file);
    let (kind, record) = found.records.last().unwrap().clone();
    assert_eq!((kind, record.end), (20, found.directory.start), "the schema is the last record");
    let packed = compress(schema, LEVEL).unwrap();
    let mut directory = file[found.directory.clone()].to_vec();
    let entry = directory.len() - 40;
    directory[entry + 16..entry + 24].copy_from_slice(&(packed.len() as u64).to_le_bytes());
    directory[entry + 24..entry + 32].copy_from_slice(&(schema.len() as u64).to_le_bytes());
    directory[entry + 36..entry + 40].copy_from_slice(&1u32.to_le_bytes());
    let mut trailer = file[file.len() - 128..].to_vec();
    let start = (record.start + packed.len()) as u64;
    trailer[..8].copy_from_slice(&start.to_le_bytes());
    let metadata = u64::from_le_bytes(trailer[16..24].try_into().unwrap());
    let metadata = metadata - record.len() as u64 + packed.len() as u64;
    trailer[16..24].copy_from_slice(&metadata.to_le_bytes());
    [&file[..record.start], &packed, &directory, &trailer].concat()
}

/// The start of a schema record: an Arrow schema, without ids and metadata.
fn schema(arrow: Vec<u8>) -> Vec<u8> {
    [&(arrow.len() as u32).to_le_bytes()[..], &arrow].concat()
}

/// The only column, as often as wanted, with a name of so many bytes.
fn many_columns(count: usize, name: usize) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let field = int_field(&mut builder, &"n".repeat(name));
    let fields = builder.create_vector(&vec![field; count]);
    finished(builder, fields)
}

fn int_field<'a>(
    builder: &mut FlatBufferBuilder<'a>,
    name: &str,
) -> WIPOffset<arrow_ipc::Field<'a>> {
    let name = builder.create_string(name);
    let int = arrow_ipc::Int::create(builder, &IntArgs { bitWidth: 64, is_signed: true });
    let children = builder.create_vector::<WIPOffset<arrow_ipc::Field<'_>>>(&[]);
    let arguments = FieldArgs {
        name: Some(name),
        nullable: true,
        type_type: arrow_ipc::Type::Int,
        type_: Some(int.as_union_value()),
        children: Some(children),
        ..FieldArgs::default()
    };
    arrow_ipc::Field::create(builder, &arguments)
}

/// Lists of lists.
fn deep_type(depth: usize) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let mut field = int_field(&mut builder, "n");
    let name = builder.create_string("n");
    let list = arrow_ipc::List::create(&mut builder, &ListArgs {}).as_union_value();
    for _ in 0..depth {
        let children = builder.create_vector(&[field]);
        let arguments = FieldArgs {
            name: Some(name),
            type_type: arrow_ipc::Type::List,
            type_: Some(list),
            children: Some(children),
            ..FieldArgs::default()
        };
        field = arrow_ipc::Field::create(&mut builder, &arguments);
    }
    let fields = builder.create_vector(&[field]);
    finished(builder, fields)
}

type Fields<'a> =
    WIPOffset<flatbuffers::Vector<'a, flatbuffers::ForwardsUOffset<arrow_ipc::Field<'a>>>>;

fn finished<'a>(mut builder: FlatBufferBuilder<'a>, fields: Fields<'a>) -> Vec<u8> {
    let arguments = SchemaArgs { fields: Some(fields), ..SchemaArgs::default() };
    let schema = arrow_ipc::Schema::create(&mut builder, &arguments);
    builder.finish(schema, None);
    builder.finished_data().to_vec()
}

/// What a page or a file answers; a file is read as scans do, and again as `verify` does.
fn read(page_of: Option<PhysicalType>, bytes: Vec<u8>) -> Result<()> {
    let Some(physical) = page_of else {
        let reader = open(bytes)?;
        // Endless rows would be given in batches.
        for batch in scan_all(&reader).build()?.take(100) {
            batch?;
        }
        return reader.verify().map(drop);
    };
    let budget = Limits::DEFAULT.page_budget(1000);
    let shared = SharedPages::default();
    let page = decode_page(&bytes, physical, 1000, false, &shared, &budget)?;
    page.values.into_flat(&budget).map(drop)
}

/// A number of KiB of this process: `VmHWM` is the most memory that it has held.
fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse().unwrap()
}

/// What this thread has worked: other tests share the machine, and waiting is not the reader's fault. Where
/// the system does not say, what time it is.
fn worked() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    let started = START.get_or_init(Instant::now);
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.map_or_else(|| started.elapsed(), Duration::from_nanos)
}

#[test]
#[ignore = "run by bombs_are_refused_at_once_and_take_no_memory, in a process of its own"]
fn alone() {
    let folder = std::env::var("NCF_TEST_BOMBS").unwrap();
    // What is loaded and cached once is nobody's bomb.
    let warm = open(small_file()).unwrap();
    scan_all(&warm).build().unwrap().for_each(drop);
    for number in 0.. {
        let path = Path::new(&folder).join(number.to_string());
        let Ok(bytes) = std::fs::read(&path) else { break };
        let page_of = match std::fs::read_to_string(path.with_extension("type")).unwrap().as_str() {
            "" => None,
            "I64" => Some(PhysicalType::I64),
            _ => Some(PhysicalType::Bytes),
        };
        // A busy machine slows down now and then; a bomb is slow each time.
        let (mut took, mut grown, mut answer) = attempt(page_of, bytes.clone());
        for _ in 0..2 {
            if took >= MOST_TIME.as_millis() {
                let again = attempt(page_of, bytes.clone());
                (took, grown, answer) = (took.min(again.0), grown.max(again.1), again.2);
            }
        }
        println!("bomb {number} {answer} {took} {grown}");
    }
}

/// Milliseconds of work, KiB of memory, and the answer.
fn attempt(page_of: Option<PhysicalType>, bytes: Vec<u8>) -> (u128, u64, String) {
    // From here on the most memory is counted anew, where the system allows it.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (before, start) = (memory("VmHWM"), worked());
    let answer = read(page_of, bytes);
    let (took, grown) = ((worked() - start).as_millis(), memory("VmHWM") - before);
    (took, grown, answer.map_or_else(|error| format!("{:?}", error.kind()), |()| "Ok".into()))
}

#[test]
fn bombs_are_refused_at_once_and_take_no_memory() {
    let bombs: Vec<Bomb> = hostile_pages().into_iter().chain(hostile_files()).collect();
    let folder = tempfile::tempdir().unwrap();
    for (number, bomb) in bombs.iter().enumerate() {
        let path = folder.path().join(number.to_string());
        let page_of = bomb.page_of.map_or(String::new(), |physical| format!("{physical:?}"));
        std::fs::write(path.with_extension("type"), page_of).unwrap();
        std::fs::write(path, &bomb.bytes).unwrap();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "bombs::alone", "--ignored", "--nocapture"])
        .env("NCF_TEST_BOMBS", folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    let mut lines = text.lines().filter_map(|line| Some(line.split_once("bomb ")?.1));
    let (mut wrong, mut worst) = (Vec::new(), (0, 0));
    for bomb in &bombs {
        let line = lines.next().expect("an answer to every bomb");
        let words: Vec<&str> = line.split(' ').collect();
        let [_, answer, took, grown] = words[..] else { panic!("{line}") };
        let known = match bomb.answer {
            Answer::Limit => answer == "LimitExceeded",
            Answer::Refused => ["Corrupt", "LimitExceeded"].contains(&answer),
            Answer::Harmless => ["Ok", "Corrupt", "LimitExceeded"].contains(&answer),
        };
        let (took, grown): (u128, u64) = (took.parse().unwrap(), grown.parse().unwrap());
        worst = (worst.0.max(took), worst.1.max(grown));
        if !known || took >= MOST_TIME.as_millis() || grown >= MOST_KIB {
            wrong.push(format!("{}: {answer} after {took} ms and {grown} KiB", bomb.what));
        }
    }
    println!("{} bombs, at most {} ms and {} KiB", bombs.len(), worst.0, worst.1);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
