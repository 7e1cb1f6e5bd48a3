//! The search for a tree: candidates are encoded on a sample, their children chosen the same way, at most
//! three levels deep and no nesting encoding twice on a path.

use ncf_core::{Error, PhysicalType, Result, Values};

use super::statistics::Statistics;
use super::{cost, sample};
use crate::encodings::{self, Encoding, null_fill};
use crate::id::EncodingId;
use crate::native::plain_bytes;
use crate::node::{Place, Plan, encode_node};

/// Levels of a tree that the writer makes, zstd not counted.
const LEVELS: usize = 3;
/// Bytes of values up to which encodings are ranked on all of them instead of a sample, where entropy codes are
/// among them.
const WHOLE_BYTES: usize = 512 << 10;
/// Encodings that predict a value from its row or its neighbours: one on a path is enough.
const PREDICTING: u64 = 1 << EncodingId::DELTA.0 | 1 << EncodingId::SEQUENCE.0;

/// Plans for some values.
#[derive(Debug, Default)]
pub(crate) struct Ranked {
    /// The cheapest first, each with what it costs where it was tried. Never empty.
    pub(crate) plans: Vec<(f64, Plan)>,
    /// The node of the first, where all values were tried and not only a sample.
    pub(crate) first: Option<Vec<u8>>,
}

impl Ranked {
    /// Without a trial.
    fn only(id: EncodingId) -> Self {
        Self { plans: vec![(0.0, Plan::open(id))], first: None }
    }
}

/// Plans for the values.
pub(crate) fn rank(values: &Values, place: Place<'_>) -> Result<Ranked> {
    if let Some(codes) = place.codes {
        let (first, rest) = (codes.first(), codes.iter().skip(1));
        let constant = first.is_some_and(|first| rest.into_iter().all(|code| code == first));
        let id = if constant { EncodingId::CONSTANT } else { EncodingId::DICTIONARY };
        return Ok(Ranked::only(id));
    }
    let statistics = Statistics::of(values, place);
    let candidates: Vec<&dyn Encoding> = encodings::all()
        .iter()
        .copied()
        .filter(|encoding| allowed(*encoding, &statistics, place))
        .collect();
    let offered = |id: EncodingId| candidates.iter().any(|one| one.id() == id);
    if offered(EncodingId::CONSTANT) {
        return Ok(Ranked::only(EncodingId::CONSTANT));
    }
    if offered(EncodingId::SEQUENCE) && statistics.progression {
        return Ok(Ranked::only(EncodingId::SEQUENCE));
    }
    if let [only] = candidates.as_slice() {
        return Ok(Ranked::only(only.id()));
    }
    // Tables of entropy codes would outweigh what a sample saves; only pieces get here with these allowed.
    let whole = place.effort.entropy() && plain_bytes(values) <= WHOLE_BYTES;
    let mut sample = if whole { values.clone() } else { sample::take(values) };
    let validity =
        place.validity.map(|bits| if whole { bits.clone() } else { sample::take_validity(bits) });
    let mut complete = sample.len() == values.len();
    if let Some(validity) = validity.as_ref().filter(|_| offered(EncodingId::NULL_FILL)) {
        complete = false;
        // Where pieces meet, a null row no longer repeats the value before it.
        sample = null_fill::definite(&sample, validity)?;
    }
    let place = Place { validity: validity.as_ref(), ..place };
    let mut ranked = try_all(&candidates, &sample, place)?;
    ranked.first = ranked.first.filter(|_| complete);
    Ok(ranked)
}

/// The candidates that hold all of some values.
fn try_all(candidates: &[&dyn Encoding], values: &Values, place: Place<'_>) -> Result<Ranked> {
    let mut ranked = Ranked::default();
    let (mut best, mut first, mut bytes) = (f64::INFINITY, Vec::new(), Vec::new());
    for encoding in candidates {
        bytes.clear();
        let plan = opened(encoding.id());
        if let Some(plan) = encode_node(values, &plan, place, &mut bytes)? {
            let cost = cost::cost(&plan, bytes.len(), place.effort);
            // Of two that cost the same the first stays so when they are sorted.
            if cost < best {
                best = cost;
                std::mem::swap(&mut first, &mut bytes);
            }
            ranked.plans.push((cost, plan));
        }
    }
    ranked.plans.sort_by(|a, b| a.0.total_cmp(&b.0));
    ranked.first = Some(first);
    Ok(ranked)
}

fn allowed(encoding: &dyn Encoding, statistics: &Statistics, place: Place<'_>) -> bool {
    let nests = encoding.nests();
    let own = 1 << (encoding.id().0 & 63);
    let kin = if own & PREDICTING == 0 { own } else { PREDICTING };
    let again = place.path & kin != 0;
    encoding.accepts(statistics.physical)
        && (encoding.candidate(statistics) || inner_zstd(encoding.id(), statistics, place))
        && !(nests && (again || place.depth + 1 >= LEVELS))
}

/// Whether zstd may hold a child: strings that a node of words leaves over.
fn inner_zstd(id: EncodingId, statistics: &Statistics, place: Place<'_>) -> bool {
    id == EncodingId::ZSTD
        && statistics.physical == PhysicalType::Bytes
        && place.effort.entropy()
        && place.depth > 0
        && place.path & (1 << EncodingId::ZSTD.0) == 0
}

/// A plan whose children are still to be chosen; but zstd compresses strings best as they are.
fn opened(id: EncodingId) -> Plan {
    let plain = (id == EncodingId::ZSTD).then(|| Plan::open(EncodingId::PLAIN));
    Plan { id, children: plain.into_iter().collect() }
}

/// Appends a node with the cheapest plan that holds the values.
pub(crate) fn encode_best(values: &Values, place: Place<'_>, out: &mut Vec<u8>) -> Result<Plan> {
    let Ranked { plans, first } = rank(values, place)?;
    let mut plans = plans.into_iter().map(|(_, plan)| plan);
    if let Some(mut node) = first
        && let Some(plan) = plans.next()
    {
        out.append(&mut node);
        return Ok(plan);
    }
    for plan in plans {
        if let Some(plan) = encode_node(values, &plan, place, out)? {
            return Ok(plan);
        }
    }
    Err(Error::internal("no encoding holds the values"))
}
