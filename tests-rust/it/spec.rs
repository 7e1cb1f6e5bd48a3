//! The tables of the specification say what the code does.

use ncf::file::constants as c;
use ncf::index::learned;
use ncf::{DataType, ErrorKind, Limits};
use ncf_tests::repository;

fn spec(name: &str) -> String {
    let path = repository().join("docs/spec").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| unreachable!("{path:?}: {error}"))
}

/// Rows of the table under a heading, cells trimmed and without backticks.
fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = text.split_once(&format!("{heading}\n")).unwrap_or_else(|| {
        unreachable!("there is no heading {heading}");
    });
    let section = rest.lines().take_while(|line| !line.starts_with('#'));
    let rows = section.filter(|line| line.starts_with('|')).skip(2);
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_matches('|');
        inner.split('|').map(|cell| cell.trim().replace('`', "")).collect()
    };
    rows.map(cells).collect()
}

fn number(text: &str) -> u64 {
    let digits: String = text.chars().filter(|c| *c != ' ' && *c != '\u{a0}').collect();
    digits.parse().unwrap_or_else(|_| unreachable!("{text} is not a number"))
}

#[test]
fn constants() {
    let stated = table(&spec("format.md"), "## Constants");
    let expected = [
        ("major version", u64::from(c::MAJOR_VERSION)),
        ("minor version", u64::from(c::MINOR_VERSION)),
        ("header bytes", c::HEADER_LEN as u64),
        ("trailer bytes", c::TRAILER_LEN as u64),
        ("directory record bytes", c::DIRECTORY_RECORD_LEN as u64),
        ("page alignment", c::PAGE_ALIGNMENT as u64),
        ("rows of a page, at most", c::PAGE_ROWS as u64),
        ("rows of a zone", c::ZONE_ROWS as u64),
        ("rows of a vector", c::VECTOR_ROWS as u64),
        ("rows of a block, at most", c::BLOCK_ROWS as u64),
        ("bytes of a string bound, at most", c::BOUND_BYTES as u64),
        ("registers of a sketch", c::SKETCH_REGISTERS as u64),
        ("bytes of the first read", c::TAIL_READ),
        ("records are compressed over, bytes", c::COMPRESS_RECORD_OVER as u64),
    ];
    assert_eq!(stated.len(), expected.len());
    for (row, (name, value)) in stated.iter().zip(expected) {
        assert_eq!((row[0].as_str(), number(&row[1])), (name, value));
    }
}

#[test]
fn constants_of_indexes() {
    let stated = table(&spec("index.md"), "## Constants");
    let expected = [
        ("rows of a vector", learned::VECTOR_ROWS as u64),
        ("vectors of a column with an index, at least", learned::MIN_VECTORS as u64),
        ("vectors between fences", learned::WINDOW as u64),
        ("rows that a model may be off, as it is made", u64::from(learned::EPSILON)),
        ("bytes of a string that count, at most", learned::TEXT_BYTES as u64),
        ("bytes of an index, at most", c::INDEX_BYTES as u64),
        ("bytes of a model of others, at most", learned::MODEL_BYTES),
        ("rows added to how far a model of others is off", learned::MARGIN),
        ("bytes of a filter page, at most", c::FILTER_PAGE_BYTES),
        ("bytes of all indexes of a small file, at most", c::INDEX_LEAST),
        ("a larger file has for each byte of indexes, bytes", c::INDEX_SHARE),
        ("bytes of a block for each byte of filters that nobody asked for", c::FILTER_SHARE),
    ];
    assert_eq!(stated.len(), expected.len());
    for (row, (name, value)) in stated.iter().zip(expected) {
        assert_eq!((row[0].as_str(), number(&row[1])), (name, value));
    }
    assert_eq!(c::VECTOR_ROWS, learned::VECTOR_ROWS);
}

#[test]
fn piece_kinds() {
    let stated = table(&spec("format.md"), "### Kinds");
    assert_eq!(stated.len(), c::PieceKind::ALL.len());
    for (row, (kind, name)) in stated.iter().zip(c::PieceKind::ALL) {
        assert_eq!((number(&row[0]), row[1].as_str()), (u64::from(kind.code()), name));
    }
}

