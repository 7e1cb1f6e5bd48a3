//! The tables of `ncf index-bench`.

use ncf::file::constants::{INDEX_LEAST, INDEX_SHARE};

use super::nearly::{NEARLY, Nearly};
use super::tables::{Cost, FILES, Measured, Order};

/// What was measured of a shape.
pub(super) struct Row {
    pub(super) shape: String,
    pub(super) keys: u64,
    pub(super) kind: String,
    /// Segments or fences.
    pub(super) parts: u64,
    /// Of the index, as it is in the file.
    pub(super) bytes: u64,
    /// Vectors that a search names, on average.
    pub(super) window: f64,
    /// Bytes of B+trees: an entry a row, an entry every 1,024 rows.
    pub(super) dense: u64,
    pub(super) sparse: u64,
    /// Of the file's own statistics of the column.
    pub(super) zone_maps: u64,
    /// Of fences that are as far apart as a search of the index reaches, compressed.
    pub(super) fences: u64,
    /// Of the file.
    pub(super) file: u64,
    /// Of a look-up: index, dense tree, sparse tree, map in memory.
    pub(super) nanos: [Option<f64>; 4],
    /// Keys that were not where the index said.
    pub(super) violations: u64,
}

/// Bytes of a file from which on the share that indexes may take is more than what they may take of any file.
const SMALL: u64 = INDEX_SHARE * INDEX_LEAST;

/// Whole vectors of a window.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "windows are small and positive"
)]
pub(super) fn vectors(window: f64) -> usize {
    (window.round() as usize).max(1)
}

#[allow(clippy::cast_precision_loss, reason = "ratios have few digits")]
pub(super) fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b.max(1) as f64
}

/// A figure that the index must reach.
pub(super) struct Limit {
    what: String,
    measured: String,
    met: bool,
}

/// The top of a report; `command` is what repeats it.
pub(super) fn head(command: &str) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cpu = cpu.map_or("an unknown processor", |(_, name)| name);
    let version = env!("CARGO_PKG_VERSION");
    format!("# Learned indexes beside other indexes\n\n`{command}`, version {version}, {cpu}.\n")
}

/// The limits, and whether each is met; some parts have none.
pub(super) fn limits(text: &mut String, limits: &[Limit]) {
    if limits.is_empty() {
        return;
    }
    text.push_str("\n## Limits\n\n");
    let cells = |limit: &Limit| {
        let met = if limit.met { "yes" } else { "no" };
        vec![limit.what.clone(), limit.measured.clone(), met.to_string()]
    };
    table(text, &["limit", "measured", "met"], limits.iter().map(cells));
}

/// The part on shapes of keys; `without` are those whose files have no index, last what indexes add to the time
/// of writing, in percent: of keys alone, and beside other columns.
pub(super) fn shapes(
    text: &mut String,
    limits: &mut Vec<Limit>,
    rows: &[Row],
    without: &[&str],
    [alone, beside]: [f64; 2],
    keys: usize,
) {
    text.push_str(&format!(
        "\n{keys} keys of each shape, of text a tenth of that. A file holds the keys as its only column. *Window*: vectors of 1,024 rows\n\
         that a search for a stored key names, on average. *Dense*, *sparse*: a B+tree of full pages of 4 KiB with an entry a row, with\n\
         one every 1,024 rows. *Fences*: keys as far apart as the window (as those of the index, where it is fences), differences\n\
         compressed by zstd 19. *Zone maps*: the file's own statistics of the column.\n\n"
    ));
    sizes(text, rows);
    if !without.is_empty() {
        let names = without.join(", ");
        text.push_str(&format!(
            "\nWithout an index, which would need more than a thousandth of the file and more than {INDEX_LEAST} bytes: {names}.\n"
        ));
    }
    text.push_str("\nNanoseconds of a look-up in memory, on average of stored keys at random:\n\n");
    times(text, rows);
    text.push_str(&format!(
        "\nWriting (`books`, profile `balanced`, into memory) takes {alone:.2} % longer with the index where a file holds keys alone, {beside:.2} % where \
         it has seven columns of random numbers as well: medians of 21 pairs.\n"
    ));
    limits_of_shapes(limits, rows);
    for (what, measured) in [("keys alone", alone), ("a table of eight columns", beside)] {
        let what = format!("writing {what} takes at most 1 % longer");
        limits.push(Limit { what, measured: format!("{measured:.2} %"), met: measured <= 1.0 });
    }
}

