//! Progress on standard error, shown only on a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of `total` (when unknown: a spinner) that counts `unit`.
pub(crate) fn bar(total: Option<u64>, what: &str, unit: &str) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => {
            (ProgressBar::new(total), "{msg} [{bar:30}] {human_pos}/{human_len} UNIT {eta}")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {human_pos} UNIT {elapsed}"),
    };
    // A wrong template would be a bug here, not a reason to fail: indicatif's own look is kept then.
    if let Ok(style) = ProgressStyle::with_template(&template.replace("UNIT", unit)) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(what.to_string());
    bar
}
