//! Handles: what Java holds instead of pointers.
//!
//! A handle is `slot << 32 | generation`. The generation of a slot grows whenever its object goes, so
//! a stale handle is recognised and gives an error. While a thread uses an object it is taken out of
//! its slot; another thread that comes meanwhile gets an error too, so that nothing is ever shared.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ncf::{Error, ErrorKind, Result};

use crate::guard::discard;

/// Open objects of one kind. More is a leak: each holds buffers and a file.
const MAX_LIVE: u32 = 1 << 20;

/// Generations go up by this: one slab's are odd and the other's even, so that no handle of one is
/// ever valid in the other.
const STEP: u32 = 2;

/// Objects of one kind, by handle.
pub(crate) struct Slab<T> {
    what: &'static str,
    first: u32,
    slots: Mutex<Slots<T>>,
}

struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    generation: u32,
    state: State<T>,
}

enum State<T> {
    /// No object.
    Free,
    /// An object that nobody uses.
    Idle(Box<T>),
    /// A thread uses the object; `close` says that it shall go afterwards.
    Busy { close: bool },
}

impl<T> Slab<T> {
    /// An empty slab of `what` (for messages); `first` is the first generation, 1 or 2.
    pub(crate) const fn new(what: &'static str, first: u32) -> Self {
        Self { what, first, slots: Mutex::new(Slots { slots: Vec::new(), free: Vec::new() }) }
    }

    /// Stores an object and returns its handle, which is never 0.
    pub(crate) fn insert(&self, value: T) -> Result<u64> {
        let state = State::Idle(Box::new(value));
        let mut slots = self.lock();
        if let Some(index) = slots.free.pop() {
            let slot = slots.slots.get_mut(index as usize).ok_or_else(lost_slot)?;
            slot.state = state;
            return Ok(handle(index, slot.generation));
        }
        let index = u32::try_from(slots.slots.len()).unwrap_or(u32::MAX);
        if index >= MAX_LIVE {
            drop(slots);
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("{MAX_LIVE} {}s are open; close those that are not used", self.what),
            ));
        }
        slots.slots.push(Slot { generation: self.first, state });
        Ok(handle(index, self.first))
    }

    /// Lends the object to `body`. An object whose `body` panics is dropped, for nobody knows its
    /// state.
    pub(crate) fn with<R>(&self, handle: u64, body: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        let mut value = self.lend(handle)?;
        match catch_unwind(AssertUnwindSafe(|| body(&mut value))) {
            Ok(result) => {
                self.give_back(handle, value);
                result
            }
            Err(payload) => {
                self.retire(handle);
                discard(value);
                resume_unwind(payload)
            }
        }
    }

    /// Takes the object out for good.
    pub(crate) fn take(&self, handle: u64) -> Result<T> {
        let value = self.lend(handle)?;
        self.retire(handle);
        Ok(*value)
    }

    /// Drops the object; one that is in use goes when its thread is done. A stale handle is nothing.
    pub(crate) fn close(&self, handle: u64) {
        let closed = {
            let mut slots = self.lock();
            let Some(slot) = slots.find(handle) else {
                return;
            };
            match &mut slot.state {
                State::Busy { close } => {
                    *close = true;
                    return;
                }
                state => std::mem::replace(state, State::Busy { close: true }),
            }
        };
        self.retire(handle);
        // Outside the lock: destructors take their time.
        drop(closed);
    }

    /// Number of objects.
    pub(crate) fn live(&self) -> usize {
        self.lock().slots.iter().filter(|slot| !matches!(slot.state, State::Free)).count()
    }

    fn lend(&self, handle: u64) -> Result<Box<T>> {
        let mut slots = self.lock();
        let slot = slots.find(handle).ok_or_else(|| {
            Error::invalid_argument(format!("the {} is closed; open a new one", self.what))
        })?;
        match std::mem::replace(&mut slot.state, State::Busy { close: false }) {
            State::Idle(value) => Ok(value),
            busy => {
                slot.state = busy;
                Err(Error::invalid_argument(format!(
                    "the {} is being used by another thread; use it from one thread at a time",
                    self.what
                )))
            }
        }
    }

    fn give_back(&self, handle: u64, value: Box<T>) {
        let unwanted = {
            let mut slots = self.lock();
            match slots.find(handle) {
                Some(slot) if matches!(slot.state, State::Busy { close: false }) => {
                    slot.state = State::Idle(value);
                    return;
                }
                _ => value,
            }
        };
        self.retire(handle);
        drop(unwanted);
    }

    /// Frees the slot of an object that was taken out.
    fn retire(&self, handle: u64) {
        let mut slots = self.lock();
        let Some(slot) = slots.find(handle) else {
            return;
        };
        slot.state = State::Free;
        // A slot whose generations are used up is never used again.
        if let Some(next) = slot.generation.checked_add(STEP) {
            slot.generation = next;
            slots.free.push(index_of(handle));
        }
    }

    /// The lock is never held while foreign code runs, so a poisoned one is still consistent.
    fn lock(&self) -> MutexGuard<'_, Slots<T>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Slots<T> {
    /// The slot whose object `handle` names, unless that object is gone.
    fn find(&mut self, handle: u64) -> Option<&mut Slot<T>> {
        let slot = self.slots.get_mut(index_of(handle) as usize)?;
        let generation = handle & u64::from(u32::MAX);
        let here = u64::from(slot.generation) == generation && !matches!(slot.state, State::Free);
        here.then_some(slot)
    }
}

fn handle(index: u32, generation: u32) -> u64 {
    u64::from(index) << 32 | u64::from(generation)
}

fn index_of(handle: u64) -> u32 {
    u32::try_from(handle >> 32).unwrap_or(u32::MAX)
}

fn lost_slot() -> Error {
    Error::internal("a free slot is outside its slab")
}

#[cfg(test)]
mod tests;
