//! Native memory of scans and writers: what one of them holds is counted by its [`MemoryConsumer`],
//! which asks a [`MemoryPool`] before it holds more.
//!
//! What grows with the data is counted: metadata, pages, dictionaries, batches, blocks. That is done
//! a page or a block at a time, not for each allocation.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, ErrorKind, Result};

/// A pool is asked for multiples of this many bytes, so that it is asked seldom.
const STEP: u64 = 1 << 20;

/// Memory that several consumers share, like that of Spark's executors.
pub trait MemoryPool: Send + Sync {
    /// Asks for `bytes` and answers how many were granted, which may be fewer: these are the caller's
    /// until it releases them.
    ///
    /// # Errors
    /// When the pool cannot be asked.
    fn acquire(&self, bytes: u64) -> Result<u64>;

    /// Gives back what was granted.
    fn release(&self, bytes: u64);

    /// What a user can do when the pool grants too little, for a message.
    fn advice(&self) -> &'static str;
}

/// Counts the memory of one scan or writer. Clones count together; what the pool granted goes back
/// with the last of them.
#[derive(Clone)]
pub struct MemoryConsumer(Arc<Inner>);

struct Inner {
    name: &'static str,
    limit: u64,
    pool: Option<Box<dyn MemoryPool>>,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    held: u64,
    /// Granted by the pool, `held` or more.
    acquired: u64,
    peak: u64,
}

impl MemoryConsumer {
    /// A consumer that holds at most `limit` bytes, and asks `pool` for them where there is one.
    /// Messages call it `name`, as in "the scan".
    pub fn new(name: &'static str, limit: u64, pool: Option<Box<dyn MemoryPool>>) -> Self {
        Self(Arc::new(Inner { name, limit, pool, counts: Mutex::default() }))
    }

    /// Memory that is counted by this consumer; none yet.
    pub fn reservation(&self) -> MemoryReservation {
        MemoryReservation { consumer: self.clone(), bytes: 0 }
    }

    /// Most bytes that were held at a time.
    pub fn peak(&self) -> u64 {
        self.counts().peak
    }

    /// Bytes that are held.
    pub fn held(&self) -> u64 {
        self.counts().held
    }

    /// Gives the pool back what is not held.
    pub fn trim(&self) {
        let mut counts = self.counts();
        let unused = counts.acquired.saturating_sub(counts.held);
        if let Some(pool) = self.0.pool.as_ref().filter(|_| unused > 0) {
            counts.acquired = counts.held;
            pool.release(unused);
        }
    }

    /// Holds `bytes` more for `what`.
    ///
    /// # Errors
    /// `LimitExceeded` when fewer are granted; then none of them are held.
    pub(crate) fn grow(&self, what: &str, bytes: u64) -> Result<()> {
        match self.ask(bytes, 0)? {
            Some(granted) => Err(self.refused(what, bytes, granted)),
            None => Ok(()),
        }
    }

    pub(crate) fn shrink(&self, bytes: u64) {
        let mut counts = self.counts();
        counts.held = counts.held.saturating_sub(bytes);
    }

    /// Holds `bytes` more where limit and pool have `spare` left beside them, or answers how many could have been
    /// held.
    fn ask(&self, bytes: u64, spare: u64) -> Result<Option<u64>> {
        let mut counts = self.counts();
        let free = self.0.limit.saturating_sub(counts.held);
        if bytes.saturating_add(spare) > free {
            return Ok(Some(free.saturating_sub(spare)));
        }
        let held = counts.held + bytes;
        if let Some(pool) = &self.0.pool
            && held > counts.acquired
        {
            let missing = held - counts.acquired;
            let asked = missing.checked_next_multiple_of(STEP).unwrap_or(missing);
            let granted = pool.acquire(asked.saturating_add(spare))?;
            if granted < missing.saturating_add(spare) {
                pool.release(granted);
                return Ok(Some(counts.acquired - counts.held + granted.saturating_sub(spare)));
            }
            if spare > 0 {
                pool.release(spare);
            }
            counts.acquired += granted - spare;
        }
        counts.held = held;
        counts.peak = counts.peak.max(held);
        Ok(None)
    }

    fn refused(&self, what: &str, asked: u64, granted: u64) -> Error {
        let Inner { name, limit, pool, .. } = &*self.0;
        let held = self.held();
        let advice = match pool {
            Some(pool) if held.saturating_add(asked) <= *limit => pool.advice().to_owned(),
            _ => format!("memoryLimit is {limit}: raise it, or use fewer columns at a time"),
        };
        Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "the {name} holds {held} bytes of native memory and asked for {asked} more, for \
                 {what}, of which {granted} were granted; {advice}"
            ),
        )
    }

    /// No foreign code panics while the lock is held, so a poisoned one is still consistent.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryConsumer {
    /// A consumer that counts and may hold anything.
    fn default() -> Self {
        Self::new("process", u64::MAX, None)
    }
}

impl fmt::Debug for MemoryConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { held, peak, .. } = *self.counts();
        f.debug_struct("MemoryConsumer")
            .field("limit", &self.0.limit)
            .field("held", &held)
            .field("peak", &peak)
            .finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let acquired = self.counts.get_mut().unwrap_or_else(PoisonError::into_inner).acquired;
        if let Some(pool) = self.pool.as_ref().filter(|_| acquired > 0) {
            pool.release(acquired);
        }
    }
}

/// Memory that one thing takes, counted until it is dropped.
#[derive(Debug)]
pub struct MemoryReservation {
    consumer: MemoryConsumer,
    bytes: u64,
}

