//! The `[fixed_head]` table: a neck and head that every network of an experiment carries.

use std::fs;
use std::path::Path;

use roofnas_space::FixedHead;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The `[fixed_head]` table: the file that describes the head, in one of two forms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedHeadConfig {
    /// An ONNX model whose inputs are feature maps of the backbone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onnx: Option<String>,
    /// A table of layers (CSV), in which `from` names feature maps stride8, stride16 and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<String>,
}

/// A head's file, of one form or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadForm {
    /// An ONNX model.
    Onnx,
    /// A table of layers.
    Layers,
}

impl HeadForm {
    /// The key of the form.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Onnx => "fixed_head.onnx",
            Self::Layers => "fixed_head.layers",
        }
    }

    /// The name of the file in a run's folder.
    const fn file(self) -> &'static str {
        match self {
            Self::Onnx => "head.onnx",
            Self::Layers => "head.csv",
        }
    }
}

/// A head as it was read, with the file that a run's folder keeps of it: a model without the elements of its weights, or the table.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadFile {
    /// The head.
    pub head: FixedHead,
    form: HeadForm,
    bytes: Vec<u8>,
}

impl HeadFile {
    /// Reads a head.
    ///
    /// # Errors
    /// When the file can't be read or is none.
    pub(crate) fn read(form: HeadForm, path: &Path) -> Result<Self, Error> {
        let unusable = |problem: String| Error::Unusable {
            path: path.to_owned(),
            problem,
        };
        match form {
            HeadForm::Onnx => {
                let read = FixedHead::from_onnx_file(path);
                let (head, bytes) = read.map_err(|source| Error::Import {
                    path: path.to_owned(),
                    source: Box::new(source),
                })?;
                Ok(Self { head, form, bytes })
            }
            HeadForm::Layers => {
                let bytes = fs::read(path).map_err(|source| Error::read(path, source))?;
                let head =
                    FixedHead::from_layers(&bytes).map_err(|error| unusable(error.to_string()))?;
                Ok(Self { head, form, bytes })
            }
        }
    }

    /// Its name in a run's folder.
    pub fn name(&self) -> &'static str {
        self.form.file()
    }

    /// What stands there.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The configuration for a run's folder, where the file stands beside it.
    pub(crate) fn resolved(&self) -> FixedHeadConfig {
        let name = Some(self.name().to_owned());
        match self.form {
            HeadForm::Onnx => FixedHeadConfig {
                onnx: name,
                layers: None,
            },
            HeadForm::Layers => FixedHeadConfig {
                onnx: None,
                layers: name,
            },
        }
    }

    /// What a reader should know of its price: operators without a rule.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let unknown = self.head.unknown_layers();
        let warning = unknown.first().map(|(layer, op)| {
            let others = match unknown.len() - 1 {
                0 => String::new(),
                others => format!(", and {others} more"),
            };
            format!(
                "the fixed head's layer {layer} is an operator that nobody knows, {op}{others}: priced as arithmetic on every element"
            )
        });
        warning.into_iter().collect()
    }
}
