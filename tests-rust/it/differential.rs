//! Random data, read by random schemas, filtered by random predicates, against the row-by-row oracle.
//!
//! A failure names its seed; the environment variable `NCF_TEST_SEED` runs that one alone.

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use ncf::{
    ColumnSource, Predicate, Profile, ScanBuilder, ScanColumn, Schema, WriterOptions, prune_blocks,
};
use ncf_tests::nested::nested_schema;
use ncf_tests::oracle::{FieldRows, field_rows, matches, reread};
use ncf_tests::predicates::{narrower_schema, random_predicate, wider_schema};
use ncf_tests::{Random, flat_schema, open, related_batch, write_file};

const DATASETS: u64 = 500;
const PREDICATES: u64 = 20;
const PROFILES: [Profile; 4] = [Profile::Fast, Profile::Balanced, Profile::Compact, Profile::Point];

/// A file, and the schema that it is read by.
struct Case {
    seed: u64,
    reader: std::sync::Arc<ncf::FileReader>,
    stored: Schema,
    data: RecordBatch,
    wanted: Schema,
    /// The rows by the schema wanted.
    rows: RecordBatch,
    fields: Vec<FieldRows>,
}

impl Case {
    fn new(seed: u64, random: &mut Random) -> Self {
        let stored = if random.one_in(4) {
            flat_schema()
        } else {
            nested_schema(1 + random.below(4) as usize, random.below(4) as u32, random)
        };
        let rows = [1, 7, 200, 1000, 2500][random.below(5) as usize];
        // A few span several zones.
        let rows = if random.one_in(25) { 20_000 } else { rows };
        let data = related_batch(&stored, rows, random);
        let most = if random.one_in(3) { 300 } else { 30_000 };
        let filtered = |field: &&ncf::Field| {
            let value = field.field_type.value();
            value.is_some_and(|value| value != ncf::DataType::Boolean)
        };
        let filtered = stored.fields.iter().filter(filtered).filter(|_| random.one_in(3));
        let filter_columns = filtered.map(|field| field.name.clone()).collect();
        let options = WriterOptions {
            filter_columns,
            block_rows: 1 + random.below(most) as usize,
            profile: PROFILES[random.below(4) as usize],
            ..WriterOptions::default()
        };
        let bytes = write_file(&stored, std::slice::from_ref(&data), options);
        let reader = open(bytes.unwrap_or_else(|error| panic!("seed {seed}: {error}"))).unwrap();
        let wanted = if random.one_in(2) { stored.clone() } else { wider_schema(&stored, random) };
        let rows = reread(&data, &stored, &wanted);
        let fields = field_rows(&rows, &wanted);
        Self { seed, reader, stored, data, wanted, rows, fields }
    }

    fn columns(&self, schema: &Schema) -> Vec<ScanColumn> {
        let column = |field: &ncf::Field| {
            let source = match self.stored.index_of(&field.name) {
                Some(index) => ColumnSource::File(index),
                None => ColumnSource::Constant(None),
            };
            ScanColumn { field: field.clone(), source }
        };
        schema.fields.iter().map(column).collect()
    }

    fn check(&self, predicate: &Predicate, random: &mut Random) {
        let returned = narrower_schema(&self.wanted, random);
        let what =
            || format!("seed {}: {predicate}\nof {:?}\nas {returned:?}", self.seed, self.stored);
        let mask = matches(predicate, &self.fields, self.rows.num_rows());
        let expected = reread(&self.data, &self.stored, &returned);
        let expected = filter_record_batch(&expected, &BooleanArray::from(mask.clone())).unwrap();
        let filter_columns = self.columns(&self.wanted);
        let keep = prune_blocks(&self.reader, &filter_columns, predicate)
            .unwrap_or_else(|error| panic!("{error}\n{}", what()));
        for (keep, block) in keep.iter().zip(self.reader.blocks()) {
            let first = block.first_row as usize;
            let any = mask[first..first + block.rows as usize].contains(&true);
            assert!(*keep || !any, "a block with matches is pruned\n{}", what());
        }
        let scan = ScanBuilder::new(self.reader.clone(), self.columns(&returned))
            .filter(predicate.clone())
            .filter_columns(filter_columns)
            .batch_rows(1 + random.below(3000) as usize)
            .build();
        let scan = scan.unwrap_or_else(|error| panic!("{error}\n{}", what()));
        let schema = scan.schema();
        let batches: Vec<_> =
            scan.map(|batch| batch.unwrap_or_else(|error| panic!("{error}\n{}", what()))).collect();
        let found = concat_batches(&schema, &batches).unwrap();
        assert_eq!(found.num_rows(), expected.num_rows(), "{}", what());
        assert_eq!(found.schema(), expected.schema(), "{}", what());
        for (index, (a, b)) in found.columns().iter().zip(expected.columns()).enumerate() {
            assert!(a == b, "column {} differs\n{}", schema.field(index), what());
        }
    }
}

#[test]
fn ten_thousand_random_cases_agree_with_the_oracle() {
    let seeds = match std::env::var("NCF_TEST_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("NCF_TEST_SEED is a number");
            seed..seed + 1
        }
        Err(_) => 0..DATASETS,
    };
    let (mut cases, mut some) = (0, 0);
    for seed in seeds {
        let mut random = Random::new(seed);
        let case = Case::new(seed, &mut random);
        for _ in 0..PREDICATES {
            let predicate = random_predicate(&case.fields, 3, &mut random);
            case.check(&predicate, &mut random);
            cases += 1;
            let found = matches(&predicate, &case.fields, case.rows.num_rows());
            some += u64::from(found.contains(&true) && found.contains(&false));
        }
    }
    // Predicates that all rows pass, or none, show little.
    assert!(some * 4 > cases, "only {some} of {cases} predicates divide their rows");
}
