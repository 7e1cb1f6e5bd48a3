//! Threads that append to one table on a real file system.

use std::collections::BTreeSet;

use super::{append, create, file, paths, read, schema};
use crate::{Operation, PosixLogStore, Transaction, changes, open};

#[test]
fn concurrent_appends_are_all_there_once() {
    const THREADS: usize = 4;
    const COMMITS: usize = 25;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("t");
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let root = &root;
            scope.spawn(move || {
                // The first appends race to create the table.
                let store = PosixLogStore::new(root);
                for commit in 0..COMMITS {
                    let snapshot = open(&store).unwrap();
                    Transaction::new(snapshot.as_ref())
                        .schema(&schema())
                        .add_file(file(&format!("{thread}-{commit}"), 3))
                        .commit(&store)
                        .unwrap();
                }
            });
        }
    });
    let store = PosixLogStore::new(&root);
    let snapshot = read(&store);
    assert_eq!(snapshot.version, (THREADS * COMMITS - 1) as u64);
    let wanted: BTreeSet<_> = (0..THREADS)
        .flat_map(|thread| (0..COMMITS).map(move |commit| format!("data/{thread}-{commit}.ncf")))
        .collect();
    assert_eq!(paths(&snapshot), wanted.iter().collect::<Vec<_>>());
    assert_eq!(snapshot.next_row_id, snapshot.rows());
    assert_eq!(changes(&store, None, snapshot.version).unwrap().len(), THREADS * COMMITS);
}

#[test]
fn one_of_many_creators_wins() {
    let folder = tempfile::tempdir().unwrap();
    let won: usize = std::thread::scope(|scope| {
        let create = || {
            let store = PosixLogStore::new(folder.path());
            let made = Transaction::new(None)
                .operation(Operation::Create)
                .schema(&schema())
                .commit(&store);
            usize::from(made.is_ok())
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(create)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(won, 1);
}

#[test]
fn the_log_goes_on_after_a_folder_is_full() {
    let store = crate::MemoryLogStore::new("t");
    create(&store);
    // 4096 appends, each on the snapshot that the commit before made.
    let mut snapshot = read(&store);
    for number in 0..4100 {
        let done = Transaction::new(Some(&snapshot)).schema(&schema()).commit(&store).unwrap();
        assert_eq!(done.version, number + 1);
        if number % 128 == 0 {
            snapshot = read(&store);
        }
    }
    append(&store, "last");
    assert_eq!(read(&store).version, 4101);
}
