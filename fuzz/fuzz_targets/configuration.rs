//! Configuration files, and overrides from the environment: lines `NAME=value` before the first empty line.
#![no_main]

use std::io::Write as _;

use libfuzzer_sys::fuzz_target;

// The configuration belongs to the binary; it is compiled into this target as it is.
#[allow(dead_code, unused_imports, unreachable_pub, reason = "only reading is called here")]
#[path = "../../crates/longshore/src/config/mod.rs"]
mod config;

fuzz_target!(|text: &str| {
    let (variables, file) = text.split_once("\n\n").unwrap_or(("", text));
    let variables = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        // A variable that names a file would read this machine's files.
        .filter(|(name, _)| !name.ends_with("_FILE"))
        .map(|(name, value)| (format!("REGISTRY_{name}"), value.to_owned()))
        .collect();
    let path = std::env::temp_dir().join(format!("longshore-fuzz-{}.yml", std::process::id()));
    let mut written = std::fs::File::create(&path).expect("the temporary folder can be written");
    written.write_all(file.as_bytes()).expect("the temporary folder can be written");
    let sources = config::Sources { file: Some(&path), variables, data: None, listen: None };
    match sources.load() {
        Ok(loaded) => drop(format!("{loaded:?}")),
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
});
