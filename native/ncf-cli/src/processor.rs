//! Whether this processor has what the build was made for: better a sentence than a signal.

use std::collections::HashSet;

use ncf::{Error, ErrorKind, Result};

/// What x86-64-v3 has beyond every processor of 64 bits, in the words of `/proc/cpuinfo`.
const FEATURES: [&str; 7] = ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"];

/// `Unsupported` where the processor lacks what this build needs; unknown processors are not refused.
pub(crate) fn check() -> Result<()> {
    if !cfg!(all(target_arch = "x86_64", target_feature = "avx2")) {
        return Ok(());
    }
    let Ok(known) = std::fs::read_to_string("/proc/cpuinfo") else { return Ok(()) };
    match missing(&known) {
        None => Ok(()),
        Some(missing) => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "this processor has no {missing}, and ncf was built for processors of 2013 and later (x86-64-v3); \
                 build it with RUSTFLAGS=\"-C target-cpu=x86-64\""
            ),
        )),
    }
}

/// The features that are missing, if the text says which there are.
fn missing(cpuinfo: &str) -> Option<String> {
    let flags = cpuinfo.lines().find_map(|line| line.strip_prefix("flags")?.split_once(':'))?.1;
    let flags: HashSet<&str> = flags.split_whitespace().collect();
    let missing: Vec<&str> = FEATURES.into_iter().filter(|one| !flags.contains(one)).collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_missing() {
        let new = "processor\t: 0\nflags\t\t: fpu avx fma movbe bmi1 avx2 bmi2 f16c sse4_2\nbugs\t: avx9\n";
        assert_eq!(missing(new), None);
        let old = new.replace(" avx2", "").replace(" fma", "");
        assert_eq!(missing(&old).as_deref(), Some("avx2, fma"));
        assert_eq!(missing("Features : fp asimd\n"), None, "no such processor");
        assert!(check().is_ok(), "these tests run");
    }
}
