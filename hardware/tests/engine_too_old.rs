//! An ONNX Runtime that is too old. In a process of its own: a process keeps the first library that it loads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use roofnas_hardware::engine::{Conditions, OnnxRuntime};

/// A library with ONNX Runtime's entry, of a version that has not the interface asked for.
const OLD: &str = r#"
use std::ffi::{c_char, c_void};
#[repr(C)]
pub struct Base {
    api: extern "C" fn(u32) -> *const c_void,
    version: extern "C" fn() -> *const c_char,
}
extern "C" fn api(_: u32) -> *const c_void { std::ptr::null() }
extern "C" fn version() -> *const c_char { c"1.10.0".as_ptr() }
static BASE: Base = Base { api, version };
#[unsafe(no_mangle)]
pub extern "C" fn OrtGetApiBase() -> *const Base { &BASE }
"#;

/// Compiles a shared library into this folder.
fn library(folder: &Path, source: &str) -> PathBuf {
    let file = folder.join("library.rs");
    let library = folder.join("libonnxruntime.so");
    fs::write(&file, source).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let status = Command::new(rustc)
        .args(["--edition=2024", "--crate-type=cdylib", "-o"])
        .args([&library, &file])
        .status();
    assert!(status.unwrap().success());
    library
}

#[test]
fn a_version_that_is_too_old() {
    let folder = tempfile::tempdir().unwrap();
    let library = library(folder.path(), OLD).canonicalize().unwrap();
    let error = OnnxRuntime::open(&library, Conditions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "onnxruntime 1.10.0 ({}) is too old: 1.17 or newer is needed",
            library.display()
        )
    );
}
