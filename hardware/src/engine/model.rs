//! A model to be run.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use roofnas_space::onnx;
use tempfile::TempDir;

use super::EngineError;

/// An ONNX model: the bytes of somebody's file, unchanged unless it was [quantised](Model::quantized). Cheap to clone.
#[derive(Debug, Clone)]
pub struct Model {
    name: String,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    File(PathBuf),
    Bytes(Arc<[u8]>),
    Temporary(ModelFile),
}

impl Model {
    /// The model in a file, called after the file's stem. Weights that the file keeps in other files beside it stay there.
    pub fn from_path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let stem = path.file_stem().unwrap_or(path.as_os_str());
        Self {
            name: stem.to_string_lossy().into_owned(),
            source: Source::File(path),
        }
    }

    /// A model in memory, such as [`export`](roofnas_space::onnx::export) returns.
    pub fn from_bytes(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self {
            name: name.into(),
            source: Source::Bytes(bytes.into()),
        }
    }

    /// The model in 8-bit integers, for timing only ([`onnx::quantize`]), in a temporary file that lives as long as what is returned and its clones. A
    /// model that is quantised already stays as it is.
    ///
    /// # Errors
    /// For a model that can't be read or quantised, and when the temporary file can't be written.
    pub fn quantized(self) -> Result<Self, EngineError> {
        if self.is_quantized() {
            return Ok(self);
        }
        let bytes = match self.path() {
            // what it keeps in other files is found beside it
            Some(path) => onnx::quantize_file(path),
            None => onnx::quantize(&self.bytes()?),
        };
        let bytes = bytes.map_err(|source| EngineError::Quantize {
            model: self.name.clone(),
            source: Box::new(source),
        })?;
        let file = temporary(&bytes)?;
        Ok(Self {
            name: self.name,
            source: Source::Temporary(file),
        })
    }

    /// Whether it computes in integers; not where it can't be read.
    pub fn is_quantized(&self) -> bool {
        let bytes = self.bytes();
        bytes.is_ok_and(|bytes| onnx::is_quantized(&bytes).unwrap_or(false))
    }

    /// What it is called in messages and tables.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its file, if it is in one.
    pub fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::File(path) => Some(path),
            Source::Temporary(file) => Some(file.path()),
            Source::Bytes(_) => None,
        }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// When its file can't be read.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>, EngineError> {
        let read = |path: &Path| {
            fs::read(path)
                .map(Cow::Owned)
                .map_err(|source| EngineError::File {
                    path: path.to_owned(),
                    source,
                })
        };
        match &self.source {
            Source::File(path) => read(path),
            Source::Temporary(file) => read(file.path()),
            Source::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// A file with it: its own, or one in a temporary folder that lives at least as long as what is returned.
    ///
    /// # Errors
    /// When its own file isn't there, or the temporary one can't be written.
    pub fn file(&self) -> Result<ModelFile, EngineError> {
        match &self.source {
            Source::File(path) => match fs::metadata(path) {
                Ok(_) => Ok(ModelFile {
                    path: path.clone(),
                    _folder: None,
                }),
                Err(source) => Err(EngineError::File {
                    path: path.clone(),
                    source,
                }),
            },
            Source::Temporary(file) => Ok(file.clone()),
            Source::Bytes(bytes) => temporary(bytes),
        }
    }
}

/// A file that holds a model.
#[derive(Debug, Clone)]
pub struct ModelFile {
    path: PathBuf,
    /// Removed with its content when this and its clones are dropped.
    _folder: Option<Arc<TempDir>>,
}

impl ModelFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsRef<OsStr> for ModelFile {
    fn as_ref(&self) -> &OsStr {
        self.path.as_os_str()
    }
}

/// Writes a temporary file. Its name owes nothing to the model's: that may hold anything, and remote shells read paths.
fn temporary(bytes: &[u8]) -> Result<ModelFile, EngineError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| EngineError::File { path, source }
    };
    let folder = tempfile::Builder::new()
        .prefix("roofnas-")
        .tempdir()
        .map_err(failed(&std::env::temp_dir()))?;
    let path = folder.path().join("network.onnx");
    fs::write(&path, bytes).map_err(failed(&path))?;
    Ok(ModelFile {
        path,
        _folder: Some(Arc::new(folder)),
    })
}

#[cfg(test)]
mod tests {
    use roofnas_space::onnx::{Batch, InitialWeights};
    use roofnas_space::{Conv, NetworkBuilder, Op, Role, Shape, Tensor};

    use super::*;

    #[test]
    fn bytes_become_a_file_that_goes_away() {
        let model = Model::from_bytes("a; rm -rf *", [1, 2, 3]);
        assert_eq!(model.path(), None);
        let file = model.file().unwrap();
        let path = file.path().to_owned();
        assert_eq!(fs::read(&path).unwrap(), [1, 2, 3]);
        assert_eq!(path.file_name().unwrap(), "network.onnx");
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_is_used_where_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.v2.onnx");
        fs::write(&path, [4, 5]).unwrap();
        let model = Model::from_path(&path);
        assert_eq!(model.name(), "tiny.v2");
        assert_eq!(model.bytes().unwrap().as_ref(), [4, 5]);
        drop(model.file().unwrap());
        assert!(path.exists());
    }

    /// A network of one convolution.
    fn tiny() -> Vec<u8> {
        let mut builder = NetworkBuilder::new("tiny", Shape::new(3, 8, 8));
        let conv = Op::Conv(Conv::same(8, 3, 1));
        let map = builder.push("conv", conv, &[Tensor::Input], Role::Main);
        builder.output("map", map);
        let network = builder.finish().unwrap();
        onnx::export(&network, InitialWeights::seeded(1), Batch::Dynamic).unwrap()
    }

    #[test]
    fn a_quantised_model_is_a_file_that_goes_away_with_its_clones() {
        let model = Model::from_bytes("tiny", tiny());
        assert!(!model.is_quantized());
        let quantized = model.quantized().unwrap();
        assert_eq!(quantized.name(), "tiny");
        assert!(quantized.is_quantized());
        let path = quantized.path().unwrap().to_owned();
        let clone = quantized.clone();
        drop(quantized);
        assert_eq!(clone.bytes().unwrap(), fs::read(&path).unwrap());
        let file = clone.file().unwrap();
        drop(clone);
        assert!(path.exists());
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_quantised_stays_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.onnx");
        fs::write(&path, onnx::quantize(&tiny()).unwrap()).unwrap();
        let model = Model::from_path(&path).quantized().unwrap();
        assert_eq!(model.path(), Some(&*path));
    }

    #[test]
    fn what_can_not_be_quantised_is_named() {
        let message = |model: Model| model.quantized().unwrap_err().to_string();
        let broken = message(Model::from_bytes("broken", &b"no model"[..]));
        assert!(
            broken.starts_with("broken can't be quantised: not an ONNX model: "),
            "{broken}"
        );
        let missing = message(Model::from_path("nowhere/net.onnx"));
        assert!(
            missing.starts_with("net can't be quantised: nowhere/net.onnx: "),
            "{missing}"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let model = Model::from_path("nowhere/net.onnx");
        let bytes = model.bytes().unwrap_err().to_string();
        let file = model.file().unwrap_err().to_string();
        assert!(bytes.starts_with("nowhere/net.onnx: "), "{bytes}");
        assert!(file.starts_with("nowhere/net.onnx: "), "{file}");
    }
}
