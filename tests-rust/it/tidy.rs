//! Rules of the house: layers, documentation, sizes, where `unsafe` may stand, no machine's paths.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ncf_tests::repository;

/// Which crates of the workspace each crate may use. Nothing else is an edge.
const LAYERS: [(&str, &[&str]); 12] = [
    ("ncf-core", &[]),
    ("ncf-encoding", &["ncf-core"]),
    ("ncf-index", &["ncf-core"]),
    ("ncf-model", &["ncf-core", "ncf-index"]),
    ("ncf-file", &["ncf-core", "ncf-encoding", "ncf-index"]),
    ("ncf-scan", &["ncf-core", "ncf-encoding", "ncf-index", "ncf-file"]),
    ("ncf-table", &["ncf-core"]),
    ("ncf", &["ncf-core", "ncf-encoding", "ncf-index", "ncf-file", "ncf-scan", "ncf-table"]),
    ("ncf-jni", &["ncf"]),
    // An engine that they hand to `ncf`, and that nothing below them is built with.
    ("ncf-cli", &["ncf", "ncf-model"]),
    ("ncf-bench", &["ncf"]),
    ("ncf-tests", &["ncf", "ncf-model"]),
];

/// Files that may hold `unsafe`, each with its reason.
const UNSAFE_ALLOWED: [&str; 2] = [
    // Memory maps and the buffers over them.
    "native/ncf-file/src/source/mmap.rs",
    // The boundary with the JVM: raw addresses are its trade.
    "native/ncf-jni/src/",
];

const MAX_FILE_LINES: usize = 700;
const MAX_FUNCTION_LINES: usize = 70;

fn files(extensions: &[&str]) -> Vec<(String, String)> {
    let root = repository();
    let mut found = Vec::new();
    let roots = [
        "native",
        "tests-rust",
        "spark-connector",
        "tests-scala",
        "examples",
        "tools",
        "docs",
        "project",
    ];
    for top in roots {
        walk(&root.join(top), extensions, &mut found);
    }
    let relative = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        (path.strip_prefix(&root).unwrap().display().to_string(), text)
    };
    found.into_iter().map(relative).collect()
}

fn walk(directory: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", "fixtures", "__pycache__", "node_modules"].contains(&name.as_str()) {
                walk(&path, extensions, found);
            }
        } else if path.extension().is_some_and(|e| extensions.iter().any(|x| *x == e)) {
            found.push(path);
        }
    }
}

#[test]
fn dependencies_point_down() {
    for (krate, allowed) in LAYERS {
        let folder =
            if krate == "ncf-tests" { "tests-rust".into() } else { format!("native/{krate}") };
        let text = std::fs::read_to_string(repository().join(folder).join("Cargo.toml")).unwrap();
        let used: Vec<&str> = text
            .lines()
            .skip_while(|line| !line.contains("dependencies]"))
            .filter_map(|line| line.split(['.', ' ', '=']).next())
            .filter(|name| *name == "ncf" || name.starts_with("ncf-"))
            .collect();
        for name in used {
            assert!(allowed.contains(&name), "{krate} may not depend on {name}");
        }
    }
}

#[test]
fn every_source_file_says_what_it_is() {
    for (path, text) in files(&["rs"]) {
        assert!(text.starts_with("//!"), "{path} does not begin with a module doc");
    }
    for (path, text) in files(&["scala", "java"]) {
        assert!(text.contains("/**"), "{path} has no doc comment");
    }
    for (path, text) in files(&["py", "sh"]) {
        let documented =
            text.lines().take(4).any(|line| line.starts_with("\"\"\"") || line.starts_with("# "));
        assert!(documented, "{path} does not say what it is for");
    }
}

#[test]
fn files_and_functions_are_short() {
    for (path, text) in files(&["rs", "scala", "java", "py"]) {
        let lines = text.lines().count();
        assert!(lines <= MAX_FILE_LINES, "{path} has {lines} lines; split it");
    }
    for (path, text) in files(&["rs"]) {
        for (line, length) in long_functions(&text) {
            assert!(length <= MAX_FUNCTION_LINES, "{path}:{line} is a function of {length} lines");
        }
    }
}

/// First line and length of each function: from `fn` to the brace in the same column, which is
/// where rustfmt puts it.
fn long_functions(text: &str) -> Vec<(usize, usize)> {
    let mut open: BTreeMap<usize, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let code = line.trim_start();
        let is_function = ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn ", "async fn "]
            .iter()
            .any(|start| code.starts_with(start));
        if is_function {
            open.insert(indent, number);
        } else if code.starts_with('}')
            && let Some(start) = open.remove(&indent)
        {
            found.push((start + 1, number - start + 1));
        }
    }
    found
}

#[test]
fn unsafe_stands_only_where_it_may() {
    for (path, text) in files(&["rs"]) {
        let allowed = UNSAFE_ALLOWED.iter().any(|start| path.starts_with(start));
        let has = text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains("unsafe {") || code.contains("unsafe fn") || code.contains("unsafe impl")
        });
        assert!(!has || allowed || path.ends_with("tidy.rs"), "{path} may not use unsafe");
    }
}

#[test]
fn no_file_names_a_machine() {
    let mine = [format!("/{}/main", "work"), format!("/{}/.", "root"), format!("/tmp/{}", "ncf-")];
    for (path, text) in files(&["rs", "scala", "java", "py", "sh", "md", "sbt", "toml"]) {
        for word in &mine {
            assert!(!text.contains(word.as_str()), "{path} names a path of one machine");
        }
    }
}
