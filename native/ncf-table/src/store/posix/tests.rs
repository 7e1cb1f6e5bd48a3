//! Tests of the POSIX store on a real file system.

use std::sync::atomic::{AtomicUsize, Ordering};

use ncf_core::ErrorKind;

use super::*;

#[test]
fn creates_once_and_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let store = PosixLogStore::new(folder.path().join("a/b/t"));
    let path = layout::record_path(0);
    assert!(store.list(layout::LOG_DIRECTORY).unwrap().is_empty());
    assert!(!store.exists(&path).unwrap());
    assert_eq!(store.read(&path, 10).unwrap(), None);
    assert!(matches!(store.put_if_absent(&path, b"one").unwrap(), Put::Created));
    assert!(matches!(store.put_if_absent(&path, b"two").unwrap(), Put::Exists));
    assert_eq!(store.read(&path, 10).unwrap().unwrap(), b"one");
    assert_eq!(store.read(&path, 2).unwrap_err().kind(), ErrorKind::LimitExceeded);
    // No temporary file stays behind.
    assert_eq!(store.list(&layout::directory_path(0)).unwrap(), ["00000000000000000000.json"]);
    store.delete(&path).unwrap();
    store.delete(&path).unwrap();
    assert!(!store.exists(&path).unwrap());
}

#[test]
fn the_first_record_of_a_folder_also_syncs_the_folder_before() {
    let put = |before: bool| {
        let folder = tempfile::tempdir().unwrap();
        let store = PosixLogStore::new(folder.path());
        if before {
            store.put_if_absent(&layout::record_path(4095), b"x").unwrap();
        }
        store.put_if_absent(&layout::record_path(4096), b"x").unwrap()
    };
    assert!(matches!(put(true), Put::Created));
    // A folder that is not there cannot be synced: only who tries notices.
    match put(false) {
        Put::NotDurable(error) => assert!(error.message().contains("0000000000"), "{error}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_system_without_hard_links_is_named_with_the_remedy() {
    let kind = |number| {
        let error = std::io::Error::from_raw_os_error(number);
        link_failed(Path::new("t/_ncf/log/x.json"), error).unwrap_err()
    };
    let error = kind(EPERM);
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("put the table on another one"), "{error}");
    let denied = 13;
    assert_eq!(kind(denied).kind(), ErrorKind::Io);
}

#[test]
fn a_race_has_one_winner() {
    let folder = tempfile::tempdir().unwrap();
    for version in 0..20 {
        let winners = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let store = PosixLogStore::new(folder.path());
                    let put = store.put_if_absent(&layout::record_path(version), b"x").unwrap();
                    winners.fetch_add(usize::from(matches!(put, Put::Created)), Ordering::SeqCst);
                });
            }
        });
        assert_eq!(winners.into_inner(), 1);
    }
}

#[test]
fn a_file_in_the_way_and_paths_outside_are_the_callers_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"not a folder").unwrap();
    let store = PosixLogStore::new(&file);
    for error in [
        store.list(layout::LOG_DIRECTORY).unwrap_err(),
        store.put_if_absent(&layout::record_path(0), b"x").unwrap_err(),
        store.read(&layout::record_path(0), 9).unwrap_err(),
        store.read("../x", 9).unwrap_err(),
        store.delete("/etc/x").unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
}