fn limits_of_shapes(limits: &mut Vec<Limit>, rows: &[Row]) {
    let mut add = |what: &str, measured: String, met: bool| {
        limits.push(Limit { what: what.to_string(), measured, met });
    };
    let violations: u64 = rows.iter().map(|row| row.violations).sum();
    add("keys that are not where the index says: none", violations.to_string(), violations == 0);
    let least = rows.iter().map(|row| ratio(row.dense, row.bytes)).fold(f64::INFINITY, f64::min);
    add(
        "every index at least 1000x below the dense B+tree",
        format!("{least:.0}x"),
        least >= 1000.0,
    );
    let middle = median(rows.iter().map(|row| ratio(row.sparse, row.bytes)));
    add(
        "at least 10x below the sparse B+tree in the median",
        format!("{middle:.1}x"),
        middle >= 10.0,
    );
    let larger = named(
        rows,
        |row| row.bytes > row.fences,
        |row| format!("{:.2}x", ratio(row.bytes, row.fences)),
    );
    let none = larger.is_empty();
    let text = if none { "none is larger".into() } else { format!("larger: {larger}") };
    add("no index larger than zstd 19 of the fences of its window", text, none);
    limit_of_share(limits, rows);
}

/// The writer's rule; of which files it makes no share of 0.1 % is told besides.
fn limit_of_share(limits: &mut Vec<Limit>, rows: &[Row]) {
    let share = |row: &Row| format!("{:.2} %", ratio(row.bytes * 100, row.file));
    let is_above = |row: &Row| row.bytes * 1000 > row.file;
    let most = |row: &Row| (row.file / INDEX_SHARE).max(INDEX_LEAST);
    let above = named(rows, |row| row.bytes > most(row), share);
    let met = above.is_empty();
    let mut measured = if met { "none above".into() } else { format!("above: {above}") };
    let small = named(
        rows,
        |row| row.file < SMALL && is_above(row),
        |row| format!("{} ({} of {} bytes)", share(row), row.bytes, row.file),
    );
    if !small.is_empty() {
        measured.push_str(&format!("; in smaller files: {small}"));
    }
    let what = format!("an index takes at most 0.1 % of a file, or {INDEX_LEAST} bytes");
    limits.push(Limit { what, measured, met });
}

/// The shapes that have a property, each with what `tell` says of it.
fn named(rows: &[Row], has: impl Fn(&Row) -> bool, tell: impl Fn(&Row) -> String) -> String {
    let named = rows.iter().filter(|row| has(row));
    let named: Vec<String> = named.map(|row| format!("{} {}", row.shape, tell(row))).collect();
    named.join(", ")
}

/// The middle one, the upper of two; 0 of none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn sizes(text: &mut String, rows: &[Row]) {
    let header = [
        "shape",
        "index",
        "parts",
        "bytes",
        "bits a key",
        "window",
        "dense / index",
        "sparse / index",
        "fences / index",
        "zone maps / index",
        "of the file",
    ];
    let cells = |row: &Row| {
        vec![
            row.shape.clone(),
            row.kind.clone(),
            row.parts.to_string(),
            row.bytes.to_string(),
            format!("{:.5}", ratio(row.bytes * 8, row.keys)),
            format!("{:.2}", row.window),
            format!("{:.0}x", ratio(row.dense, row.bytes)),
            format!("{:.1}x", ratio(row.sparse, row.bytes)),
            format!("{:.2}x", ratio(row.fences, row.bytes)),
            format!("{:.1}x", ratio(row.zone_maps, row.bytes)),
            format!("{:.4} %", ratio(row.bytes * 100, row.file)),
        ]
    };
    table(text, &header, rows.iter().map(cells));
}

