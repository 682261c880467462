//! The arrows between the crates, kept: `cql <- core <- server, sim, model`, and neither of the first two knows the outside world.
//!
//! Clippy's lists (node/core/clippy.toml) forbid calls; here is what clippy cannot see: dependencies, and names in sources.
//! What may never happen: that the node that runs in production reads a clock, draws randomness or iterates in an order that the
//! simulator does not control.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates without an outside world.
const PURE: [&str; 2] = ["node/cql", "node/core"];

/// Crates that bring runtimes, files, sockets, threads or ambient randomness.
const OUTSIDE: [&str; 15] = [
    "tokio",
    "mio",
    "async-std",
    "smol",
    "heed",
    "lmdb-master-sys",
    "socket2",
    "axum",
    "hyper",
    "rustls",
    "getrandom",
    "fastrand",
    "parking_lot",
    "crossbeam-channel",
    "rayon",
];

/// What each member of the workspace may depend on among the others.
const ARROWS: [(&str, &[&str]); 4] = [
    ("node/cql", &[]),
    ("node/core", &["trefoil-cql"]),
    ("node/server", &["trefoil-core", "trefoil-cql"]),
    ("model", &["trefoil-core", "trefoil-cql"]),
];

/// Names that may not stand in the sources of a pure crate, tests and comments excepted.
const FORBIDDEN: [&str; 17] = [
    "tokio",
    "heed",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "std::io::stdin",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "Instant",
    "SystemTime",
    "thread_rng",
    "OsRng",
    "RandomState",
    "DefaultHasher",
    "thread_local!",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The keys of `[dependencies]` in a manifest.
fn direct_dependencies(member: &str) -> BTreeSet<String> {
    let manifest = read(&root().join(member).join("Cargo.toml"));
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    section
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split(['=', '.', ' ']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Every package that a member is built from, with the features it has when built alone, its tests' dependencies excepted.
fn built_from(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", package, "--edges", "normal,no-proc-macro", "--prefix", "none"])
        .current_dir(root())
        .output()
        .expect("cargo runs, since it started this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Production code of a file: what stands before its tests, without comments. Files of tests alone have none.
fn production(path: &Path) -> Vec<(usize, String)> {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    if name == "tests" || name.ends_with("_tests") || path.components().any(|part| part.as_os_str() == "tests") {
        return Vec::new();
    }
    read(path)
        .lines()
        .enumerate()
        .take_while(|(_, line)| !line.trim_start().starts_with("#[cfg(test)]"))
        .map(|(number, line)| (number + 1, line.split("//").next().unwrap_or_default().to_owned()))
        .collect()
}

fn names(line: &str, name: &str) -> bool {
    let word = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(word);
        let after = line[at + name.len()..].chars().next().is_some_and(word);
        !before && !after
    })
}

/// Whether a line names a map or set of the standard library without its own hasher.
fn default_hasher(line: &str) -> bool {
    [("HashMap", 2), ("HashSet", 1)].iter().any(|(name, separators)| {
        line.match_indices(&format!("{name}<")).any(|(at, _)| {
            let mut depth = 0;
            let mut commas = 0;
            for character in line[at + name.len()..].chars() {
                match character {
                    '<' | '(' | '[' => depth += 1,
                    '>' | ')' | ']' => depth -= 1,
                    ',' if depth == 1 => commas += 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            commas < *separators
        }) || line.contains(&format!("{name}::new("))
            || line.contains(&format!("{name}::with_capacity("))
    })
}

#[test]
fn pure_crates_depend_on_nothing_that_has_an_outside_world() {
    for package in ["trefoil-cql", "trefoil-core"] {
        let packages = built_from(package);
        assert!(packages.contains("bytes"), "{package}: its dependencies were not read: {packages:?}");
        let forbidden: Vec<&String> = packages.iter().filter(|name| OUTSIDE.contains(&name.as_str())).collect();
        assert!(forbidden.is_empty(), "{package} reaches {forbidden:?}");
    }
}

#[test]
fn arrows_between_members_point_one_way() {
    for (member, allowed) in ARROWS {
        for dependency in direct_dependencies(member) {
            let ours = dependency == "trefoil" || dependency.starts_with("trefoil-");
            assert!(!ours || allowed.contains(&dependency.as_str()), "{member} must not depend on {dependency}");
        }
    }
}

#[test]
fn pure_crates_name_nothing_of_the_outside_world() {
    let mut found = Vec::new();
    for member in PURE {
        let mut files = Vec::new();
        sources(&root().join(member).join("src"), &mut files);
        assert!(files.len() > 3, "{member}: its sources were not found");
        for path in files {
            for (number, line) in production(&path) {
                let bad = FORBIDDEN.iter().find(|name| names(&line, name)).copied();
                if let Some(bad) = bad.or(default_hasher(&line).then_some("a map with the default hasher")) {
                    found.push(format!("{}:{number}: {bad}", path.display()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn clippy_forbids_the_same_in_both() {
    let lists: Vec<String> = PURE.iter().map(|member| read(&root().join(member).join("clippy.toml"))).collect();
    assert_eq!(lists[0], lists[1]);
    assert!(lists[0].contains("std::time::Instant::now"));
}

#[test]
fn the_scan_itself_can_fail() {
    assert!(names("let now = Instant::now();", "Instant"));
    assert!(!names("let instantaneous = Instants;", "Instant"));
    assert!(default_hasher("rows: HashMap<Token, Vec<(u8, u8)>>,"));
    assert!(!default_hasher("rows: HashMap<Token, Vec<u8>, FixedHasher>,"));
    assert!(default_hasher("let set: HashSet<u8> = HashSet::new();"));
    assert!(built_from("trefoil").contains("tokio"), "the server has an outside world");
}
