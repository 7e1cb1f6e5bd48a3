//! What plans tell an optimizer: how many rows pass, and what columns hold.

use ncf_core::{Expression, TextOp};

use super::*;

/// Two files of 20 and 30 blocks of 1000 rows.
fn table(root: &Path) -> Dataset {
    append(root, "one", 0..20_000, Operation::Create);
    append(root, "two", 20_000..50_000, Operation::Append);
    Dataset::open(root, &DatasetOptions::default()).unwrap()
}

fn filtered(filter: Predicate) -> ScanRequest {
    ScanRequest { filter: Some(filter), max_split_bytes: Some(0), ..ScanRequest::default() }
}

/// One row in ten, in every block.
fn ends_with_7() -> Predicate {
    Predicate::Text(TextOp::EndsWith, Expression::Column("s".into()), "7".into())
}

fn below(limit: i32) -> Predicate {
    Predicate::compare("n", CompareOp::Lt, Scalar::Int(limit))
}

#[test]
fn an_estimate_of_all_rows_is_exact_and_one_of_a_sample_is_not_below() {
    let root = tempfile::tempdir().unwrap();
    let table = table(root.path());
    let estimate = |filter: Predicate, windows| {
        let request = filtered(filter);
        table.estimate(&table.plan(&request).unwrap(), &request, windows).unwrap()
    };
    assert_eq!(estimate(ends_with_7(), 50), 5000);
    assert_eq!(estimate(below(1234), 8), 1234);
    assert_eq!(estimate(below(-1), 8), 0);
    for windows in [1, 4, 8] {
        let rows = estimate(ends_with_7(), windows);
        assert!((5000..20_000).contains(&rows), "{rows} from {windows} windows");
    }
    assert!(estimate(ends_with_7(), 8) < 6000);
    // Nothing in the blocks that were looked at is not nothing at all.
    let rare = Predicate::Text(TextOp::EndsWith, Expression::Column("s".into()), "00001".into());
    let rows = estimate(rare, 2);
    assert!((1..5000).contains(&rows), "{rows}");
    let request = ScanRequest::default();
    let plan = table.plan(&request).unwrap();
    assert_eq!(table.estimate(&plan, &request, 8).unwrap(), 50_000);
}

#[test]
fn summaries_are_of_the_planned_blocks_as_they_are_read() {
    let root = tempfile::tempdir().unwrap();
    let table = table(root.path());
    let columns: Vec<String> = ["n", "s", "new"].map(str::to_owned).into();
    let fields = vec![
        Field::new(1, "n", DataType::Int64, true),
        Field::new(2, "s", DataType::String, true),
        Field::new(3, "new", DataType::Int32, true),
    ];
    let schema = Some(Schema::new(fields).unwrap());
    let less = Predicate::compare("n", CompareOp::Lt, Scalar::Bigint(21_000));
    let request = ScanRequest { schema, ..filtered(less) };
    let plan = table.plan(&request).unwrap();
    let found = table.summaries(&plan, &request, &columns).unwrap();
    let number = &found["n"];
    assert_eq!(number.bounds.min, Some(Scalar::Bigint(0)));
    assert_eq!(number.bounds.max, Some(Scalar::Bigint(20_999)));
    assert_eq!(number.bounds.nulls, Some(0));
    assert!((15_000..=21_000).contains(&number.distinct), "{}", number.distinct);
    assert!((15_000..=21_000).contains(&found["s"].distinct), "{}", found["s"].distinct);
    let absent = &found["new"];
    assert_eq!((absent.bounds.nulls, absent.distinct), (Some(21_000), 0));
}