fn times(text: &mut String, rows: &[Row]) {
    let header = ["shape", "index", "dense B+tree", "sparse B+tree", "BTreeMap"];
    let timed = rows.iter().filter(|row| row.nanos[0].is_some());
    let cells = |row: &Row| {
        let nanos = row.nanos.map(|nanos| nanos.map_or("-".into(), |nanos| format!("{nanos:.0}")));
        std::iter::once(row.shape.clone()).chain(nanos).collect()
    };
    table(text, &header, timed.map(cells));
}

/// The part on nearly sorted keys.
pub(super) fn nearly(text: &mut String, rows: &[Nearly], keys: usize) {
    let shapes = NEARLY.map(|(name, what)| format!("- `{name}`: {what}"));
    text.push_str(&format!(
        "\n## Nearly sorted\n\n\
         {keys} times of events in microseconds, a twentieth of a second apart on average, in the order in which they arrive:\n\n\
         {}\n\n\
         *Envelopes*: for each vector the greatest key so far and the least to come, each as the index of a sorted column would be, by the\n\
         writer's rule and compressed. NCF has no such index. A search for a stored key names so many *vectors* and *pages* on\n\
         average, by the bounds of the file's own zone maps, and by the envelopes. Of the vectors that envelopes name, some are *kept*, since\n\
         bounds of zones do not rule them out. Whether an envelope is right shows only in the rows that it leaves out: vectors that it\n\
         leaves out are *unproven* where bounds of zones do not rule them out either. *Checked*: what has to be read, which is both.\n\n",
        shapes.join("\n")
    ));
    let header = [
        "shape",
        "index",
        "zone maps, bytes",
        "vectors",
        "pages",
        "envelopes",
        "bytes",
        "vectors",
        "pages",
        "kept",
        "unproven",
        "checked",
    ];
    let cells = |row: &Nearly| {
        let index = row.index.as_ref().map_or("none".to_string(), |(kind, bytes, window)| {
            format!("{kind}, {bytes} bytes, {window:.2} vectors")
        });
        let number = |number: f64| format!("{number:.2}");
        let ([zones, zone_pages], [named, pages]) = (row.zones, row.named);
        vec![
            row.shape.to_string(),
            index,
            row.zone_maps.to_string(),
            number(zones),
            number(zone_pages),
            row.kinds.clone(),
            row.envelopes.to_string(),
            number(named),
            number(pages),
            number(row.kept),
            number(row.unproven),
            number(row.kept + row.unproven),
        ]
    };
    table(text, &header, rows.iter().map(cells));
}

/// What the tables of the parts on look-ups hold.
pub(super) fn about_lookups(text: &mut String) {
    text.push_str(&format!(
        "\n## What a look-up reads\n\n\
         Tables of {FILES} files: a key and, beside it, a random number below a million. A look-up opens the table and reads both columns\n\
         where the key is. Counted in the storage below the reader: *footers*, one each time a file is opened; data *pages*, and\n\
         *blocks* that these stand in; *bytes* of files and log. *Vectors* are what the scan says that bounds and index left to\n\
         decode. Medians and, in brackets, the most.\n"
    ));
}

