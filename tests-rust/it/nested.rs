//! Nested columns: what is written is read, whole, in part, and filtered.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Int32Array, ListArray, RecordBatch, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use ncf::{
    ColumnSource, CompareOp, DataType, ErrorKind, Expression, Field, FieldPath, FieldType,
    Predicate, Profile, Scalar, ScanBuilder, ScanColumn, Schema, WriterOptions, to_arrow_schema,
};
use ncf_tests::nested::{nested_schema, random_values};
use ncf_tests::reseal::reseal;
use ncf_tests::{Random, open, read_all, scan_all, write_file};

fn options(block_rows: usize, profile: Profile) -> WriterOptions {
    WriterOptions { block_rows, profile, file_uuid: Some([9; 16]), ..WriterOptions::default() }
}

fn batch(schema: &Schema, rows: usize, random: &mut Random) -> RecordBatch {
    let columns = schema.fields.iter().map(|field| random_values(field, rows, random)).collect();
    RecordBatch::try_new(Arc::new(to_arrow_schema(schema)), columns).unwrap()
}

fn joined(batches: &[RecordBatch]) -> RecordBatch {
    concat_batches(&batches[0].schema(), batches).unwrap()
}

/// Arrow's equality looks through nulls: what lies under them does not count.
fn same(found: &RecordBatch, expected: &RecordBatch, what: &str) {
    assert_eq!(found.schema(), expected.schema(), "{what}");
    for (index, (a, b)) in found.columns().iter().zip(expected.columns()).enumerate() {
        assert_eq!(a.len(), b.len(), "{what}");
        assert!(a == b, "{what}: column {} differs", found.schema().field(index));
    }
}

#[test]
fn random_nested_rows_come_back_whole_and_filtered() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let schema = nested_schema(3, 1 + (seed as u32) % 4, &mut random);
        let rows = [1, 5, 1000, 3000, 9000][random.below(5) as usize];
        let data = batch(&schema, rows, &mut random);
        let profile = if seed % 2 == 0 { Profile::Fast } else { Profile::Balanced };
        let block_rows = 1 + random.below(4000) as usize;
        let cut = random.below(rows as u64) as usize;
        let parts = [data.slice(0, cut), data.slice(cut, rows - cut)];
        let bytes = write_file(&schema, &parts, options(block_rows, profile)).unwrap();
        let reader = open(bytes).unwrap();
        assert_eq!(*reader.schema(), schema);
        reader.verify().unwrap();
        let what = format!("seed {seed}");
        same(&joined(&read_all(scan_all(&reader).build().unwrap()).unwrap()), &data, &what);

        let literal = random.next_u64() as i32;
        let filter = Predicate::compare("key", CompareOp::Lt, Scalar::Int(literal));
        let keys = data.column(0).as_primitive::<Int32Type>();
        let mask: BooleanArray = keys.iter().map(|key| Some(key? < literal)).collect();
        let expected = filter_record_batch(&data, &mask).unwrap();
        let found = read_all(scan_all(&reader).filter(filter).build().unwrap()).unwrap();
        match found.is_empty() {
            true => assert_eq!(expected.num_rows(), 0, "{what}"),
            false => same(&joined(&found), &expected, &what),
        }
    }
}

/// Struct `s` of `a int`, `b array<string>` and a flat `k`.
fn simple() -> Schema {
    let element = Field::new(5, "element", DataType::String, true);
    let parts = vec![
        Field::new(3, "a", DataType::Int32, true),
        Field::new(4, "b", FieldType::Array(Box::new(element)), true),
    ];
    Schema::new(vec![
        Field::new(1, "k", DataType::Int64, true),
        Field::new(2, "s", FieldType::Struct(parts), true),
    ])
    .unwrap()
}

#[test]
fn parts_of_structs_are_read_alone_and_absent_ones_are_null() {
    let schema = simple();
    let data = batch(&schema, 5000, &mut Random::new(3));
    let reader = open(
        write_file(&schema, std::slice::from_ref(&data), options(1000, Profile::Fast)).unwrap(),
    );
    let reader = reader.unwrap();
    let wanted = Field::new(
        2,
        "s",
        FieldType::Struct(vec![
            Field::new(9, "z", FieldType::Struct(vec![]), true),
            Field::new(3, "A", DataType::Int32, true),
        ]),
        true,
    );
    let columns = vec![ScanColumn { field: wanted, source: ColumnSource::File(1) }];
    let mut scan = ScanBuilder::new(reader.clone(), columns).build().unwrap();
    let mut found = Vec::new();
    for batch in scan.by_ref() {
        found.push(batch.unwrap());
    }
    let found = joined(&found);
    let (parts, whole) = (found.column(0).as_struct(), data.column(1).as_struct());
    assert_eq!(parts.nulls(), whole.nulls());
    assert_eq!(parts.column(0).null_count(), 5000);
    let masked = |array: &StructArray, part: usize| -> ArrayRef {
        let nulls = arrow_buffer::NullBuffer::union(array.nulls(), array.column(part).nulls());
        let data = array.column(part).to_data().into_builder().nulls(nulls).build().unwrap();
        arrow_array::make_array(data)
    };
    assert!(masked(parts, 1) == masked(whole, 0));
    let narrow = scan.metrics().bytes_read;
    let mut all = scan_all(&reader).build().unwrap();
    while all.next_batch().unwrap().is_some() {}
    assert!(narrow * 2 < all.metrics().bytes_read, "{narrow} of {}", all.metrics().bytes_read);
}

