//! Encodings beyond light ones: zstd around a node, and trees with entropy codes (pco, words). Tried on one contiguous
//! piece (general compression cannot be judged from scattered vectors), kept per column, and on every page only where
//! the profile's share is saved against light encodings.

use ncf_core::{Result, Values};

use super::cascade::{self, Ranked};
use super::{Encoded, Winner, cost, try_plan};
use crate::effort::Effort;
use crate::encodings::zstd;
use crate::id::EncodingId;
use crate::native::plain_bytes;
use crate::node::{Place, Plan};

/// Raw bytes of a trial.
const TRIAL_BYTES: usize = 256 << 10;
/// The same of numbers where time counts.
const SHORT_TRIAL_BYTES: usize = 64 << 10;
/// Nodes below this size are left alone.
const MIN_BYTES: usize = 64;
/// Pages after which a refusal is tried again: one block.
const PATIENCE: u8 = 16;

/// What a column remembers about heavy encodings.
#[derive(Debug, Clone, Default)]
pub(super) enum Heavy {
    /// Not tried, or the last choice no longer fits.
    #[default]
    Open,
    /// Did not pay; the number of pages since.
    Refused(u8),
    /// This plan pays.
    Chosen(Winner),
}

impl Heavy {
    /// Forgets the last choice: it did not pay after all.
    pub(super) fn forget(&mut self) {
        *self = Self::Open;
    }

    pub(super) fn is_chosen(&self) -> bool {
        matches!(self, Self::Chosen(_))
    }

    /// Whether an encoding is chosen, or among what will be tried within the next `pages`.
    pub(super) fn wants(&self, id: EncodingId, pages: usize) -> bool {
        match self {
            Self::Open => true,
            Self::Refused(since) => usize::from(*since) + pages > usize::from(PATIENCE),
            Self::Chosen(winner) => winner.plan.has(id),
        }
    }

    /// The chosen plan where it does not build on the light winner's, and pays against what the light winner
    /// promised.
    pub(super) fn alone(
        &self,
        values: &Values,
        place: Place<'_>,
        light: &Winner,
    ) -> Result<Option<Encoded>> {
        let winner = match self {
            Self::Chosen(winner) if inner(&winner.plan) != Some(&light.plan) => winner,
            _ => return Ok(None),
        };
        let raw = plain_bytes(values);
        let encoded = encode(values, place, &winner.plan, &[], light.promised(raw))?;
        Ok(encoded.filter(|encoded| {
            !winner.drifted(encoded.bytes.len(), raw) && pays(encoded, place.effort)
        }))
    }

    /// `light`, or a heavy plan where it pays.
    pub(super) fn improve(
        &mut self,
        values: &Values,
        place: Place<'_>,
        light: Encoded,
    ) -> Result<Encoded> {
        if light.bytes.len() < MIN_BYTES {
            return Ok(light);
        }
        let raw = plain_bytes(values);
        let plan = match self {
            Self::Refused(pages) if *pages < PATIENCE => {
                *pages += 1;
                return Ok(light);
            }
            Self::Chosen(winner) => Some(winner.plan.clone()),
            Self::Open | Self::Refused(_) => trial(values, place, &light.plan)?,
        };
        let Some(plan) = plan else {
            *self = Self::Refused(0);
            return Ok(light);
        };
        let Some(mut heavy) = encode(values, place, &plan, &[&light], light.bytes.len())? else {
            *self = Self::Open;
            return Ok(light);
        };
        match self {
            Self::Chosen(winner) if winner.drifted(heavy.bytes.len(), raw) => {
                *self = Self::Open;
                // Bytes count more than the time of another trial.
                if place.effort.entropy() {
                    let Some(plan) = trial(values, place, &light.plan)? else {
                        *self = Self::Refused(0);
                        return Ok(light);
                    };
                    if plan != heavy.plan {
                        let other = encode(values, place, &plan, &[&light], light.bytes.len())?;
                        let Some(other) = other else { return Ok(light) };
                        heavy = other;
                    }
                    *self = Self::Chosen(Winner::new(heavy.plan.clone(), heavy.bytes.len(), raw));
                }
            }
            Self::Chosen(_) => {}
            Self::Open | Self::Refused(_) => {
                *self = Self::Chosen(Winner::new(heavy.plan.clone(), heavy.bytes.len(), raw));
            }
        }
        Ok(if pays(&heavy, place.effort) { heavy } else { light })
    }
}

