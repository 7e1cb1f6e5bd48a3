//! The table of `ncf index-bench`.

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
fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b.max(1) as f64
}

/// The report; `without` are shapes whose files have no index, last what indexes add to the time of
/// writing, in percent: of keys alone, and beside other columns.
pub(super) fn markdown(
    rows: &[Row],
    without: &[&str],
    [alone, beside]: [f64; 2],
    keys: usize,
    seed: u64,
) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cpu = cpu.map_or("an unknown processor", |(_, name)| name);
    let mut text = format!(
        "# Learned indexes beside other indexes\n\n\
         `ncf index-bench --keys {keys} --seed {seed}`, version {}, {cpu}.\n\n\
         {keys} keys of each shape, of text a tenth of that. A file holds the keys as its only column. *Window*: vectors of 1,024 rows\n\
         that a search for a stored key names, on average. *Dense*, *sparse*: a B+tree of full pages of 4 KiB with an entry a row, with\n\
         one every 1,024 rows. *Fences*: keys as far apart as the window (as those of the index, where it is fences), differences\n\
         compressed by zstd 19. *Zone maps*: the file's own statistics of the column.\n\n",
        env!("CARGO_PKG_VERSION")
    );
    sizes(&mut text, rows);
    if !without.is_empty() {
        let names = without.join(", ");
        let line = "Without an index, which would need more than a thousandth of the file";
        text.push_str(&format!("\n{line}: {names}.\n"));
    }
    text.push_str("\nNanoseconds of a look-up in memory, on average of stored keys at random:\n\n");
    times(&mut text, rows);
    let least = rows.iter().map(|row| ratio(row.dense, row.bytes)).fold(f64::INFINITY, f64::min);
    let mut sparse: Vec<f64> = rows.iter().map(|row| ratio(row.sparse, row.bytes)).collect();
    sparse.sort_by(f64::total_cmp);
    let median = sparse.get(sparse.len() / 2).copied().unwrap_or(0.0);
    let violations: u64 = rows.iter().map(|row| row.violations).sum();
    text.push_str(&format!(
        "\nBelow the dense B+tree at least {least:.0}x, below the sparse one {median:.1}x in the median. Keys that were not where the \
         index said: {violations}.\nWriting (`books`, profile `balanced`, into memory) takes {alone:.2} % longer with the index where a file holds keys alone, {beside:.2} % where \
         it has seven columns of random numbers as well: medians of 21 pairs.\n"
    ));
    text
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

fn table(text: &mut String, header: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    text.push_str(&line(&header.iter().map(ToString::to_string).collect::<Vec<_>>()));
    let rules =
        header.iter().enumerate().map(|(at, _)| if at < 2 { "---" } else { "---:" }.to_string());
    text.push_str(&line(&rules.collect::<Vec<_>>()));
    rows.for_each(|row| text.push_str(&line(&row)));
}