#[test]
fn other_types_inside_and_nulls_where_none_may_be_are_refused() {
    let schema = simple();
    let data = batch(&schema, 100, &mut Random::new(4));
    let bytes =
        write_file(&schema, std::slice::from_ref(&data), options(50, Profile::Fast)).unwrap();
    let reader = open(bytes).unwrap();
    let wrong = FieldType::Struct(vec![Field::new(3, "a", DataType::Int16, true)]);
    let columns =
        vec![ScanColumn { field: Field::new(2, "s", wrong, true), source: ColumnSource::File(1) }];
    let error = ScanBuilder::new(reader.clone(), columns).build().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    for part in ["stored as int", "read as smallint", "column s", "field a"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let filter = Predicate::compare("s", CompareOp::Eq, Scalar::Int(1));
    assert!(scan_all(&reader).filter(filter).build().is_err());

    let mut strict = schema.clone();
    strict.fields[1].field_type.parts_mut()[0].nullable = false;
    let with_nulls = (0..50).map(|seed| batch(&schema, 100, &mut Random::new(seed))).find(|data| {
        let whole = data.column(1).as_struct();
        whole.null_count() == 0 && whole.column(0).null_count() > 0
    });
    let error = write_file(&strict, &[with_nulls.unwrap()], options(50, Profile::Fast));
    let error = error.err().unwrap();
    assert!(error.to_string().contains("NOT NULL"), "{error}");
}

#[test]
fn a_filter_reads_its_own_field_and_prunes_by_it() {
    let schema = simple();
    let parts = schema.fields[1].field_type.parts();
    let fields = parts.iter().map(Field::to_arrow).collect();
    let rows = 50_000;
    let a = Arc::new(Int32Array::from_iter_values(0..rows)) as ArrayRef;
    let b = random_values(&parts[1], rows as usize, &mut Random::new(12));
    // Null in the first block, partly in the second, nowhere after it.
    let nulls = (0..rows).map(|row| row >= 15_000).collect();
    let s = Arc::new(StructArray::new(fields, vec![a, b], Some(nulls))) as ArrayRef;
    let k = random_values(&schema.fields[0], rows as usize, &mut Random::new(13));
    let data = RecordBatch::try_new(Arc::new(to_arrow_schema(&schema)), vec![k, s]).unwrap();
    let reader = open(write_file(&schema, &[data], options(10_000, Profile::Fast)).unwrap());
    let reader = reader.unwrap();
    let path = |names: &[&str]| {
        let mut names = names.iter().map(ToString::to_string);
        Expression::Column(FieldPath::new(names.next().unwrap(), names.collect()))
    };
    let scan = |predicate: Predicate, columns: &[&str]| {
        let names = columns.iter().map(ToString::to_string).collect();
        let mut scan = scan_all(&reader).project(names).filter(predicate).build().unwrap();
        let rows: usize = scan.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
        let metrics = scan.metrics();
        (rows, metrics.blocks_pruned, metrics.pages_read)
    };
    let a = || path(&["s", "a"]);
    let equal = |value| Predicate::Compare(CompareOp::Eq, a(), Expression::Literal(value));
    // A page of `s.a`, and one of `k` where a row is left.
    assert_eq!(scan(equal(Scalar::Int(34_567)), &["k"]), (1, 4, 2));
    assert_eq!(scan(equal(Scalar::Int(5)), &["k"]), (0, 5, 0));
    let is_null = |names: &[&str]| Predicate::IsNull(path(names));
    // Only the second block has to be looked at: its page of the presence, or of the field.
    assert_eq!(scan(is_null(&["s"]), &[]), (15_000, 3, 1));
    assert_eq!(scan(is_null(&["s", "a"]), &[]), (15_000, 3, 1));
    assert_eq!(scan(Predicate::IsNotNull(path(&["s"])), &[]), (35_000, 1, 1));
    // What is projected is not read twice.
    let (rows, _, pages) = scan(equal(Scalar::Int(34_567)), &["s"]);
    assert_eq!((rows, pages), (1, 4));
    for wrong in [&["s", "z"][..], &["k", "x"], &["s", "b", "element"]] {
        let error = scan_all(&reader).filter(is_null(wrong)).build().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
}

#[test]
fn a_value_below_a_null_struct_is_found() {
    let schema = Schema::new(vec![Field::new(
        1,
        "s",
        FieldType::Struct(vec![Field::new(2, "a", DataType::Int32, true)]),
        true,
    )])
    .unwrap();
    let fields = schema.fields[0].field_type.parts().iter().map(Field::to_arrow).collect();
    let present: Vec<bool> = (0..64).map(|row| row * row % 5 != 1).collect();
    let values = Arc::new(Int32Array::from_iter_values(0..64)) as ArrayRef;
    let nulls = Some(arrow_buffer::NullBuffer::from(present.clone()));
    let array = Arc::new(StructArray::new(fields, vec![values], nulls)) as ArrayRef;
    let data = RecordBatch::try_new(Arc::new(to_arrow_schema(&schema)), vec![array]).unwrap();
    let good = write_file(&schema, &[data], options(64, Profile::Fast)).unwrap();
    open(good.clone()).unwrap().verify().unwrap();
    let bits = arrow_buffer::BooleanBuffer::from(present).into_inner();
    let found: Vec<usize> =
        (0..good.len() - 8).filter(|at| good[*at..at + 8] == bits.as_slice()[..8]).collect();
    // The presence of `s` and the validity of `s.a`: row 0 goes missing from the first alone.
    assert_eq!(found.len(), 2);
    let mut bad = good;
    bad[found[0]] &= !1;
    reseal(&mut bad);
    let error = open(bad).unwrap().verify().unwrap_err();
    assert!(error.to_string().contains("below a null struct"), "{error}");
    assert!(error.to_string().contains("column s.a"), "{error}");
}

#[test]
fn deep_nesting_has_a_limit() {
    let nested = |depth: u32| {
        let mut field = Field::new(1, "element", DataType::Int32, true);
        for level in 1..depth {
            field = Field::new(level + 1, "element", FieldType::Array(Box::new(field)), true);
        }
        Schema::new(vec![Field { name: "deep".into(), ..field }])
    };
    let schema = nested(64).unwrap();
    let data = batch(&schema, 10, &mut Random::new(6));
    let reader =
        open(write_file(&schema, std::slice::from_ref(&data), options(7, Profile::Fast)).unwrap());
    let reader = reader.unwrap();
    reader.verify().unwrap();
    same(&joined(&read_all(scan_all(&reader).build().unwrap()).unwrap()), &data, "64 levels");
    assert_eq!(nested(65).unwrap_err().kind(), ErrorKind::LimitExceeded);
}

/// `v`, arrays of `n` floats each, under the name of the type.
fn vectors(n: usize, nullable: bool) -> (Schema, RecordBatch) {
    const ROWS: usize = 10_000;
    let element = Field::new(2, "element", DataType::Float32, nullable);
    let mut field = Field::new(1, "v", FieldType::Array(Box::new(element.clone())), true);
    field.metadata.insert("ncf.type".into(), format!("array({n})"));
    let schema = Schema::new(vec![field]).unwrap();
    let nulls: NullBuffer = (0..ROWS).map(|row| row % 10 != 0).collect();
    let lengths = (0..ROWS).map(|row| if row % 10 == 0 { 0 } else { n });
    let numbers =
        (0..ROWS * n / 10 * 9).map(|at| (!nullable || at % 5 > 0).then_some(at as f32 / 3.0));
    let numbers: Float32Array = numbers.collect();
    let offsets = OffsetBuffer::from_lengths(lengths);
    let lists =
        ListArray::try_new(element.to_arrow().into(), offsets, Arc::new(numbers), Some(nulls));
    let batch =
        RecordBatch::try_new(Arc::new(to_arrow_schema(&schema)), vec![Arc::new(lists.unwrap())]);
    (schema, batch.unwrap())
}

#[test]
fn embeddings_are_used_where_the_file_has_them() {
    for profile in [Profile::Fast, Profile::Balanced, Profile::Compact, Profile::Point] {
        let (schema, data) = vectors(32, false);
        let bytes =
            write_file(&schema, std::slice::from_ref(&data), options(10_000, profile)).unwrap();
        let file = bytes.as_ptr() as usize..bytes.as_ptr() as usize + bytes.len();
        let reader = open(bytes).unwrap();
        reader.verify().unwrap();
        let batches = read_all(scan_all(&reader).build().unwrap()).unwrap();
        same(&joined(&batches), &data, "embeddings");
        for batch in &batches {
            let values = batch.column(0).as_list::<i32>().values();
            let address = values.as_primitive::<Float32Type>().values().as_ptr() as usize;
            assert!(file.contains(&address), "the numbers were copied");
        }
        for page in &reader.column(1).unwrap().trees {
            assert_eq!(page, "aligned");
        }
    }
    // Points compress, and nulls have no place in the file.
    for (n, nullable) in [(2, false), (32, true)] {
        let (schema, data) = vectors(n, nullable);
        let options = options(10_000, Profile::Fast);
        let reader =
            open(write_file(&schema, std::slice::from_ref(&data), options).unwrap()).unwrap();
        same(&joined(&read_all(scan_all(&reader).build().unwrap()).unwrap()), &data, "others");
        assert!(reader.column(1).unwrap().trees.iter().all(|tree| !tree.contains("aligned")));
    }
}
