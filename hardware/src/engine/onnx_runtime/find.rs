//! Where ONNX Runtime's library is. Packages of 1.20 and later hold it as a file of its own; 1.17 did not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::EngineError;
use super::super::python::interpreters;
use super::{ADVICE, NAME};

/// Environment variable with the path of the library.
const VARIABLE: &str = "ORT_DYLIB_PATH";

/// Prints the package's folder without importing it, which would take a second.
const SCRIPT: &str = "
import importlib.util
spec = importlib.util.find_spec('onnxruntime')
if spec is not None and spec.origin is not None:
    print(spec.origin)
";

/// Finds the library.
pub(super) fn library() -> Result<PathBuf, EngineError> {
    if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        return named(PathBuf::from(path));
    }
    search(&interpreters())
}

/// The library that the user names: a mistake in it is not made good by another library.
fn named(path: PathBuf) -> Result<PathBuf, EngineError> {
    if path.is_file() {
        return Ok(path);
    }
    Err(EngineError::Missing {
        engine: NAME,
        reason: format!("{VARIABLE} is {}, where there is no file", path.display()),
        advice: ADVICE.to_owned(),
    })
}

/// Asks the interpreters, one after the other, for the package and its library.
fn search(interpreters: &[PathBuf]) -> Result<PathBuf, EngineError> {
    let mut without = Vec::new();
    for python in interpreters {
        let package = package(python);
        let found = package.as_deref().and_then(library_of);
        match (found, package) {
            (Some(library), _) => return Ok(library),
            (None, Some(package)) => {
                without.push(format!(
                    "the package in {} holds no shared library (those before 1.20 may not)",
                    package.display()
                ));
            }
            (None, None) => without.push(format!("no package in {}", python.display())),
        }
    }
    Err(EngineError::Missing {
        engine: NAME,
        reason: format!("{VARIABLE} is not set, and {}", without.join(", ")),
        advice: ADVICE.to_owned(),
    })
}

/// The folder of the Python package, if this interpreter exists and has it.
fn package(python: &Path) -> Option<PathBuf> {
    let output = Command::new(python)
        // not from the current folder, which may hold anything
        .args(["-I", "-c", SCRIPT])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let origin = Path::new(text.trim());
    Some(origin.parent()?.to_owned()).filter(|folder| folder.is_dir())
}

/// The library in the package: with its version on Linux, and with it or before the extension elsewhere.
fn library_of(package: &Path) -> Option<PathBuf> {
    let is_library = |name: &str| {
        let linux = name == "libonnxruntime.so" || name.starts_with("libonnxruntime.so.");
        let macos = name.starts_with("libonnxruntime.") && name.ends_with(".dylib");
        linux || macos || name == "onnxruntime.dll"
    };
    let files = fs::read_dir(package.join("capi")).ok()?.flatten();
    let libraries = files.filter(|file| file.file_name().to_str().is_some_and(is_library));
    libraries.map(|file| file.path()).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package_with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("capi")).unwrap();
        for file in files {
            fs::write(folder.path().join("capi").join(file), "").unwrap();
        }
        folder
    }

    #[test]
    fn the_library_among_the_files_of_a_package() {
        let table: [(&[&str], Option<&str>); 5] = [
            (
                &[
                    "libonnxruntime_providers_shared.so",
                    "libonnxruntime.so.1.23.2",
                    "a.py",
                ],
                Some("libonnxruntime.so.1.23.2"),
            ),
            (
                &["libonnxruntime.1.23.2.dylib"],
                Some("libonnxruntime.1.23.2.dylib"),
            ),
            (
                &["onnxruntime.dll", "onnxruntime_providers_shared.dll"],
                Some("onnxruntime.dll"),
            ),
            (&["onnxruntime_pybind11_state.so"], None),
            (&[], None),
        ];
        for (files, expected) in table {
            let folder = package_with(files);
            let found = library_of(folder.path());
            let name = found.as_ref().and_then(|path| path.file_name()?.to_str());
            assert_eq!(name, expected, "{files:?}");
        }
        assert_eq!(library_of(Path::new("nowhere")), None);
    }

    #[test]
    fn a_wrong_path_in_the_environment_is_not_passed_over() {
        let error = named(PathBuf::from("nowhere/libonnxruntime.so")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "onnxruntime is not available: ORT_DYLIB_PATH is nowhere/libonnxruntime.so, where there is no file; install it \
             with \"pip install --upgrade onnxruntime\", or set ORT_DYLIB_PATH to its shared library"
        );
    }

    #[test]
    fn without_an_interpreter_the_message_says_what_to_install() {
        let error = search(&[PathBuf::from("no-such-python3")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "onnxruntime is not available: ORT_DYLIB_PATH is not set, and no package in no-such-python3; install it with \
             \"pip install --upgrade onnxruntime\", or set ORT_DYLIB_PATH to its shared library"
        );
    }
}