/// The part on look-ups in a table of many files.
pub(super) fn lookups(text: &mut String, limits: &mut Vec<Limit>, measured: &Measured) {
    let Measured { keys, bytes, blocks, scan, .. } = measured;
    let keys_are = match measured.order {
        Order::Sorted => "rise through all files, by gaps of 1 to 100",
        Order::Random => "are unique numbers of 64 random bits in no order, with filters",
    };
    text.push_str(&format!(
        "\nKeys {keys_are}: {keys} in {blocks} blocks, {bytes} bytes. A scan of both columns reads {} bytes.\n\n",
        scan.bytes
    ));
    let header = ["keys", "look-ups", "footers", "pages", "blocks", "vectors", "bytes", "ms"];
    let sides = [("present", &measured.present), ("absent", &measured.absent)];
    table(
        text,
        &header,
        sides.iter().map(|(name, costs)| {
            let both =
                |of: fn(&Cost) -> u64| format!("{} ({})", middle(costs, of), most(costs, of));
            let milliseconds = median(costs.iter().map(|cost| cost.seconds * 1e3));
            vec![
                (*name).to_string(),
                costs.len().to_string(),
                both(|cost| cost.footers),
                both(|cost| cost.pages),
                both(|cost| cost.blocks),
                both(|cost| cost.vectors),
                both(|cost| cost.bytes),
                format!("{milliseconds:.2}"),
            ]
        }),
    );
    let all: Vec<Cost> = measured.present.iter().chain(&measured.absent).copied().collect();
    match measured.order {
        Order::Sorted => limits_of_sorted(limits, scan, &all),
        Order::Random => limits_of_random(limits, *blocks, &all),
    }
    let (what, violations) = ("look-ups that find other rows: none", measured.violations);
    let table = if measured.order == Order::Sorted { "sorted" } else { "no order" };
    limits.push(Limit {
        what: format!("{table}: {what}"),
        measured: violations.to_string(),
        met: violations == 0,
    });
}

fn limits_of_sorted(limits: &mut Vec<Limit>, scan: &Cost, costs: &[Cost]) {
    let mut at_most = |what: &str, limit: u64, of: fn(&Cost) -> u64| {
        let (found, above) =
            (most(costs, of), costs.iter().filter(|cost| of(cost) > limit).count());
        let mut measured = found.to_string();
        if above > 0 {
            measured.push_str(&format!(", above it in {above} of {} look-ups", costs.len()));
        }
        let what = format!("sorted: a look-up reads at most {limit} {what}");
        limits.push(Limit { what, measured, met: above == 0 });
    };
    at_most("footers", 2, |cost| cost.footers);
    at_most("data pages", 2, |cost| cost.pages);
    at_most("vectors", 6, |cost| cost.vectors);
    let bytes = most(costs, |cost| cost.bytes);
    limits.push(Limit {
        what: "sorted: a look-up reads at least 100x fewer bytes than a scan".to_string(),
        measured: format!("{:.0}x", ratio(scan.bytes, bytes)),
        met: bytes * 100 <= scan.bytes,
    });
}

fn limits_of_random(limits: &mut Vec<Limit>, blocks: u64, costs: &[Cost]) {
    let read: u64 = costs.iter().map(|cost| cost.blocks).sum();
    let share = 100.0 - ratio(read * 100, blocks * costs.len() as u64);
    let worst = 100.0 - ratio(most(costs, |cost| cost.blocks) * 100, blocks);
    limits.push(Limit {
        what: "no order: filters spare a look-up at least 95 % of the blocks".to_string(),
        measured: format!("{share:.2} % on average, {worst:.2} % at worst"),
        met: share >= 95.0,
    });
}

fn most(costs: &[Cost], of: fn(&Cost) -> u64) -> u64 {
    costs.iter().map(of).max().unwrap_or(0)
}

fn middle(costs: &[Cost], of: fn(&Cost) -> u64) -> u64 {
    let mut values: Vec<u64> = costs.iter().map(of).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

fn table(text: &mut String, header: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    text.push_str(&line(&header.iter().map(ToString::to_string).collect::<Vec<_>>()));
    let rules =
        header.iter().enumerate().map(|(at, _)| if at < 2 { "---" } else { "---:" }.to_string());
    text.push_str(&line(&rules.collect::<Vec<_>>()));
    rows.for_each(|row| text.push_str(&line(&row)));
}
