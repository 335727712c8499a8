//! The layer rule: which room of the server may import which, which crate may import which, and who alone may import what comes from outside.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Rooms of the server and the rooms they may import. `lib` composes them all.
const ROOMS: [(&str, &[&str]); 21] = [
    ("json", &[]),
    ("backoff", &[]),
    ("linger", &[]),
    ("canonical", &[]),
    ("job", &[]),
    ("meters", &[]),
    ("seal", &["job"]),
    ("catalog", &["canonical"]),
    ("auth", &["job"]),
    ("store", &["backoff", "job", "meters"]),
    ("queue", &["job", "json", "meters"]),
    ("hub", &["job", "store"]),
    ("listening", &["job"]),
    (
        "dispatch",
        &[
            "backoff", "catalog", "job", "linger", "meters", "queue", "seal", "store",
        ],
    ),
    (
        "collect",
        &[
            "backoff",
            "catalog",
            "job",
            "linger",
            "listening",
            "meters",
            "queue",
            "seal",
            "store",
        ],
    ),
    (
        "sweep",
        &[
            "backoff",
            "catalog",
            "job",
            "listening",
            "meters",
            "queue",
            "seal",
            "store",
        ],
    ),
    ("replay", &["backoff", "collect", "job", "store", "sweep"]),
    (
        "api",
        &[
            "auth",
            "canonical",
            "catalog",
            "hub",
            "job",
            "json",
            "meters",
            "seal",
            "store",
            "vitals",
        ],
    ),
    ("vitals", &["catalog", "hub", "job", "queue", "store"]),
    ("serve", &["api"]),
    (
        "lib",
        &[
            "api",
            "auth",
            "backoff",
            "canonical",
            "catalog",
            "collect",
            "dispatch",
            "hub",
            "job",
            "json",
            "linger",
            "listening",
            "meters",
            "queue",
            "replay",
            "seal",
            "serve",
            "store",
            "sweep",
            "vitals",
        ],
    ),
];

/// Crates from outside that one room of the server alone may import.
const ALONE: [(&str, &[&str]); 8] = [
    ("sea_orm", &["store"]),
    ("sqlx", &["store"]),
    ("sea_orm_migration", &["store"]),
    ("aws_sdk_sqs", &["queue"]),
    ("aws_config", &["queue"]),
    ("jsonschema", &["catalog"]),
    ("prometheus_client", &["meters", "vitals", "lib"]),
    // `lib` passes the descriptor set on, and imports no type.
    ("postern_proto", &["api", "lib"]),
];

/// Crates of ours and the crates of ours that they may depend on; for tests they may use more.
const CRATES: [(&str, &[&str]); 10] = [
    ("proto", &[]),
    ("protojson", &[]),
    ("issuer", &[]),
    ("pgtest", &[]),
    ("chaos", &["postern-issuer", "postern-pgtest", "postern-proto"]),
    ("localsqs", &[]),
    ("worker", &[]),
    ("worker/examples/contacts_import", &["postern-worker"]),
    ("server", &["postern-proto"]),
    ("edge", &["postern-protojson"]),
];

#[test]
fn rooms_import_only_what_the_layers_allow() {
    let allowed: BTreeMap<_, _> = ROOMS.into_iter().collect();
    for (room, files) in rooms() {
        let may = allowed
            .get(room.as_str())
            .unwrap_or_else(|| panic!("room {room} has no place in the layers"));
        for file in files {
            for imported in crate_paths(&file) {
                assert!(
                    imported == room || may.contains(&imported.as_str()),
                    "{} must not import {imported}",
                    file.display()
                );
            }
        }
    }
}

/// Or a room could import another past the test above.
#[test]
fn no_path_leaves_its_room_through_super() {
    let source = root().join("server/src");
    for file in rooms().into_values().flatten() {
        let depth = file.strip_prefix(&source).unwrap().components().count();
        assert!(
            !code(&file).contains(&"super::".repeat(depth)),
            "{} must name other rooms by crate::",
            file.display()
        );
    }
}

#[test]
fn each_caller_of_the_store_uses_its_own_face() {
    let not_theirs = [
        ("api", "system()"),
        ("dispatch", "partner()"),
        ("collect", "partner()"),
        ("sweep", "partner()"),
        ("replay", "partner()"),
        ("dispatch", "work()"),
        ("collect", "work()"),
        ("sweep", "work()"),
        ("replay", "work()"),
        ("dispatch", "operator()"),
        ("collect", "operator()"),
        ("sweep", "operator()"),
        ("replay", "operator()"),
    ];
    let rooms = rooms();
    for (room, face) in not_theirs {
        for file in &rooms[room] {
            assert!(
                !code(file).contains(face),
                "{} must not use {face}",
                file.display()
            );
        }
    }
}