/// Whether a heavy node is enough smaller than light encodings are.
fn pays(heavy: &Encoded, effort: Effort) -> bool {
    saves(heavy.bytes.len(), heavy.light_bytes, effort)
}

fn saves(bytes: usize, light_bytes: usize, effort: Effort) -> bool {
    let percent = match effort {
        Effort::Compact | Effort::Ranking => 99,
        Effort::Light => 95,
    };
    bytes * 100 <= light_bytes * percent
}

/// About how many bytes a node takes when it is encoded with more than the effort that ranks: zstd's frames of text
/// shrink, but hardly those of numbers or of bits that are packed or coded already.
fn at_full_level(encoded: &Encoded, effort: Effort) -> usize {
    let Some(inner) = inner(&encoded.plan).filter(|_| effort == Effort::Ranking) else {
        return encoded.bytes.len();
    };
    let percent = match inner.id {
        EncodingId::PLAIN if !inner.children.is_empty() => 86,
        EncodingId::FSST => 92,
        EncodingId::TEMPLATE => 99,
        _ => 100,
    };
    encoded.bytes.len() * percent / 100
}

/// The plan that holds a piece from the middle best, when it pays there.
fn trial(values: &Values, place: Place<'_>, light: &Plan) -> Result<Option<Plan>> {
    let raw = plain_bytes(values).max(1);
    let thorough = place.effort.entropy() || matches!(values, Values::Bytes(_));
    let bytes = if thorough { TRIAL_BYTES } else { SHORT_TRIAL_BYTES };
    let rows = values.len().saturating_mul(bytes) / raw;
    let rows = rows.clamp(1.min(values.len()), values.len());
    let start = (values.len() - rows) / 2;
    let piece = values.slice(start, rows);
    let codes = place.codes.and_then(|codes| codes.get(start..start + rows));
    let validity = place.validity.map(|validity| validity.slice(start, rows));
    let effort = place.effort.ranking();
    let place = Place { codes, validity: validity.as_ref(), effort, ..place };
    let Some(alone) = try_plan(&piece, light, Place { effort: Effort::Light, ..place })? else {
        return Ok(None);
    };
    let (plans, trees) = candidates(&piece, place, light)?;
    let known: Vec<&Encoded> = std::iter::once(&alone).chain(&trees).collect();
    let mut best: Option<(f64, Plan)> = None;
    for plan in plans {
        let Some(encoded) = encode(&piece, place, &plan, &known, alone.bytes.len())? else {
            continue;
        };
        let length = at_full_level(&encoded, place.effort);
        let table = cost::share(place.tables.overhead(&encoded.plan), plain_bytes(&piece));
        let bytes = length + table;
        if !saves(bytes, encoded.light_bytes, place.effort) {
            continue;
        }
        let cost = match place.effort {
            // Zstd around one tree or another takes about the same time.
            Effort::Light => bytes as f64,
            Effort::Compact | Effort::Ranking => cost::cost(&encoded.plan, bytes, place.effort),
        };
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, encoded.plan));
        }
    }
    Ok(best.map(|(_, plan)| plan))
}

