//! Loading the shared library.
//!
//! The bindings load it once in a process. When that fails, they remember the library as loaded, and the next call runs into
//! nothing. So everything that can fail is tried here first: whether the file is a library, whether it is ONNX Runtime, and
//! whether it is new enough.

#![expect(
    unsafe_code,
    reason = "a library's code runs when it is loaded, and its functions are what their names promise only by convention"
)]

use std::error::Error;
use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use libloading::{Library, Symbol};
use ort::environment::Environment;
use ort::sys::{ORT_API_VERSION, OrtApiBase};

use super::super::EngineError;
use super::{ADVICE, NAME};

/// The oldest version that works: the first to have the interface that the bindings are built for (a feature of that dependency).
const OLDEST: &str = "1.17";

/// What this process has loaded: where it is, and its version.
static LOADED: Mutex<Option<(PathBuf, String)>> = Mutex::new(None);

/// Loads the library unless it is loaded, and returns its version.
pub(super) fn load(path: &Path) -> Result<String, EngineError> {
    let path = path.canonicalize().map_err(|source| EngineError::File {
        path: path.to_owned(),
        source,
    })?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    match &*loaded {
        Some((known, version)) if *known == path => Ok(version.clone()),
        Some((known, _)) => Err(EngineError::AnotherLoaded {
            engine: NAME,
            loaded: known.clone(),
            asked: path,
        }),
        None => {
            let version = load_first(&path)?;
            *loaded = Some((path, version.clone()));
            Ok(version)
        }
    }
}

fn load_first(path: &Path) -> Result<String, EngineError> {
    let unusable = |reason: String| EngineError::Missing {
        engine: NAME,
        reason: format!("{} can't be loaded: {reason}", path.display()),
        advice: ADVICE.to_owned(),
    };
    // SAFETY: the user named this file, or it is part of an installed package; loading it runs its initialisers, as it does for
    // everybody who uses ONNX Runtime
    let library = unsafe { Library::new(path) }.map_err(|error| unusable(cause(&error)))?;
    let version = version(&library).map_err(unusable)?;
    if version.supported {
        // keeps the library in memory, and finds it loaded
        let environment = ort::init_from(path).map_err(|error| unusable(error.to_string()))?;
        environment
            .with_name("roofnas")
            .with_telemetry(false)
            .commit();
        // kept to the end and beyond: the bindings release it on the way out, when the library has destroyed what that needs, and
        // some versions crash (1.20 and 1.22 do)
        std::mem::forget(Environment::current().map_err(|error| unusable(error.to_string()))?);
        Ok(version.text)
    } else {
        Err(EngineError::TooOld {
            engine: NAME,
            version: version.text,
            path: path.to_owned(),
            oldest: OLDEST,
        })
    }
}

/// What the loader says: the error itself says no more than that loading failed.
fn cause(error: &libloading::Error) -> String {
    error.source().unwrap_or(error).to_string()
}

struct Version {
    text: String,
    /// Whether it has the interface that the bindings are built for.
    supported: bool,
}

/// Asks the library for its version.
fn version(library: &Library) -> Result<Version, String> {
    type GetApiBase = unsafe extern "C" fn() -> *const OrtApiBase;
    // SAFETY: the one function that every ONNX Runtime exports has had this type since its first release
    let base: Symbol<GetApiBase> = unsafe { library.get(b"OrtGetApiBase\0") }
        .map_err(|_| "it is not ONNX Runtime (it has no OrtGetApiBase)".to_owned())?;
    // SAFETY: it takes nothing, and returns a pointer to a constant of the library, which is loaded as long as `library` lives
    let base = unsafe { base().as_ref() };
    let base = base.ok_or_else(|| "OrtGetApiBase returned nothing".to_owned())?;
    // SAFETY: both functions are part of that constant in every version; the text is a constant too
    let (text, api) = unsafe { ((base.GetVersionString)(), (base.GetApi)(ORT_API_VERSION)) };
    if text.is_null() {
        return Err("it doesn't say its version".to_owned());
    }
    Ok(Version {
        // SAFETY: not null, and ended by a zero as the interface has it
        text: unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned(),
        supported: !api.is_null(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_library() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        std::fs::write(&path, "not a library").unwrap();
        let error = load(&path).unwrap_err().to_string();
        assert!(
            error.starts_with("onnxruntime is not available: "),
            "{error}"
        );
        assert!(
            error.contains("libonnxruntime.so can't be loaded: "),
            "{error}"
        );
        assert!(
            error.contains("pip install --upgrade onnxruntime"),
            "{error}"
        );
        // the loader's own words, whatever they are here
        assert!(!error.contains("dlopen failed"), "{error}");
        // and again: no trace is left of the failure
        assert_eq!(load(&path).unwrap_err().to_string(), error);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_library_that_is_another() {
        // the C library is where every test of this kind finds one
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps
            .split_whitespace()
            .find(|word| word.contains("/libc.so"));
        let Some(libc) = libc else { return };
        let error = load(Path::new(libc)).unwrap_err().to_string();
        assert!(error.contains("it is not ONNX Runtime"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there() {
        let error = load(Path::new("nowhere/lib.so")).unwrap_err().to_string();
        assert!(error.starts_with("nowhere/lib.so: "), "{error}");
    }

    #[test]
    fn the_oldest_version_is_that_of_the_interface() {
        assert_eq!(OLDEST, format!("1.{ORT_API_VERSION}"));
    }
}
