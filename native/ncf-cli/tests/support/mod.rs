//! What the tests of the binary share: running it, a folder, and a table of random rows.

use std::fs;
use std::process::{Command, Output};
use std::sync::Arc;

use parquet::data_type::{Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use tempfile::TempDir;

pub(crate) const GOOD: i32 = 0;
pub(crate) const BAD_DATA: i32 = 1;
pub(crate) const USAGE: i32 = 2;
pub(crate) const IO: i32 = 3;

/// Types that text does not carry.
const TYPES: [&str; 8] = [
    "--type=small=smallint",
    "--type=price=decimal(12,2)",
    "--type=wide=decimal(30,4)",
    "--type=ratio=double",
    "--type=bytes=binary",
    "--type=day=date",
    "--type=at=timestamp",
    "--type=local=timestamp_ntz",
];

pub(crate) fn ncf(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ncf")).args(arguments).output().unwrap()
}

#[track_caller]
pub(crate) fn good(arguments: &[&str]) -> String {
    let output = ncf(arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(GOOD), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The message of a command that must fail with `code`.
#[track_caller]
pub(crate) fn fails(code: i32, arguments: &[&str]) -> String {
    let output = ncf(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    errors
}

pub(crate) struct Folder(pub(crate) TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_string()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Names of all entries: nothing temporary may stay.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// A fixed sequence of numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// One row of the table that the tests use.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) small: Option<i16>,
    pub(crate) price: Option<i64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) name: Option<String>,
    pub(crate) flag: Option<bool>,
    pub(crate) day: Option<u32>,
}

pub(crate) fn rows(count: usize) -> Vec<Row> {
    let mut random = Random(48_772);
    let words =
        ["apple", "pear", "", "été", "a,b", "say \"hi\"", "line\nbreak", "apple pie", "pine apple"];
    (0..count)
        .map(|id| Row {
            id: id as i64,
            small: (!random.one_in(7)).then(|| random.below(200) as i16 - 100),
            price: (!random.one_in(9)).then(|| random.below(100_000) as i64 - 50_000),
            ratio: (!random.one_in(8)).then(|| match random.below(6) {
                0 => f64::NAN,
                1 => -0.0,
                2 => f64::INFINITY,
                _ => random.below(1000) as f64 / 8.0 - 50.0,
            }),
            name: (!random.one_in(6)).then(|| words[random.below(9) as usize].to_string()),
            flag: (!random.one_in(5)).then(|| random.one_in(2)),
            day: (!random.one_in(5)).then(|| random.below(28) as u32 + 1),
        })
        .collect()
}

pub(crate) fn cents(value: i64) -> String {
    format!("{}{}.{:02}", if value < 0 { "-" } else { "" }, value.abs() / 100, value.abs() % 100)
}

/// The row as this CLI prints it in JSON.
pub(crate) fn json(row: &Row) -> String {
    fn or_null<T>(value: &Option<T>, text: impl Fn(&T) -> String) -> String {
        value.as_ref().map_or("null".to_string(), text)
    }
    let ratio = or_null(&row.ratio, |value| match value {
        value if value.is_nan() => "\"NaN\"".to_string(),
        value if value.is_infinite() => "\"inf\"".to_string(),
        value => format!("{value:?}"),
    });
    let day = |text: &str| or_null(&row.day, |day| format!("\"2024-02-{day:02}{text}\""));
    format!(
        r#"{{"id":{},"small":{},"price":{},"wide":{},"ratio":{ratio},"name":{},"flag":{},"bytes":{},"day":{},"at":{},"local":{}}}"#,
        row.id,
        or_null(&row.small, i16::to_string),
        or_null(&row.price, |value| cents(*value)),
        or_null(&row.price, |value| format!("{}00", cents(*value))),
        or_null(&row.name, |name| serde_json::Value::from(name.as_str()).to_string()),
        or_null(&row.flag, bool::to_string),
        or_null(&row.small, |value| format!("\"{:04x}\"", *value as u16)),
        day(""),
        day("T12:30:00.000001Z"),
        day("T12:30:00.500"),
    )
}

pub(crate) fn lines(rows: &[Row]) -> String {
    rows.iter().map(|row| json(row) + "\n").collect()
}

pub(crate) fn convert_typed(input: &str, output: &str) {
    let mut arguments = vec!["convert", input, output];
    arguments.extend(TYPES);
    good(&arguments);
}

pub(crate) fn sample(folder: &Folder, count: usize) -> (Vec<Row>, String) {
    let rows = rows(count);
    let input = folder.write("rows.jsonl", lines(&rows));
    let file = folder.path("rows.ncf");
    convert_typed(&input, &file);
    (rows, file)
}

/// A Parquet file as old Sparks write it: one column `at` of Julian days and nanoseconds of the day.
pub(crate) fn write_int96(path: &str, instants: &[(u32, u64)]) {
    let schema = Arc::new(parse_message_type("message t { required int96 at; }").unwrap());
    let file = fs::File::create(path).unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let values: Vec<Int96> = instants
        .iter()
        .map(|(day, nanos)| {
            let mut value = Int96::new();
            value.set_data(*nanos as u32, (*nanos >> 32) as u32, *day);
            value
        })
        .collect();
    column.typed::<Int96Type>().write_batch(&values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}
