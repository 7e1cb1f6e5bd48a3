//! Keys of many shapes, in order: after the data sets of SOSD (Kipf et al. 2019) and what tables are sorted by.

use ncf::hash::hash_u64;

/// splitmix64 (Steele, Lea and Flood, 2014): the same everywhere.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        let next = hash_u64(self.0);
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        next
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// Between 0 and 1, neither included.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Normally distributed, by Box and Muller.
    fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// A shape by name, and what it is like.
pub(super) const SHAPES: [(&str, &str); 15] = [
    ("sequence", "1, 2, 3 …, one number in a hundred left out"),
    ("uniform", "63 random bits"),
    ("lognormal", "e^(2·normal) · 10^9"),
    ("diurnal", "event times in microseconds, more by day than by night"),
    ("seconds", "event times in seconds, many of them equal"),
    ("books", "gaps whose scale wanders"),
    ("facebook", "lognormal gaps and 21 keys far beyond"),
    ("osm", "places on a map along a Z-order curve, in clusters of clusters"),
    ("wiki", "edit times in seconds, in bursts"),
    ("heavy-tail", "gaps of a Pareto distribution"),
    ("zigzag", "dense and sparse runs of 1,024 to 3,072 rows by turns"),
    ("few-values", "10,000 distinct keys"),
    ("uuid", "random UUIDs as text"),
    ("order-id", "text of a prefix and a number"),
    ("url", "text with a long common beginning"),
];

/// Keys of a column, in order.
pub(super) enum Keys {
    Numbers(Vec<i64>),
    Texts(Vec<String>),
}

impl Keys {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Numbers(keys) => keys.len(),
            Self::Texts(keys) => keys.len(),
        }
    }
}

/// Makes `count` keys of a shape; `None` where there is no such shape.
pub(super) fn make(shape: &str, count: usize, random: &mut Random) -> Option<Keys> {
    let texts = |text: &mut dyn FnMut(&mut Random) -> String, random: &mut Random| {
        let mut keys: Vec<String> = (0..count).map(|_| text(random)).collect();
        keys.sort_unstable();
        Keys::Texts(keys)
    };
    Some(match shape {
        "uuid" => texts(&mut uuid, random),
        "order-id" => {
            let mut order = 0;
            texts(
                &mut |r| {
                    order += 1 + r.below(9);
                    format!("ORD-{order:012}")
                },
                random,
            )
        }
        "url" => texts(
            &mut |r| {
                format!(
                    "https://www.example.org/shop/en/product/{:07}?ref={}",
                    r.below(4_000_000),
                    r.below(9)
                )
            },
            random,
        ),
        other => Keys::Numbers(numbers(other, count, random)?),
    })
}

fn uuid(random: &mut Random) -> String {
    let (a, b) = (random.next(), random.next());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        a >> 16 & 0xFFFF,
        a & 0xFFF,
        b >> 48 & 0x3FFF | 0x8000,
        b & 0xFFFF_FFFF_FFFF
    )
}

/// The whole part of a float that is not negative.
#[allow(clippy::cast_possible_truncation, reason = "an `as` to an integer saturates")]
fn whole(value: f64) -> i64 {
    value.max(0.0) as i64
}

#[allow(clippy::cast_precision_loss, reason = "positions of rows are small")]
fn numbers(shape: &str, count: usize, random: &mut Random) -> Option<Vec<i64>> {
    let mut keys = Vec::with_capacity(count);
    let mut key = 0i64;
    let mut scale = 0.0f64;
    let mut left = 0u64;
    let mut dense = false;
    for row in 0..count {
        let gap = match shape {
            "uniform" => {
                keys.push((random.next() >> 1).cast_signed());
                continue;
            }
            "lognormal" => {
                keys.push(whole((2.0 * random.normal()).exp() * 1e9));
                continue;
            }
            "osm" => {
                keys.push(place(random));
                continue;
            }
            "few-values" => {
                keys.push(random.below(10_000).cast_signed() * 1_000);
                continue;
            }
            "sequence" => 1 + i64::from(random.below(100) == 0),
            "diurnal" => {
                let hour = key as f64 / 3.6e9 / 24.0 * std::f64::consts::TAU;
                whole(-random.unit().ln() * 50_000.0 * (1.3 + hour.sin())) + 1
            }
            "seconds" => i64::from(random.below(12) == 0),
            "books" => {
                scale = (scale + random.normal() * 0.02).clamp(-4.0, 4.0);
                1 + whole(-random.unit().ln() * 100.0 * scale.exp())
            }
            "facebook" => 1 + whole((random.normal() * 1.5 + 5.0).exp()),
            "wiki" => {
                if left == 0 {
                    left = 1 + random.below(5_000);
                    scale = if random.below(4) == 0 { 0.02 } else { 0.5 + random.unit() };
                }
                left -= 1;
                whole(-random.unit().ln() * scale)
            }
            "heavy-tail" => 1 + whole(random.unit().powf(-1.1)).min(1 << 40),
            "zigzag" => {
                if left == 0 {
                    left = 1024 + random.below(2049);
                    dense = !dense;
                }
                left -= 1;
                if dense { 1 } else { 2000 }
            }
            _ => return None,
        };
        key = key.saturating_add(gap);
        keys.push(key);
        if shape == "facebook" && row + 22 > count {
            key = key.saturating_add(1 << (40 + (row + 22 - count).min(20)));
        }
    }
    keys.sort_unstable();
    Some(keys)
}

/// A place of a map: in one of a few regions, in one of its towns, in one of its streets.
fn place(random: &mut Random) -> i64 {
    let mut at = (0u64, 0u64);
    let mut seed = 0x5EED;
    for (width, choices) in [(1u64 << 31, 40), (1 << 26, 60), (1 << 20, 80)] {
        let chosen = random.below(choices) * random.below(choices) / choices;
        let mut own = Random(seed ^ chosen.wrapping_mul(0x9E37_79B9));
        at = (at.0 + own.below(width), at.1 + own.below(width));
        seed = own.next();
    }
    at = (at.0 + random.below(1 << 12), at.1 + random.below(1 << 12));
    let spread = |value: u64| (0..31).fold(0, |bits, bit| bits | (value >> bit & 1) << (2 * bit));
    (spread(at.0) | spread(at.1) << 1).cast_signed()
}
