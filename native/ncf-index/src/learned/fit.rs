//! Fitting: the fewest straight lines that stay within ε of points with ascending keys.
//!
//! The points so far fit one line exactly when a line passes between all (x, y + ε) and (x, y − ε). Of the
//! lines that do, the steepest and the flattest touch the two convex hulls; a point beyond both begins a new
//! line. One pass, amortised constant work a point, and as few lines as there can be: O'Rourke, "An on-line
//! algorithm for fitting straight lines between data ranges", CACM 24 (1981); used for indexes by Ferragina
//! and Vinciguerra, "The PGM-index", PVLDB 13 (2020).

use super::linear::Segment;

/// A point, as difference to the first of its line where that matters.
#[derive(Debug, Clone, Copy)]
struct Point {
    x: u64,
    y: i64,
}

/// A direction. Products of two of them fit 128 bits: keys have 64 bits, positions under 48.
#[derive(Debug, Clone, Copy)]
struct Slope {
    dx: i128,
    dy: i128,
}

impl Slope {
    fn between(from: Point, to: Point) -> Self {
        Self {
            dx: i128::from(to.x) - i128::from(from.x),
            dy: i128::from(to.y) - i128::from(from.y),
        }
    }

    fn is_below(self, other: Self) -> bool {
        self.dy * other.dx < self.dx * other.dy
    }

    fn is_above(self, other: Self) -> bool {
        other.is_below(self)
    }
}

/// Twice the area of a triangle: above 0 where the way turns left at `b`.
fn cross(a: Point, b: Point, c: Point) -> i128 {
    let (first, second) = (Slope::between(a, b), Slope::between(a, c));
    first.dx * second.dy - first.dy * second.dx
}

/// The line that is being fitted.
struct Line {
    epsilon: i64,
    /// The points (x, y + ε) and (x, y − ε) that still matter, and where in them the tangents touch.
    upper: Vec<Point>,
    lower: Vec<Point>,
    upper_start: usize,
    lower_start: usize,
    /// Ends of the flattest line (0 and 2) and of the steepest (1 and 3).
    corners: [Point; 4],
    points: usize,
    first: Point,
}

impl Line {
    fn starting(epsilon: i64, first: Point) -> Self {
        let high = Point { y: first.y + epsilon, ..first };
        let low = Point { y: first.y - epsilon, ..first };
        Self {
            epsilon,
            upper: vec![high],
            lower: vec![low],
            upper_start: 0,
            lower_start: 0,
            corners: [high, low, low, high],
            points: 1,
            first,
        }
    }

    /// Takes a point with a greater key, unless no line passes it and all before.
    fn add(&mut self, point: Point) -> bool {
        let high = Point { y: point.y + self.epsilon, ..point };
        let low = Point { y: point.y - self.epsilon, ..point };
        if self.points == 1 {
            self.corners[2] = low;
            self.corners[3] = high;
            self.upper.push(high);
            self.lower.push(low);
            self.points = 2;
            return true;
        }
        let (flattest, steepest) = self.extremes();
        if Slope::between(self.corners[2], high).is_below(flattest)
            || Slope::between(self.corners[3], low).is_above(steepest)
        {
            return false;
        }
        if Slope::between(self.corners[1], high).is_below(steepest) {
            self.lower_steepest(high);
        }
        if Slope::between(self.corners[0], low).is_above(flattest) {
            self.raise_flattest(low);
        }
        self.points += 1;
        true
    }

    fn extremes(&self) -> (Slope, Slope) {
        let [a, b, c, d] = self.corners;
        (Slope::between(a, c), Slope::between(b, d))
    }

    /// The steepest line now ends at `high`: it turns about the lower hull.
    fn lower_steepest(&mut self, high: Point) {
        let touch = tangent(&self.lower, self.lower_start, |have, next| {
            Slope::between(next, high).is_above(Slope::between(have, high))
        });
        if let Some(point) = self.lower.get(touch) {
            self.corners[1] = *point;
        }
        self.corners[3] = high;
        self.lower_start = touch;
        extend(&mut self.upper, self.upper_start, high, |turn| turn <= 0);
    }

    /// The flattest line now ends at `low`: it turns about the upper hull.
    fn raise_flattest(&mut self, low: Point) {
        let touch = tangent(&self.upper, self.upper_start, |have, next| {
            Slope::between(next, low).is_below(Slope::between(have, low))
        });
        if let Some(point) = self.upper.get(touch) {
            self.corners[0] = *point;
        }
        self.corners[2] = low;
        self.upper_start = touch;
        extend(&mut self.lower, self.lower_start, low, |turn| turn >= 0);
    }

