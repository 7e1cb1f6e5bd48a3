//! Choosing encodings: statistics prune the candidates, a stratified sample ranks them, a full encode of
//! the best two decides where they are close, the winner is kept per column and judged again on every page.

pub(crate) mod cascade;
pub(crate) mod cost;
mod heavy;
pub(crate) mod sample;
mod statistics;
#[cfg(test)]
mod tests;

use ncf_core::{Error, Result, Values};

use self::cascade::Ranked;
pub use self::statistics::Statistics;
pub(crate) use self::statistics::{TELLING_VALUES, count_runs, for_each_run};
use crate::effort::Effort;
use crate::id::{EncodingId, Profile};
use crate::native::plain_bytes;
use crate::node::{Place, Plan, encode_node};

/// Bytes by which any node may exceed its values: headers of the node and of its lengths child.
const SLACK: usize = 64;
/// Times the cost of the best plan on a sample, from which on the second one is not encoded on all rows.
const FAR: f64 = 1.5;
/// Rows under which a page says too little about its column to change what is remembered.
const TELLING_ROWS: usize = 1024;

/// A node and the tree that it got.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    pub(crate) plan: Plan,
    /// What light encodings alone needed.
    pub(crate) light_bytes: usize,
}

impl Encoded {
    /// With no lighter one beside it.
    pub(crate) fn light(bytes: Vec<u8>, plan: Plan) -> Self {
        let light_bytes = bytes.len();
        Self { bytes, plan, light_bytes }
    }

    fn cost(&self, effort: Effort) -> f64 {
        cost::cost(&self.plan, self.bytes.len(), effort)
    }
}

/// A plan and the share of the raw bytes that it needed when it was chosen.
#[derive(Debug, Clone)]
pub(crate) struct Winner {
    plan: Plan,
    ratio: f64,
}

impl Winner {
    fn new(plan: Plan, bytes: usize, raw: usize) -> Self {
        Self { plan, ratio: cost::ratio(bytes, raw) }
    }

    /// Bytes that a page of `raw` bytes should need, rounded down.
    fn promised(&self, raw: usize) -> usize {
        cost::share(self.ratio, raw)
    }

    /// Whether a page needed more than 10 % more or less than when the plan was chosen.
    fn drifted(&self, bytes: usize, raw: usize) -> bool {
        cost::drifted(self.ratio, bytes, raw)
    }
}

/// What a column remembers about one of its nodes from page to page.
#[derive(Debug, Clone, Default)]
pub(crate) struct NodeState {
    light: Option<Winner>,
    heavy: heavy::Heavy,
}

impl NodeState {
    /// Encodes values as the profile allows: never larger than plain, and no profile larger than `Fast`.
    pub(crate) fn encode(
        &mut self,
        values: &Values,
        place: Place<'_>,
        profile: Profile,
    ) -> Result<Encoded> {
        let heavy = match profile {
            Profile::Fast => false,
            Profile::Balanced | Profile::Compact => true,
            // Numbers and codes are cheap to decode as they are.
            Profile::Point => matches!(values, Values::Bytes(_)) && place.codes.is_none(),
        };
        let harder = Place { effort: Effort::of(profile), ..place };
        if heavy && let Some(encoded) = self.heavy_alone(values, harder)? {
            return Ok(encoded);
        }
        let light = self.light(values, place)?;
        if heavy { self.heavy.improve(values, harder, light) } else { Ok(light) }
    }

    /// Whether an encoding is chosen, or among what will be tried within the next `pages`.
    pub(crate) fn wants(&self, id: EncodingId, pages: usize) -> bool {
        self.heavy.wants(id, pages)
    }

    /// Forgets which heavy encoding was chosen: it did not pay after all.
    pub(crate) fn forget_heavy(&mut self) {
        self.heavy.forget();
    }

    /// Takes over a heavy encoding that was chosen for a part of the values.
    pub(crate) fn learn_from(&mut self, part: Self) {
        if part.heavy.is_chosen() {
            self.heavy = part.heavy;
        }
    }

    /// A heavy plan that does not build on the light one, without encoding that as well: FSST takes as long as
    /// zstd and would be thrown away. `None` where the page differs from those that the choice was made on.
    fn heavy_alone(&self, values: &Values, place: Place<'_>) -> Result<Option<Encoded>> {
        match &self.light {
            Some(light) if light.plan.has(EncodingId::FSST) => {
                self.heavy.alone(values, place, light)
            }
            _ => Ok(None),
        }
    }

    /// The light choice does not depend on the profile, which is what makes the two comparable.
    fn light(&mut self, values: &Values, place: Place<'_>) -> Result<Encoded> {
        let raw = plain_bytes(values);
        let mut best: Option<Encoded> = None;
        if let Some(winner) = &self.light {
            best = try_plan(values, &winner.plan, place)?;
            if let Some(encoded) = &best
                && !winner.drifted(encoded.bytes.len(), raw)
                && encoded.bytes.len() <= raw + SLACK
            {
                return best.ok_or_else(|| Error::internal("an encoding vanished"));
            }
        }
        let Ranked { plans, mut first } = cascade::rank(values, place)?;
        let cheapest = plans.first().map_or(0.0, |(cost, _)| *cost);
        for (cost, plan) in plans.into_iter().take(2) {
            // The bytes are the first plan's, whether it is tried or not.
            let bytes = first.take();
            // The page of the last choice is there already, and few samples mislead so far.
            let skipped = |best: &Encoded| best.plan == plan || cost > cheapest * FAR;
            if best.as_ref().is_some_and(skipped) {
                continue;
            }
            let rival = match bytes {
                Some(bytes) => Some(Encoded::light(bytes, plan)),
                None => try_plan(values, &plan, place)?,
            };
            best = smaller(best, rival);
        }
        if best.as_ref().is_none_or(|encoded| encoded.bytes.len() > raw + SLACK) {
            let plain = if matches!(values, Values::Bool(_)) {
                EncodingId::BITMAP
            } else {
                EncodingId::PLAIN
            };
            best = smaller(best, try_plan(values, &Plan::open(plain), place)?);
        }
        let best = best.ok_or_else(|| Error::internal("no encoding holds the values"))?;
        if values.len() >= TELLING_ROWS || self.light.is_none() {
            self.light = Some(Winner::new(best.plan.clone(), best.bytes.len(), raw));
        }
        Ok(best)
    }
}

fn smaller(a: Option<Encoded>, b: Option<Encoded>) -> Option<Encoded> {
    match (a, b) {
        (Some(a), Some(b)) => {
            Some(if b.cost(Effort::Light) < a.cost(Effort::Light) { b } else { a })
        }
        (a, b) => a.or(b),
    }
}

/// A root node as planned; `None` when an encoding cannot hold the values.
pub(crate) fn try_plan(values: &Values, plan: &Plan, place: Place<'_>) -> Result<Option<Encoded>> {
    let mut bytes = Vec::new();
    Ok(encode_node(values, plan, place, &mut bytes)?.map(|plan| Encoded::light(bytes, plan)))
}

/// A root node with the encoding that the caller demands.
pub(crate) fn forced(values: &Values, place: Place<'_>, id: EncodingId) -> Result<Encoded> {
    try_plan(values, &Plan::open(id), place)?.ok_or_else(|| {
        Error::invalid_argument(format!(
            "encoding {id} cannot hold these {} {:?} values; leave the choice to NCF or take plain",
            values.len(),
            values.physical()
        ))
    })
}