#[test]
fn limits() {
    let stated = table(&spec("format.md"), "## Limits");
    let l = Limits::DEFAULT;
    let expected = [
        ("bytes of a decoded page of one row", l.page_bytes),
        ("bytes of a decoded page of several rows", l.rows_bytes),
        ("values of a shared page", l.shared_values),
        ("bytes of a decoded shared page", l.shared_bytes),
        ("rows of a page", l.page_rows),
        ("rows of a block", l.block_rows),
        ("bytes of metadata", l.metadata_bytes),
        ("columns", l.columns),
        ("blocks", l.blocks),
        ("depth of nesting", l.depth),
        ("bytes of a value", l.value_bytes),
    ];
    assert_eq!(stated.len(), expected.len());
    for (row, (name, value)) in stated.iter().zip(expected) {
        assert_eq!((row[0].as_str(), number(&row[1])), (name, value));
    }
}

#[test]
fn error_kinds() {
    let text = spec("table.md");
    for kind in ErrorKind::ALL {
        assert!(text.contains(&format!("`{}`", kind.name())), "{} is not in table.md", kind.name());
    }
}

/// Whether the table says that `stored` may be read as `wider`.
fn widens(rows: &[Vec<String>], stored: DataType, wider: DataType) -> bool {
    let decimal = |data_type| match data_type {
        DataType::Decimal { precision, scale } => Some((u64::from(precision), u64::from(scale))),
        _ => None,
    };
    if let (Some((p, s)), Some((q, t))) = (decimal(stored), decimal(wider)) {
        let row = rows.iter().find(|row| row[0] == "decimal(p,s)").unwrap();
        assert_eq!(row[1], "decimal(q,t) with t ≥ s and q − t ≥ p − s");
        return t >= s && q - t >= p - s;
    }
    let Some(row) = rows.iter().find(|row| row[0] == stored.to_string()) else { return false };
    row[1].split(", ").any(|read| match (read.split_once(" with p − s ≥ "), decimal(wider)) {
        (Some((_, digits)), Some((p, s))) => p - s >= number(digits),
        (None, None) => read == wider.to_string(),
        _ => false,
    })
}

#[test]
fn wider_types() {
    let rows = table(&spec("format.md"), "### Wider types");
    assert_eq!(rows.len(), 7);
    let plain = "boolean tinyint smallint int bigint float double string binary date timestamp \
                 timestamp_ntz";
    let mut types: Vec<DataType> = plain.split(' ').map(|name| name.parse().unwrap()).collect();
    for precision in 1..=38 {
        types.extend((0..=precision).map(|scale| DataType::Decimal { precision, scale }));
    }
    for stored in &types {
        for wider in types.iter().filter(|wider| *wider != stored) {
            let stated = widens(&rows, *stored, *wider);
            assert_eq!(stored.widens_to(*wider), stated, "{stored} as {wider}");
        }
    }
}

#[test]
fn logical_types() {
    let stated = table(&spec("format.md"), "### Logical types");
    let rows: Vec<(String, String)> =
        stated.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    for (name, stored) in ncf_tests::golden::logical_types() {
        let kind = name.split(['(', ' ']).next().unwrap();
        let of_kind =
            rows.iter().find(|(names, _)| names.starts_with(name) || names.starts_with(kind));
        let (_, stated) = of_kind.unwrap_or_else(|| unreachable!("{name} is not specified"));
        let words = stored.to_string();
        let word = words.split(['<', ' ']).next().unwrap();
        assert!(
            stated.contains(word) || name.starts_with("interval "),
            "{name}: {stated}, {words}"
        );
        let mut field = ncf::Field::new(1, "c", stored, true);
        field.metadata.insert(ncf::TYPE_KEY.into(), name.into());
        // Those that Rust knows mean something only over the storage that is stated.
        if let Ok(known) = name.parse::<ncf::LogicalType>() {
            assert_eq!(ncf::LogicalType::of(&field), Some(known), "{name}");
        }
    }
    let documented =
        rows.iter().filter(|(name, _)| name.parse::<ncf::LogicalType>().is_ok()).count();
    assert_eq!(documented, 4, "the unsigned integers; the others have a letter for a number");
}
