//! Every form of page against the row-at-a-time oracle.

use ncf_core::FieldPath;
use ncf_file::scalar_at;

use super::numbers::{flat, typed};
use super::random::{RESULTS, proven};
use super::*;
use crate::filter::random::{Random, types};
use crate::filter::tests::{by_position, column, scan_columns};
use crate::resolve::ColumnSource;

#[test]
fn agrees_with_the_oracle() {
    let mut random = Random(0x5eed_c0de_0000_0001);
    let types = types();
    let mut values = 0;
    for case in 0..6000 {
        let len = random.pick(&[1, 7, 64, 65, 130]);
        let columns = scan_columns(&mut random, &types);
        let data: Vec<_> = types.iter().map(|t| column(&mut random, *t, len)).collect();
        let wanted = random.pick(&RESULTS);
        let computation = proven(&mut random, &types, wanted, 3);
        let mut find = by_position(&columns);
        let mut program = Program::default();
        let step = program.add(&computation, &mut Compiler::new(&mut find)).unwrap();
        let pages = program.slots().iter().map(|slot| (*slot, data[*slot].1.clone())).collect();
        let rows = Rows { len, pages };
        let mut cache = Cache::default();
        // Twice: the second run meets cached dictionaries.
        for _ in 0..2 {
            let results = program.run(&rows, &mut cache).unwrap();
            let page = typed(results.get(step).unwrap(), wanted).unwrap();
            let dense = flat(&page).unwrap();
            assert_eq!(dense.len(), len);
            for row in 0..len {
                let field = |path: &FieldPath| {
                    let index = crate::resolve::position(&columns, path.column()).unwrap();
                    match &columns[index].source {
                        ColumnSource::Constant(value) => value.clone(),
                        ColumnSource::File(_) => data[index].0[row].clone(),
                    }
                };
                let valid = page.validity.as_ref().is_none_or(|valid| valid.value(row));
                let found = valid.then(|| scalar_at(&dense, row, wanted).unwrap());
                let expected = computation.evaluate(&field);
                values += usize::from(expected.is_some());
                assert_eq!(found, expected, "case {case}, row {row}: {computation}");
            }
        }
    }
    assert!(values > 100_000, "the cases must have values: {values}");
}
