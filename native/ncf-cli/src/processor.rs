//! Whether this processor has what the build was made for: better a sentence than a signal.

use ncf::{Error, ErrorKind, Result};

/// What x86-64-v3 has beyond x86-64-v2, in the words of `/proc/cpuinfo`, where `abm` stands for LZCNT.
const FEATURES: [&str; 8] = ["abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"];

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
                "this processor has no {missing}, or its virtual machine hides it, and ncf was built for x86-64-v3 \
                 (Core and Xeon since Haswell, AMD since Excavator); build it with RUSTFLAGS=\"-C target-cpu=x86-64\""
            ),
        )),
    }
}

/// The features that are missing, if the text says which there are.
fn missing(cpuinfo: &str) -> Option<String> {
    let flags = cpuinfo.lines().find_map(|line| line.strip_prefix("flags")?.split_once(':'))?.1;
    let has = |one: &&str| flags.split_whitespace().any(|flag| flag == *one);
    let missing: Vec<&str> = FEATURES.into_iter().filter(|one| !has(one)).collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_missing() {
        let new = "processor\t: 0\nflags\t\t: fpu abm avx fma movbe bmi1 avx2 bmi2 f16c sse4_2\nbugs\t: avx9\n";
        assert_eq!(missing(new), None);
        let old = new.replace(" avx2", "").replace(" fma", "");
        assert_eq!(missing(&old).as_deref(), Some("avx2, fma"));
        assert_eq!(missing("Features : fp asimd\n"), None, "no such processor");
        assert!(check().is_ok(), "these tests run");
    }
}
