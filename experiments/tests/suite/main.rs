//! The command as a person types it: every test runs the binary in a folder of its own and looks at its exit code, its
//! messages and its files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod abuse;
mod bad_experiment;
mod bad_folder;
mod bad_space;
mod batch;
mod batch_choice;
mod browser;
mod calibrate;
mod calibrate_here;
mod check;
mod compare;
mod determinism;
mod editors;
mod export;
mod external;
mod fixed_head;
mod help;
mod infeasible;
mod init;
mod init_from;
mod json_schema;
mod measure;
mod outputs;
mod parallel;
mod plan;
mod planted;
mod platforms;
mod predict;
mod probe;
mod profile;
#[cfg(unix)]
mod python_engine;
mod quickstart;
mod rank;
mod refine;
mod report;
mod report_page;
mod resume;
mod run_directory;
mod schema;
mod several_batches;
mod several_threads;
mod support;
mod surrogate;
mod targets;
mod validate;
mod variants;
mod verify;