/// What operators may do looks at no partner.
#[test]
fn the_operators_service_alone_reaches_the_jobs_of_all_partners() {
    let theirs = root().join("server/src/api/admin");
    let service = root().join("server/src/api/admin.rs");
    let mut reaching = 0;
    for file in &rooms()["api"] {
        let text = code(file);
        let reaches = text.contains("operator()") || text.contains("store::operator");
        let may = file.starts_with(&theirs) || *file == service;
        assert!(
            !reaches || may,
            "{} must not reach store::operator",
            file.display()
        );
        reaching += usize::from(reaches);
    }
    assert!(reaching > 0, "nobody reaches it");
}

#[test]
fn what_comes_from_outside_is_imported_by_its_room_alone() {
    for (room, files) in rooms() {
        for file in files {
            let text = code(&file);
            for (outside, may) in ALONE {
                let imports =
                    text.contains(&format!("{outside}::")) || text.contains(&format!("use {outside};"));
                assert!(
                    !imports || may.contains(&room.as_str()),
                    "{} must not import {outside}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn crates_depend_only_on_those_below_them() {
    for (folder, may) in CRATES {
        let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let dependencies = manifest
            .split("[dependencies]")
            .nth(1)
            .unwrap()
            .split("\n[")
            .next()
            .unwrap();
        for name in dependencies
            .lines()
            .filter_map(|line| line.split(['.', ' ', '=']).next())
        {
            let ours = name.starts_with("postern-") || name == "contacts-import";
            assert!(!ours || may.contains(&name), "{folder} must not depend on {name}");
        }
    }
}

#[test]
fn the_edge_knows_no_application_message() {
    for file in files_below(&root().join("edge/src")) {
        let text = code(&file);
        for name in ["postern_proto::", "postern.v1", "JobService", "SubmitJob"] {
            assert!(!text.contains(name), "{} mentions {name}", file.display());
        }
    }
}

/// Whoever reads a room of it has to read those below, and no others.
#[test]
fn the_rooms_of_the_edge_import_one_another_in_one_direction() {
    let mut imports = BTreeMap::new();
    for (room, files) in rooms_of("edge/src") {
        let mut below: BTreeSet<_> = files.iter().flat_map(|file| crate_paths(file)).collect();
        below.remove(&room);
        imports.insert(room, below);
    }
    imports.remove("lib");
    loop {
        let rooms: BTreeSet<_> = imports.keys().cloned().collect();
        imports.retain(|_, below| !below.is_disjoint(&rooms));
        if imports.len() == rooms.len() {
            break;
        }
    }
    assert!(imports.is_empty(), "these lead to a circle: {imports:#?}");
}

/// Every room of the server with its files.
fn rooms() -> BTreeMap<String, Vec<PathBuf>> {
    rooms_of("server/src")
}

/// Every room of a crate with its files: `x.rs` and all below `x/`.
fn rooms_of(source: &str) -> BTreeMap<String, Vec<PathBuf>> {
    let source = root().join(source);
    let mut rooms: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for file in files_below(&source) {
        let below = file.strip_prefix(&source).unwrap();
        let room = below
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        rooms.entry(room).or_default().push(file);
    }
    assert!(rooms.len() > 10, "the rooms were not found");
    rooms
}

/// The rooms that a file names as `crate::room`.
fn crate_paths(file: &Path) -> BTreeSet<String> {
    let text = code(file);
    let mut found = BTreeSet::new();
    for after in text.split("crate::").skip(1) {
        let names = match after.strip_prefix('{') {
            Some(list) => first_names(list),
            None => vec![after],
        };
        found.extend(names.into_iter().map(|name| {
            let end = name.find(|c: char| !c.is_ascii_lowercase() && c != '_');
            name[..end.unwrap_or(name.len())].to_owned()
        }));
    }
    found.remove("");
    found
}

/// Where the items of a list in braces begin; lists within it belong to their item.
fn first_names(list: &str) -> Vec<&str> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(list[start..at].trim());
                return names;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    panic!("a list without an end: {list}")
}

#[test]
fn a_list_within_a_list_hides_nothing() {
    assert_eq!(
        first_names("job::{self, Job}, store::{Error, row::{read}}, hub};"),
        ["job::{self, Job}", "store::{Error, row::{read}}", "hub"]
    );
}

/// A file without its comments and its tests.
fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
