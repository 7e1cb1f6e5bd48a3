//! Zstd around a node: tried on one contiguous piece (general compression cannot be judged from scattered
//! vectors), kept per column, and on every page only where it is at least 5 % smaller than light encodings.

use ncf_core::{Result, Values};

use super::{Encoded, Winner, try_plan};
use crate::encodings::zstd;
use crate::id::EncodingId;
use crate::native::plain_bytes;
use crate::node::{Place, Plan};

/// Raw bytes of a trial.
const TRIAL_BYTES: usize = 256 << 10;
/// Nodes below this size are left alone.
const MIN_BYTES: usize = 64;
/// Pages after which a refused zstd is tried again: one block.
const PATIENCE: u8 = 16;

/// What a column remembers about zstd.
#[derive(Debug, Clone, Default)]
pub(super) enum Heavy {
    /// Not tried, or the last choice no longer fits.
    #[default]
    Open,
    /// Did not pay; the number of pages since.
    Refused(u8),
    /// Pays around this inner plan.
    Chosen(Winner),
}

impl Heavy {
    /// Zstd around the chosen plan where that is not the light winner's, and pays against what the light winner
    /// promised.
    pub(super) fn alone(
        &self,
        values: &Values,
        place: Place<'_>,
        light: &Winner,
    ) -> Result<Option<Encoded>> {
        let winner = match self {
            Self::Chosen(winner) if winner.plan != light.plan => winner,
            _ => return Ok(None),
        };
        let Some(node) = try_plan(values, &winner.plan, place)? else {
            return Ok(None);
        };
        let raw = plain_bytes(values);
        let encoded = compressed(&node, light.promised(raw))?;
        Ok(encoded.filter(|encoded| {
            let bytes = encoded.bytes.len();
            !winner.drifted(bytes, raw) && pays(bytes, encoded.light_bytes)
        }))
    }

    /// `light`, or zstd where it pays.
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
        let inner = match self {
            Self::Refused(pages) if *pages < PATIENCE => {
                *pages += 1;
                return Ok(light);
            }
            Self::Chosen(winner) => Some(winner.plan.clone()),
            Self::Open | Self::Refused(_) => trial(values, place, &light.plan)?,
        };
        let Some(inner) = inner else {
            *self = Self::Refused(0);
            return Ok(light);
        };
        let Some(heavy) = wrap(values, place, &inner, &light)? else {
            return Ok(light);
        };
        match self {
            Self::Chosen(winner) if winner.drifted(heavy.bytes.len(), raw) => *self = Self::Open,
            Self::Chosen(_) => {}
            Self::Open | Self::Refused(_) => {
                let inner = heavy.plan.children.first().cloned().unwrap_or(inner);
                *self = Self::Chosen(Winner::new(inner, heavy.bytes.len(), raw));
            }
        }
        Ok(if pays(heavy.bytes.len(), light.bytes.len()) { heavy } else { light })
    }
}

fn pays(heavy: usize, light: usize) -> bool {
    heavy * 100 <= light * 95
}

/// The inner plan that compresses a piece from the middle best, when it pays there.
fn trial(values: &Values, place: Place<'_>, light: &Plan) -> Result<Option<Plan>> {
    let raw = plain_bytes(values).max(1);
    let rows = values.len().saturating_mul(TRIAL_BYTES) / raw;
    let rows = rows.clamp(1.min(values.len()), values.len());
    let start = (values.len() - rows) / 2;
    let piece = values.slice(start, rows);
    let codes = place.codes.and_then(|codes| codes.get(start..start + rows));
    let validity = place.validity.map(|validity| validity.slice(start, rows));
    let place = Place { codes, validity: validity.as_ref(), ..place };
    let mut inner = vec![light.clone(), flattened(light)];
    if !matches!(values, Values::Bool(_)) {
        inner.push(Plan::open(EncodingId::PLAIN));
    }
    inner.dedup();
    let Some(alone) = try_plan(&piece, light, place)? else {
        return Ok(None);
    };
    let mut best: Option<(usize, Plan)> = None;
    for plan in inner {
        if let Some(encoded) = wrap(&piece, place, &plan, &alone)?
            && best.as_ref().is_none_or(|(bytes, _)| encoded.bytes.len() < *bytes)
        {
            best = Some((encoded.bytes.len(), plan));
        }
    }
    Ok(best.filter(|(bytes, _)| pays(*bytes, alone.bytes.len())).map(|(_, plan)| plan))
}

/// The same root with plain children: bit-packed integers hide repetition from zstd.
fn flattened(plan: &Plan) -> Plan {
    let children = plan.children.iter().map(|_| Plan::open(EncodingId::PLAIN)).collect();
    Plan { id: plan.id, children }
}

/// Zstd around `inner`; the light node is used again when it has the same plan.
fn wrap(
    values: &Values,
    place: Place<'_>,
    inner: &Plan,
    light: &Encoded,
) -> Result<Option<Encoded>> {
    let other;
    let node = if *inner == light.plan {
        light
    } else {
        match try_plan(values, inner, place)? {
            Some(encoded) => {
                other = encoded;
                &other
            }
            None => return Ok(None),
        }
    };
    compressed(node, light.light_bytes)
}

/// Zstd around a node.
fn compressed(node: &Encoded, light_bytes: usize) -> Result<Option<Encoded>> {
    let mut body = Vec::new();
    if !zstd::compress(&node.bytes, &mut body)? {
        return Ok(None);
    }
    let Ok(length) = u32::try_from(body.len()) else {
        return Ok(None);
    };
    let mut bytes = Vec::with_capacity(body.len() + 6);
    bytes.extend_from_slice(&EncodingId::ZSTD.0.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.append(&mut body);
    let plan = Plan { id: EncodingId::ZSTD, children: vec![node.plan.clone()] };
    Ok(Some(Encoded { bytes, plan, light_bytes }))
}