    /// A line between the flattest and the steepest, in the fixed point of the format. It may miss ε by what
    /// rounding takes: the index's bounds come from the segments as they are.
    #[allow(clippy::cast_precision_loss, reason = "what is lost is found when bounds are proven")]
    fn segment(&self) -> Segment {
        if self.points == 1 {
            return Segment {
                key: self.first.x,
                start: position(self.first.y),
                slope: 0,
                shift: 0,
            };
        }
        let [a, b, c, d] = self.corners;
        let slope = |from: Point, to: Point| {
            let Slope { dx, dy } = Slope::between(from, to);
            dy as f64 / dx as f64
        };
        let (flattest, steepest) = (slope(a, c), slope(b, d));
        // The two lines cross where the way between them is narrowest; the middle line goes through there.
        let at = |corner: Point| {
            let x = corner.x.abs_diff(self.first.x) as f64;
            (if corner.x < self.first.x { -x } else { x }, corner.y as f64)
        };
        let ((ax, ay), (bx, by)) = (at(a), at(b));
        let x = if flattest == steepest {
            0.0
        } else {
            ((by - steepest * bx) - (ay - flattest * ax)) / (flattest - steepest)
        };
        let y = ay + flattest * (x - ax);
        let middle = f64::midpoint(flattest, steepest).max(0.0);
        let start = y - x * middle;
        let (slope, shift) = fixed(middle);
        #[allow(clippy::cast_possible_truncation, reason = "a float becomes the nearest integer")]
        let start = position(start.round() as i64);
        Segment { key: self.first.x, start, slope, shift }
    }
}

fn position(y: i64) -> u64 {
    u64::try_from(y).unwrap_or(0)
}

/// A slope of at least 0 as `slope / 2^shift`, with as many digits as there are.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just before")]
fn fixed(slope: f64) -> (u32, u8) {
    let mut shift = 0u8;
    let mut scaled = slope;
    while shift < 63 && scaled * 2.0 < f64::from(u32::MAX) && slope > 0.0 {
        scaled *= 2.0;
        shift += 1;
    }
    (scaled.round().min(f64::from(u32::MAX)) as u32, shift)
}

/// From `start` on, the first place of a hull whose next one is worse.
fn tangent(hull: &[Point], start: usize, worse: impl Fn(Point, Point) -> bool) -> usize {
    let mut best = start;
    while let (Some(have), Some(next)) = (hull.get(best), hull.get(best + 1)) {
        if worse(*have, *next) {
            break;
        }
        best += 1;
    }
    best
}

/// Adds a point to a hull from which `start` points are gone, and drops those that it makes inner ones.
fn extend(hull: &mut Vec<Point>, start: usize, point: Point, inner: impl Fn(i128) -> bool) {
    while hull.len() >= start + 2 {
        let [.., a, b] = hull.as_slice() else { break };
        if !inner(cross(*a, *b, point)) {
            break;
        }
        hull.pop();
    }
    hull.push(point);
}

/// Lines within `epsilon` of points (key, position), whose keys ascend and whose positions do not fall.
pub(super) fn segments(points: impl Iterator<Item = (u64, u64)>, epsilon: u32) -> Vec<Segment> {
    let mut found = Vec::new();
    let mut line: Option<Line> = None;
    for (x, y) in points {
        let point = Point { x, y: i64::try_from(y).unwrap_or(i64::MAX >> 1) };
        let fits = line.as_mut().is_some_and(|line| line.add(point));
        if !fits {
            let full = line.replace(Line::starting(epsilon.into(), point));
            found.extend(full.map(|line| line.segment()));
        }
    }
    found.extend(line.map(|line| line.segment()));
    // A line may begin below the beginning of the one before, by as much as ε; the model must never fall.
    let mut least = 0;
    for segment in &mut found {
        segment.start = segment.start.max(least);
        least = segment.start;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far(points: &[(u64, u64)], epsilon: u32) -> (usize, u64) {
        let lines = segments(points.iter().copied(), epsilon);
        let miss = |(x, y): &(u64, u64)| {
            let at = lines.partition_point(|line| line.key <= *x).saturating_sub(1);
            lines[at].raw(*x).abs_diff(*y)
        };
        (lines.len(), points.iter().map(miss).max().unwrap_or(0))
    }

    #[test]
    fn a_line_is_one_segment() {
        let points: Vec<_> = (0..5000u64).map(|i| (i * 37 + 5, i * 1024)).collect();
        assert_eq!(far(&points, 512).0, 1);
        assert!(far(&points, 512).1 <= 513);
    }

    #[test]
    fn points_are_met_within_epsilon() {
        let (mut x, mut y, mut state) = (0u64, 0u64, 12345u64);
        let mut points = Vec::new();
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            x += 1 + ((state >> 33) % 1000) * if state >> 60 == 0 { 1000 } else { 1 };
            y += 1024;
            points.push((x, y));
        }
        for epsilon in [512, 1536, 5000] {
            let (lines, miss) = far(&points, epsilon);
            assert!(lines > 1 && lines < 5000, "{lines}");
            // Lines that would fall are raised, by a part of epsilon.
            assert!(miss <= u64::from(epsilon) * 5 / 4, "{miss} of {epsilon}");
        }
    }

    #[test]
    fn extremes_of_keys_do_not_overflow() {
        let points = [(0, 0), (1, 1024), (u64::MAX - 1, 2048), (u64::MAX, 1 << 42)];
        assert!(far(&points, 512).1 <= 1 << 11);
    }

    #[test]
    fn no_fewer_lines_will_do() {
        // Two slopes: one line cannot follow both, two can.
        let steep = (0..100u64).map(|i| (i, i * 1024));
        let flat = (1..100u64).map(|i| (99 + i * 1_000_000, 99 * 1024 + i));
        let points: Vec<_> = steep.chain(flat).collect();
        assert_eq!(far(&points, 512).0, 2);
    }
}
