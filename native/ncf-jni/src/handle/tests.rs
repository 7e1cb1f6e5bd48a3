//! Stale, double, concurrent and panicking uses of handles.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use ncf::{ErrorKind, Result};

use super::{MAX_LIVE, STEP, Slab};

/// Counts how often it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn stale_handles_are_recognised() {
    let slab = Slab::new("scan", 1);
    let first = slab.insert(10).unwrap();
    assert_ne!(first, 0);
    assert_eq!(slab.with(first, |value| Ok(*value)).unwrap(), 10);
    slab.close(first);
    slab.close(first);
    let second = slab.insert(20).unwrap();
    assert_eq!(first >> 32, second >> 32, "the slot is used again");
    assert_ne!(first, second);
    slab.close(first);
    let error = slab.with(first, |value| Ok(*value)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("closed"), "{error}");
    assert_eq!(slab.take(second).unwrap(), 20);
    assert!(slab.take(second).is_err());
    assert_eq!(slab.live(), 0);
}

#[test]
fn no_number_outside_the_slab_is_valid() {
    let slab = Slab::new("scan", 1);
    let handle = slab.insert(()).unwrap();
    for bad in [0, 1 << 32, u64::MAX, handle + 1, handle + u64::from(STEP), handle | 1 << 63] {
        assert!(slab.with(bad, |()| Ok(())).is_err(), "{bad}");
        slab.close(bad);
    }
    assert_eq!(slab.live(), 1);
}

#[test]
fn two_slabs_share_no_handle() {
    let (scans, writers) = (Slab::new("scan", 1), Slab::new("writer", 2));
    for _ in 0..10 {
        let scan = scans.insert(()).unwrap();
        let writer = writers.insert(()).unwrap();
        assert!(writers.take(scan).is_err());
        assert!(scans.take(writer).is_err());
        scans.close(scan);
        writers.close(writer);
    }
}

#[test]
fn a_second_thread_gets_an_error_and_a_late_close_waits() {
    let drops = Arc::new(AtomicUsize::new(0));
    let slab = Slab::new("scan", 1);
    let handle = slab.insert(Counted(drops.clone())).unwrap();
    let (entered, wait_entered) = mpsc::channel();
    let (leave, wait_leave) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let slab = &slab;
        scope.spawn(move || {
            slab.with(handle, |_| {
                entered.send(()).unwrap();
                wait_leave.recv().unwrap();
                Ok(())
            })
            .unwrap();
        });
        wait_entered.recv().unwrap();
        let error = slab.with(handle, |_| Ok(())).unwrap_err();
        assert!(error.message().contains("another thread"), "{error}");
        assert!(slab.take(handle).is_err());
        slab.close(handle);
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        leave.send(()).unwrap();
    });
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    assert_eq!(slab.live(), 0);
    assert!(slab.with(handle, |_| Ok(())).is_err());
}

#[test]
fn an_object_that_panicked_is_gone() {
    let drops = Arc::new(AtomicUsize::new(0));
    let slab = Slab::new("writer", 2);
    let handle = slab.insert(Counted(drops.clone())).unwrap();
    let caught =
        catch_unwind(AssertUnwindSafe(|| slab.with(handle, |_| -> Result<()> { panic!("x") })));
    assert!(caught.is_err());
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    assert!(slab.with(handle, |_| Ok(())).is_err());
    assert_eq!(slab.live(), 0);
    assert!(slab.insert(Counted(drops)).is_ok());
}

#[test]
fn used_up_generations_retire_the_slot() {
    let slab = Slab::new("scan", u32::MAX);
    let handle = slab.insert(1).unwrap();
    slab.close(handle);
    let next = slab.insert(2).unwrap();
    assert_ne!(handle >> 32, next >> 32);
    assert!(slab.take(handle).is_err());
    assert_eq!(slab.take(next).unwrap(), 2);
}

#[test]
fn too_many_objects_are_an_error() {
    let slab = Slab::new("scan", 1);
    for _ in 0..MAX_LIVE {
        slab.insert(()).unwrap();
    }
    assert_eq!(slab.insert(()).unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[test]
fn many_threads_never_share_an_object() {
    let drops = Arc::new(AtomicUsize::new(0));
    let slab = Slab::new("scan", 1);
    let common = slab.insert((0_usize, Counted(drops.clone()))).unwrap();
    let used = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    let own = slab.insert((0, Counted(drops.clone()))).unwrap();
                    let counted = slab.with(common, |(count, _)| {
                        *count += 1;
                        Ok(())
                    });
                    if counted.is_ok() {
                        used.fetch_add(1, Ordering::SeqCst);
                    }
                    slab.close(own);
                    slab.close(own);
                }
            });
        }
    });
    let (count, counted) = slab.take(common).unwrap();
    assert_eq!(count, used.load(Ordering::SeqCst));
    drop(counted);
    assert_eq!(drops.load(Ordering::SeqCst), 4 * 2_000 + 1);
    assert_eq!(slab.live(), 0);
}
