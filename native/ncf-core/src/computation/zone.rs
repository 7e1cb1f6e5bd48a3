//! Local time.

use serde::{Deserialize, Serialize};

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// How local time is made of an instant. The default is UTC, which also serves timestamps without a
/// zone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Seconds that local time is ahead of UTC before the first transition.
    #[serde(default)]
    pub offset: i32,
    /// Seconds since the epoch from which on local time is so many seconds ahead; ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transitions: Vec<(i64, i32)>,
    /// Second since the epoch from which on further transitions follow that are not listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

impl Zone {
    /// Whether the zone knows the local time of an instant, in microseconds since the epoch.
    pub fn knows(&self, micros: i64) -> bool {
        self.until.is_none_or(|until| micros.div_euclid(SECOND) < until)
    }

    /// Whether a later instant never has an earlier local time.
    pub fn is_fixed(&self) -> bool {
        self.transitions.is_empty()
    }

    /// The local time of an instant: days since the epoch, and microseconds of the day.
    pub fn local(&self, micros: i64) -> (i64, i64) {
        const DAY: i64 = 86_400;
        let (seconds, rest) = (micros.div_euclid(SECOND), micros.rem_euclid(SECOND));
        let local = seconds + i64::from(self.offset_at(seconds));
        (local.div_euclid(DAY), local.rem_euclid(DAY) * SECOND + rest)
    }

    fn offset_at(&self, seconds: i64) -> i32 {
        let past = self.transitions.partition_point(|(from, _)| *from <= seconds);
        let last = past.checked_sub(1).and_then(|index| self.transitions.get(index));
        last.map_or(self.offset, |(_, offset)| *offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_change_at_transitions() {
        let zone = Zone { offset: 3600, transitions: vec![(1000, 7200)], until: Some(2000) };
        assert_eq!(zone.local(999 * SECOND), (0, 4599 * SECOND));
        assert_eq!(zone.local(1000 * SECOND), (0, 8200 * SECOND));
        assert_eq!(zone.local(-3601 * SECOND + 5), (-1, 86_399 * SECOND + 5));
        assert!(zone.knows(1_999_999_999) && !zone.knows(2000 * SECOND));
        assert_eq!(Zone::default().local(-1), (-1, 86_400 * SECOND - 1));
        assert_eq!(Zone::default().local(i64::MIN).0, -106_751_992);
    }
}
