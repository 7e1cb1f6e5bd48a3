//! A seeded simulator: actors drive engines step by step against one log in memory that loses
//! acknowledgements, delays and drops puts and fails reads; actors crash and run again. The log
//! itself is the witness. A failure prints its seed.

use std::collections::{BTreeMap, BTreeSet};

use ncf_core::{Error, ErrorKind, Result};

use super::{file, schema};
use crate::engine::{Engine, Event, Request};
use crate::layout::record_path;
use crate::store::Faults;
use crate::{
    AddFile, Committed, LogStore, MemoryLogStore, Operation, Snapshot, Transaction, changes, open,
    read_next,
};

struct Random(u64);

impl Random {
    /// Below `bound`; xorshift.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_shr(11) % bound
    }

    fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

/// What the log must say of a transaction when all is over.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// Acknowledged at this version.
    At(u64),
    /// Provably not committed.
    Never,
    /// Crashed or unknown: at most once.
    Open,
}

struct Run {
    engine: Engine,
    request: Request,
    path: String,
    once: bool,
    /// The latest version that was acknowledged when it began.
    after: Option<u64>,
}

#[derive(Default)]
struct Actor {
    run: Option<Run>,
    /// The application version that it works on.
    task: i64,
    /// Its present task must be committed exactly once.
    retrying: bool,
}