/// What to try: zstd around several forms, words, templates, and the best tree with entropy codes; and those of these
/// trees that had to be encoded to know them.
fn candidates(piece: &Values, place: Place<'_>, light: &Plan) -> Result<(Vec<Plan>, Vec<Encoded>)> {
    let mut inner = vec![light.clone(), flattened(light)];
    if !matches!(piece, Values::Bool(_)) {
        inner.push(Plan::open(EncodingId::PLAIN));
    }
    inner.dedup();
    if place.effort.entropy() && piece.physical().width().is_some_and(|width| width > 1) {
        inner.push(Plan::open(EncodingId::BYTE_STREAM_SPLIT));
    }
    let mut plans: Vec<Plan> = inner.into_iter().map(compressed_plan).collect();
    let mut trees = Vec::new();
    if !place.effort.entropy() && place.codes.is_none() {
        // Strings put together of words or templates, with entropy codes inside, take about as long as from zstd, or less.
        let place = Place { effort: Effort::Ranking, ..place };
        let tables = [
            place.tables.words.map(|_| EncodingId::WORDS),
            place.tables.templates.map(|_| EncodingId::TEMPLATE),
        ];
        for id in tables.into_iter().flatten() {
            trees.extend(try_plan(piece, &Plan::open(id), place)?);
        }
        plans.extend(trees.iter().map(|encoded| encoded.plan.clone()));
    }
    if place.effort.entropy()
        && let Some(encoded) = best_tree(piece, place)?
        && encoded.plan != *light
    {
        if !encoded.plan.has(EncodingId::ZSTD) {
            plans.push(compressed_plan(encoded.plan.clone()));
        }
        plans.push(encoded.plan.clone());
        trees.push(encoded);
    }
    Ok((plans, trees))
}

/// The best tree of a piece.
fn best_tree(piece: &Values, place: Place<'_>) -> Result<Option<Encoded>> {
    let Ranked { plans, first } = cascade::rank(piece, place)?;
    let Some((_, plan)) = plans.into_iter().next() else {
        return Ok(None);
    };
    match first {
        Some(bytes) => Ok(Some(Encoded::light(bytes, plan))),
        None => try_plan(piece, &plan, place),
    }
}

/// The same root with plain children: bit-packed integers hide repetition from zstd.
fn flattened(plan: &Plan) -> Plan {
    let children = plan.children.iter().map(|_| Plan::open(EncodingId::PLAIN)).collect();
    Plan { id: plan.id, children }
}

fn compressed_plan(inner: Plan) -> Plan {
    Plan { id: EncodingId::ZSTD, children: vec![inner] }
}

/// What zstd stands around.
fn inner(plan: &Plan) -> Option<&Plan> {
    plan.children.first().filter(|_| plan.id == EncodingId::ZSTD)
}

/// The values as planned; nodes that are known are not encoded again.
fn encode(
    values: &Values,
    place: Place<'_>,
    plan: &Plan,
    known: &[&Encoded],
    light_bytes: usize,
) -> Result<Option<Encoded>> {
    let node_plan = inner(plan).unwrap_or(plan);
    let node = match known.iter().find(|known| known.plan == *node_plan) {
        Some(known) => (*known).clone(),
        None => match try_plan(values, node_plan, place)? {
            Some(encoded) => encoded,
            None => return Ok(None),
        },
    };
    if inner(plan).is_some() {
        compressed(&node, light_bytes, place.effort)
    } else {
        Ok(Some(Encoded { light_bytes, ..node }))
    }
}

/// Zstd around a node.
fn compressed(node: &Encoded, light_bytes: usize, effort: Effort) -> Result<Option<Encoded>> {
    let mut body = Vec::new();
    if !zstd::compress(&node.bytes, effort, &mut body)? {
        return Ok(None);
    }
    let Ok(length) = u32::try_from(body.len()) else {
        return Ok(None);
    };
    let mut bytes = Vec::with_capacity(body.len() + 6);
    bytes.extend_from_slice(&EncodingId::ZSTD.0.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.append(&mut body);
    Ok(Some(Encoded { bytes, plan: compressed_plan(node.plan.clone()), light_bytes }))
}
