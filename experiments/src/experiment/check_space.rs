//! The space and a fixed head, as an experiment file may say them.

use roofnas_space::{FixedHeadError, SearchSpace, SpaceDefinition, presets};

use super::check::Check;
use crate::config::{ExperimentConfig, SpaceConfig};
use crate::error::Error;
use crate::fixed_head::{HeadFile, HeadForm};
use crate::space_file;

impl Check<'_> {
    /// The neck and head that every network carries.
    pub(super) fn fixed_head(&self, config: &ExperimentConfig) -> Result<Option<HeadFile>, Error> {
        let Some(given) = &config.fixed_head else {
            return Ok(None);
        };
        let (form, name) = match (&given.onnx, &given.layers) {
            (Some(name), None) => (HeadForm::Onnx, name),
            (None, Some(name)) => (HeadForm::Layers, name),
            (Some(name), Some(_)) => {
                let rule =
                    "a head is given by one file: leave out fixed_head.onnx or fixed_head.layers";
                return Err(self.error("fixed_head.onnx", format!("\"{name}\""), rule));
            }
            (None, None) => {
                return Err(Error::Missing {
                    file: self.file.to_owned(),
                    key: "fixed_head.onnx".to_owned(),
                    rule: "give an ONNX file of the head, or a table of its layers as fixed_head.layers".to_owned(),
                });
            }
        };
        if let Some(refine) = &config.refine {
            let rule = "refining measures backbones, which don't hold the fixed head; refine without it, and give this experiment the platform.toml that comes of it";
            let engine = format!("\"{}\"", refine.engine.name());
            return Err(self.error("refine.engine", engine, rule));
        }
        let Some(path) = self.beside(name) else {
            let rule = "is no file, neither beside the experiment nor where roofnas was started";
            return Err(self.error(form.key(), format!("\"{name}\""), rule));
        };
        HeadFile::read(form, &path).map(Some)
    }

    pub(super) fn space(
        &self,
        config: &SpaceConfig,
        head: Option<&HeadFile>,
    ) -> Result<SearchSpace, Error> {
        let definition = match head {
            None => self.definition(config)?,
            Some(file) => self.definition_with_head(config, file)?,
        };
        let space = SearchSpace::new(definition).map_err(|source| Error::Space {
            file: self.file.to_owned(),
            source,
        })?;
        let Some(file) = head else {
            return Ok(space);
        };
        let whole = space.with_fixed_head(file.head.clone());
        whole.map_err(|error| self.unfit(file, &error))
    }

    /// The space for a fixed head: without the preset's classifier, and with the feature maps that the head reads.
    pub(super) fn definition_with_head(
        &self,
        config: &SpaceConfig,
        file: &HeadFile,
    ) -> Result<SpaceDefinition, Error> {
        let mut definition = self.definition(config)?;
        if config.head.is_some() {
            return Err(self.unfit(file, &FixedHeadError::Classifier));
        }
        definition.head = None;
        let resolutions = definition.resolution.values();
        let &[image] = resolutions else {
            return Err(self.unfit(file, &FixedHeadError::Resolutions(resolutions.len())));
        };
        if config.features.is_none() {
            let strides = file.head.strides(image);
            definition.features = strides.map_err(|error| self.unfit(file, &error))?;
            definition.features.sort_unstable();
        }
        Ok(definition)
    }

    pub(super) fn unfit(&self, file: &HeadFile, error: &FixedHeadError) -> Error {
        self.error(
            "fixed_head",
            format!("\"{}\"", file.head.name()),
            error.to_string(),
        )
    }

    /// A shipped space by its name, or one in a file by its path.
    pub(super) fn preset(&self, name: &str) -> Result<SpaceDefinition, Error> {
        if let Some(definition) = presets::definition(name) {
            return Ok(definition);
        }
        let Some(path) = self.beside(name) else {
            let rule = format!(
                "is neither a file nor a preset; presets are {}",
                presets::NAMES.join(", ")
            );
            return Err(self.error("space.preset", format!("\"{name}\""), rule));
        };
        space_file::read(&path)
    }

    /// The space written out: the preset's keys, with those given beside it in their place.
    pub(super) fn definition(&self, config: &SpaceConfig) -> Result<SpaceDefinition, Error> {
        let base = match &config.preset {
            None => SpaceConfig::default(),
            Some(name) => SpaceConfig::from(self.preset(name)?),
        };
        let own = config.clone();
        let missing = |key: &str| Error::Missing {
            file: self.file.to_owned(),
            key: format!("space.{key}"),
            rule: format!(
                "give it, or start from a preset ({})",
                presets::NAMES.join(", ")
            ),
        };
        Ok(SpaceDefinition {
            resolution: own
                .resolution
                .or(base.resolution)
                .ok_or_else(|| missing("resolution"))?,
            input_channels: own
                .input_channels
                .or(base.input_channels)
                .unwrap_or(SpaceDefinition::DEFAULT_INPUT_CHANNELS),
            features: own.features.or(base.features).unwrap_or_default(),
            se_style: own.se_style.or(base.se_style).unwrap_or_default(),
            stem: own.stem.or(base.stem).ok_or_else(|| missing("stem"))?,
            stage: own.stage.or(base.stage).ok_or_else(|| missing("stage"))?,
            head: own.head.or(base.head),
        })
    }
}