impl MemoryReservation {
    /// What was counted already becomes a reservation.
    pub(crate) fn of(consumer: MemoryConsumer, bytes: u64) -> Self {
        Self { consumer, bytes }
    }

    /// Makes it `bytes` long, for `what`.
    ///
    /// # Errors
    /// `LimitExceeded` when they are not granted: then it is as long as before.
    pub fn resize(&mut self, what: &str, bytes: u64) -> Result<()> {
        self.resize_with(bytes, |consumer, more| consumer.grow(what, more).map(|()| true))?;
        Ok(())
    }

    /// Makes it `bytes` long; false when they are not granted: then it is as long as before.
    ///
    /// # Errors
    /// When the pool cannot be asked.
    pub fn try_resize(&mut self, bytes: u64) -> Result<bool> {
        self.resize_with(bytes, |consumer, more| Ok(consumer.ask(more, 0)?.is_none()))
    }

    /// As [`MemoryReservation::try_resize`], but only while as much again is left for others: what can be
    /// written out at any time should not make an operator fail that cannot wait.
    ///
    /// # Errors
    /// When the pool cannot be asked.
    pub fn try_resize_sparing(&mut self, bytes: u64) -> Result<bool> {
        self.resize_with(bytes, |consumer, more| Ok(consumer.ask(more, bytes)?.is_none()))
    }

    fn resize_with(
        &mut self,
        bytes: u64,
        grow: impl FnOnce(&MemoryConsumer, u64) -> Result<bool>,
    ) -> Result<bool> {
        if bytes > self.bytes {
            if !grow(&self.consumer, bytes - self.bytes)? {
                return Ok(false);
            }
        } else {
            self.consumer.shrink(self.bytes - bytes);
        }
        self.bytes = bytes;
        Ok(true)
    }
}

impl Drop for MemoryReservation {
    fn drop(&mut self) {
        self.consumer.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A pool of some bytes that are left.
    struct Left(Arc<AtomicU64>);

    impl MemoryPool for Left {
        fn acquire(&self, bytes: u64) -> Result<u64> {
            let granted = bytes.min(self.0.load(Ordering::Relaxed));
            self.0.fetch_sub(granted, Ordering::Relaxed);
            Ok(granted)
        }

        fn release(&self, bytes: u64) {
            self.0.fetch_add(bytes, Ordering::Relaxed);
        }

        fn advice(&self) -> &'static str {
            "fill the pool"
        }
    }

    #[test]
    fn a_limit_is_kept_and_named() {
        let consumer = MemoryConsumer::new("scan", 100, None);
        let (mut a, mut b) = (consumer.reservation(), consumer.reservation());
        a.resize("pages", 60).unwrap();
        let error = b.resize("a batch", 41).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert_eq!(
            error.message(),
            "the scan holds 60 bytes of native memory and asked for 41 more, for a batch, of which \
             40 were granted; memoryLimit is 100: raise it, or use fewer columns at a time"
        );
        assert!(!b.try_resize(41).unwrap() && b.try_resize(40).unwrap());
        a.resize("pages", 10).unwrap();
        assert_eq!((consumer.held(), consumer.peak()), (50, 100));
        drop((a, b));
        assert_eq!((consumer.held(), consumer.peak()), (0, 100));
    }

    #[test]
    fn a_pool_is_asked_in_steps_and_gets_everything_back() {
        let left = Arc::new(AtomicU64::new(3 * STEP + 5));
        let consumer = MemoryConsumer::new("writer", u64::MAX, Some(Box::new(Left(left.clone()))));
        let mut held = consumer.reservation();
        held.resize("a block", 10).unwrap();
        assert_eq!(left.load(Ordering::Relaxed), 2 * STEP + 5);
        held.resize("a block", STEP).unwrap();
        assert_eq!(left.load(Ordering::Relaxed), 2 * STEP + 5);
        // Not a multiple of a step, but enough.
        held.resize("a block", 3 * STEP + 1).unwrap();
        assert_eq!(left.load(Ordering::Relaxed), 0);
        let error = held.resize("a block", 3 * STEP + 9).unwrap_err();
        assert!(error.message().ends_with("of which 4 were granted; fill the pool"), "{error}");
        held.resize("a block", STEP).unwrap();
        assert_eq!(left.load(Ordering::Relaxed), 0);
        consumer.trim();
        assert_eq!(left.load(Ordering::Relaxed), 2 * STEP + 5);
        drop(held);
        drop(consumer);
        assert_eq!(left.load(Ordering::Relaxed), 3 * STEP + 5);
    }

    #[test]
    fn sparing_growth_leaves_as_much_to_others() {
        let left = Arc::new(AtomicU64::new(4 * STEP));
        let consumer = MemoryConsumer::new("scan", u64::MAX, Some(Box::new(Left(left.clone()))));
        let mut groups = consumer.reservation();
        assert!(groups.try_resize_sparing(2 * STEP).unwrap());
        assert_eq!(left.load(Ordering::Relaxed), 2 * STEP);
        assert!(!groups.try_resize_sparing(2 * STEP + 1).unwrap());
        assert_eq!(left.load(Ordering::Relaxed), 2 * STEP);
        assert!(groups.try_resize(4 * STEP).unwrap());
        drop((groups, consumer));
        assert_eq!(left.load(Ordering::Relaxed), 4 * STEP);
        let consumer = MemoryConsumer::new("scan", 100, None);
        let mut groups = consumer.reservation();
        assert!(groups.try_resize_sparing(50).unwrap() && !groups.try_resize_sparing(51).unwrap());
    }
}
