//! The cost of an encoded node: its bytes, made a little dearer by the time to decode them.

use crate::effort::Effort;
use crate::encodings;
use crate::id::EncodingId;
use crate::node::Plan;

/// Change of the achieved ratio after which a choice is made again.
const DRIFT: f64 = 0.10;
/// Bytes of change that are never worth a new choice.
const DRIFT_BYTES: f64 = 64.0;

/// `bytes × (1 + λ · nanoseconds per value)`.
pub(crate) fn cost(plan: &Plan, bytes: usize, effort: Effort) -> f64 {
    bytes as f64 * (1.0 + effort.lambda() * time(plan))
}

/// Nanoseconds to decode one value. Children of run-length and sparse count little: they have few values.
fn time(plan: &Plan) -> f64 {
    let own = encodings::find(plan.id).map_or(0.0, |encoding| encoding.decode_cost());
    let children: f64 = plan.children.iter().map(time).sum();
    let few = matches!(plan.id, EncodingId::RUN_LENGTH | EncodingId::SPARSE);
    if few { own + children / 4.0 } else { own + children }
}

/// `part ÷ whole`, where an empty whole counts as one.
pub(crate) fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// `ratio × whole`, rounded down.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bytes of a page, never negative"
)]
pub(crate) fn share(ratio: f64, whole: usize) -> usize {
    (ratio * whole as f64) as usize
}

/// Whether `bytes` for `raw` is far from what `expected` promised.
pub(crate) fn drifted(expected: f64, bytes: usize, raw: usize) -> bool {
    let promised = expected * raw.max(1) as f64;
    let change = (bytes as f64 - promised).abs();
    change > DRIFT * promised && change > DRIFT_BYTES
}
