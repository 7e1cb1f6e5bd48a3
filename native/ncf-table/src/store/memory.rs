//! A log in memory, with faults on demand: for tests and for trying the API out.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ncf_core::{Error, ErrorKind, Result};

use super::{LogStore, Put};

/// How often, in 1000 operations, a [`MemoryLogStore`] misbehaves. The default is never.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Start of the random sequence: the same seed and the same calls give the same faults.
    pub seed: u64,
    /// A put is stored but answered `Unknown`.
    pub lost_ack: u32,
    /// A put is not stored and answered `Unknown`.
    pub lost_put: u32,
    /// A put is answered `Unknown` and stored some operations later, if still absent then.
    pub delayed_put: u32,
    /// A put fails, provably without effect.
    pub failed_put: u32,
    /// A put is stored and answered `NotDurable`.
    pub not_durable: u32,
    /// A read fails.
    pub failed_read: u32,
}

/// A log in memory.
#[derive(Debug)]
pub struct MemoryLogStore {
    name: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    /// Puts on their way: operation at which they land, path, bytes.
    delayed: Vec<(u64, String, Vec<u8>)>,
    operations: u64,
    faults: Faults,
    random: u64,
}

impl MemoryLogStore {
    /// An empty log of a table called `name`, without faults.
    pub fn new(name: impl Into<String>) -> Self {
        Self::with_faults(name, Faults::default())
    }

    /// An empty log that misbehaves as `faults` says.
    pub fn with_faults(name: impl Into<String>, faults: Faults) -> Self {
        let state = State {
            files: BTreeMap::new(),
            delayed: Vec::new(),
            operations: 0,
            faults,
            random: faults.seed,
        };
        Self { name: name.into(), state: Mutex::new(state) }
    }

    /// Behaves from now on; puts on their way land first.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.operations = u64::MAX / 2;
        state.land();
        state.faults = Faults { seed: state.faults.seed, ..Faults::default() };
    }

    /// Stores `bytes` at `path`, whatever is there: damage for tests.
    pub fn overwrite(&self, path: &str, bytes: &[u8]) {
        self.lock().files.insert(path.to_owned(), bytes.to_vec());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.operations += 1;
        state.land();
        state
    }
}

impl State {
    fn land(&mut self) {
        let now = self.operations;
        for (_, path, bytes) in self.delayed.extract_if(.., |(due, _, _)| *due <= now) {
            self.files.entry(path).or_insert(bytes);
        }
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn create(&mut self, path: &str, bytes: &[u8]) -> bool {
        let absent = !self.files.contains_key(path);
        if absent {
            self.files.insert(path.to_owned(), bytes.to_vec());
        }
        absent
    }
}

fn fault(what: &str) -> Error {
    Error::new(ErrorKind::Io, format!("injected fault: {what}"))
}

impl LogStore for MemoryLogStore {
    fn table(&self) -> &str {
        &self.name
    }

    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let mut state = self.lock();
        if state.next() % 1000 < u64::from(state.faults.failed_read) {
            return Err(fault("read"));
        }
        let bytes = state.files.get(path).cloned();
        match &bytes {
            Some(bytes) if bytes.len() as u64 > limit => {
                let what = format!("bytes of {}/{path}", self.name);
                Err(Error::limit_exceeded(&what, bytes.len() as u64, limit))
            }
            _ => Ok(bytes),
        }
    }

    fn put_if_absent(&self, path: &str, bytes: &[u8]) -> Result<Put> {
        let mut state = self.lock();
        let Faults { lost_ack, lost_put, delayed_put, failed_put, not_durable, .. } = state.faults;
        let draw = state.next() % 1000;
        let mut below = 0;
        let mut hit = |rate: u32| {
            let from = below;
            below += u64::from(rate);
            (from..below).contains(&draw)
        };
        if hit(lost_ack) {
            state.create(path, bytes);
            return Ok(Put::Unknown(fault("lost acknowledgement")));
        }
        if hit(lost_put) {
            return Ok(Put::Unknown(fault("lost put")));
        }
        if hit(delayed_put) {
            let due = state.operations + 1 + state.next() % 30;
            state.delayed.push((due, path.to_owned(), bytes.to_vec()));
            return Ok(Put::Unknown(fault("delayed put")));
        }
        if hit(failed_put) {
            return Err(fault("failed put"));
        }
        let created = state.create(path, bytes);
        if created && hit(not_durable) {
            return Ok(Put::NotDurable(fault("not durable")));
        }
        Ok(if created { Put::Created } else { Put::Exists })
    }

    fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.lock().files.contains_key(path))
    }

    fn list(&self, directory: &str) -> Result<Vec<String>> {
        let state = self.lock();
        let prefix = format!("{directory}/");
        let mut names: Vec<String> = state
            .files
            .range(prefix.clone()..)
            .map_while(|(path, _)| path.strip_prefix(&prefix)?.split('/').next())
            .map(str::to_owned)
            .collect();
        names.dedup();
        Ok(names)
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.lock().files.remove(path);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_creates_once_and_deletes() {
        let store = MemoryLogStore::new("t");
        assert!(matches!(store.put_if_absent("a/b/1", b"x").unwrap(), Put::Created));
        assert!(matches!(store.put_if_absent("a/b/1", b"y").unwrap(), Put::Exists));
        assert!(matches!(store.put_if_absent("a/c/2", b"y").unwrap(), Put::Created));
        assert_eq!(store.list("a").unwrap(), ["b", "c"]);
        assert_eq!(store.read("a/b/1", 1).unwrap().unwrap(), b"x");
        store.delete("a/b/1").unwrap();
        assert!(!store.exists("a/b/1").unwrap());
    }

    #[test]
    fn faults_come_as_often_as_asked_and_delayed_puts_land() {
        let faults = Faults { seed: 7, lost_ack: 200, delayed_put: 300, ..Faults::default() };
        let store = MemoryLogStore::with_faults("t", faults);
        let mut unknown = 0;
        for path in 0..1000 {
            let put = store.put_if_absent(&format!("d/{path}"), b"x").unwrap();
            unknown += usize::from(matches!(put, Put::Unknown(_)));
        }
        assert!((400..600).contains(&unknown), "{unknown}");
        store.heal();
        assert_eq!(store.list("d").unwrap().len(), 1000);
    }
}