struct World {
    store: MemoryLogStore,
    random: Random,
    actors: Vec<Actor>,
    cached: Option<Snapshot>,
    fates: BTreeMap<String, (Fate, Option<u64>)>,
    /// Tasks that were acknowledged as exactly-once.
    tasks: BTreeSet<(usize, i64)>,
    acknowledged: Option<u64>,
    clock: i64,
    paths: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut rate = |most: u64| u32::try_from(random.below(most)).unwrap();
        let faults = Faults {
            seed,
            lost_ack: rate(150),
            lost_put: rate(150),
            delayed_put: rate(150),
            failed_put: rate(30),
            not_durable: rate(10),
            failed_read: rate(60),
        };
        let actors = 2 + random.below(7);
        Self {
            store: MemoryLogStore::with_faults(format!("seed {seed}"), faults),
            random,
            actors: (0..actors).map(|_| Actor::default()).collect(),
            cached: None,
            fates: BTreeMap::new(),
            tasks: BTreeSet::new(),
            acknowledged: None,
            clock: 1_000_000,
            paths: 0,
        }
    }

    /// A transaction on a fresh or a stale snapshot; `None` when the store would not answer.
    fn begin(&mut self, at: usize) -> Option<Run> {
        if self.random.chance(300) {
            self.cached = open(&self.store).ok()?.or(self.cached.take());
        }
        let once = self.actors[at].retrying || self.random.chance(500);
        let operation = match self.random.below(10) {
            0 => Operation::Create,
            1 | 2 => Operation::Overwrite,
            3 | 4 => Operation::Replace,
            _ => Operation::Append,
        };
        self.paths += 1;
        let name = format!("{at}-{}", self.paths);
        let partition = BTreeMap::from([("b".to_owned(), Some(self.random.below(2).to_string()))]);
        let mut transaction = Transaction::new(self.cached.as_ref())
            .operation(operation)
            .schema(&schema())
            .partition_columns(vec!["b".to_owned()])
            .add_file(AddFile { pv: partition.clone(), ..file(&name, 1 + self.random.below(5)) });
        if operation == Operation::Replace {
            transaction = transaction.partition(partition);
        }
        if once {
            transaction = transaction.app(format!("actor {at}"), self.actors[at].task);
        }
        let (engine, request) = Engine::start(transaction).unwrap();
        Some(Run {
            engine,
            request,
            path: format!("data/{name}.ncf"),
            once,
            after: self.acknowledged,
        })
    }

    fn step(&mut self, at: usize) {
        let Some(mut run) = self.actors[at].run.take().or_else(|| self.begin(at)) else {
            return;
        };
        // Backwards now and then.
        self.clock += i64::try_from(self.random.below(20)).unwrap() - 8;
        let event = match run.request {
            Request::Read { version } => Event::Read(read_next(&self.store, version)),
            Request::Put { version, bytes } => {
                Event::Put(self.store.put_if_absent(&record_path(version), &bytes))
            }
            Request::Wait { .. } => Event::Waited,
            Request::Done(result) => {
                self.end(at, &run.path, run.once, run.after, result);
                return;
            }
        };
        if self.random.chance(10) {
            // A crash, after the request was carried out and before its answer was seen.
            self.fates.insert(run.path, (Fate::Open, None));
            self.actors[at].retrying = run.once;
            return;
        }
        run.request = run.engine.step(event, self.clock);
        self.actors[at].run = Some(run);
    }

    fn end(
        &mut self,
        at: usize,
        path: &str,
        once: bool,
        after: Option<u64>,
        result: Result<Committed>,
    ) {
        let fate = match &result {
            Ok(done) if done.already => Fate::Never,
            Ok(done) => {
                self.acknowledged = self.acknowledged.max(Some(done.version));
                Fate::At(done.version)
            }
            Err(error) => match error.kind() {
                ErrorKind::Conflict | ErrorKind::Io => Fate::Never,
                ErrorKind::CommitStateUnknown => Fate::Open,
                kind => panic!("{}: {kind:?}: {error}", self.store.table()),
            },
        };
        self.fates.insert(path.to_owned(), (fate, after));
        let actor = &mut self.actors[at];
        actor.retrying = once && result.is_err();
        if result.is_ok() {
            if once {
                self.tasks.insert((at, actor.task));
            }
            actor.task += 1;
        } else if !once && fate == Fate::Open {
            actor.task += 1;
        }
    }

    /// Compares the log with what the actors were told; returns the number of commits.
    fn check(&self) -> Result<u64> {
        self.store.heal();
        let Some(last) = open(&self.store)? else {
            return Ok(0);
        };
        let log = changes(&self.store, None, last.version)?;
        let wrong = |what: String| Err(Error::internal(format!("{}: {what}", self.store.table())));
        let (mut at, mut tasks, mut live) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let mut row0 = 0;
        for commit in &log {
            if let Some((id, task)) = &commit.app
                && !tasks.insert((id.clone(), *task))
            {
                return wrong(format!("task {task} of {id} was committed twice"));
            }
            let replaced = |partition: &BTreeMap<_, _>| match commit.op.as_str() {
                "OVERWRITE" => true,
                "REPLACE" => commit.adds.iter().all(|add| add.pv == *partition),
                _ => false,
            };
            let (gone, kept): (BTreeMap<String, _>, BTreeMap<_, _>) =
                live.into_iter().partition(|(_, partition)| replaced(partition));
            if !gone.keys().eq(&commit.removes.iter().cloned().collect::<BTreeSet<_>>()) {
                return wrong(format!("version {} did not remove what was there", commit.version));
            }
            live = kept;
            for add in &commit.adds {
                if at.insert(add.path.clone(), commit.version).is_some() || add.row0 != row0 {
                    return wrong(format!("{} came twice or got wrong row ids", add.path));
                }
                row0 += add.rows;
                live.insert(add.path.clone(), add.pv.clone());
            }
        }
        for (path, (fate, after)) in &self.fates {
            let found = at.remove(path);
            let right = match fate {
                Fate::At(version) => found == Some(*version) && Some(*version) > *after,
                Fate::Never => found.is_none(),
                Fate::Open => true,
            };
            if !right {
                return wrong(format!(
                    "{path} was {fate:?} after {after:?}, the log has {found:?}"
                ));
            }
        }
        let missing =
            self.tasks.iter().find(|(at, task)| !tasks.contains(&(format!("actor {at}"), *task)));
        if let Some(task) = missing {
            return wrong(format!("the task {task:?} is lost"));
        }
        let running = self.actors.iter().filter_map(|actor| actor.run.as_ref());
        for run in running {
            at.remove(&run.path);
        }
        if !at.is_empty() || last.next_row_id != row0 || live.len() != last.files.len() {
            return wrong(format!("the log has commits that nobody made: {at:?}"));
        }
        Ok(last.version + 1)
    }
}

fn simulate(seed: u64, commits: u64) -> u64 {
    let mut world = World::new(seed);
    for step in 0.. {
        let at = usize::try_from(world.random.below(world.actors.len() as u64)).unwrap();
        world.step(at);
        if world.acknowledged.is_some_and(|version| version + 1 >= commits) || step > 100_000 {
            break;
        }
    }
    world.check().unwrap_or_else(|error| panic!("seed {seed}: {error}"))
}

#[test]
fn no_commit_is_lost_and_none_comes_twice() {
    let mut commits = 0;
    let mut seed = 0;
    while commits < 3_000 {
        seed += 1;
        commits += simulate(seed, 80);
        assert!(seed < 2000, "the simulator hardly commits: {commits}");
    }
}
