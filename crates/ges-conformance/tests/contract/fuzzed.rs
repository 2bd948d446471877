//! A short run of what `cargo xtask fuzz-api` does at length.

use std::path::PathBuf;

use ges_conformance::fuzz::{self, Campaign};

use crate::world::start;

/// Set by `cargo xtask test` when the program is there; without it that command says that this test does nothing.
const PROGRAM: &str = "GES_TEST_SCHEMATHESIS";

#[test]
fn generated_requests_are_answered_as_the_document_says() {
    let Some(program) = std::env::vars().find(|(name, _)| name == PROGRAM).map(|(_, path)| PathBuf::from(path)) else {
        eprintln!("NOT FUZZED: {PROGRAM} is not set; `cargo xtask test` says why");
        return;
    };
    let mut server = start(&fuzz::plan());
    let outcome = fuzz::run(&Campaign { program, examples: 12, seed: 1 }, &mut server).unwrap();
    assert!(outcome.clean, "{}", outcome.report);
    assert_eq!(outcome.server_errors, 0, "{}", outcome.report);
    assert!(outcome.cases > 500, "{}", outcome.report);
}
