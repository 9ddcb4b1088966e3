//! From a definition to a checked search space.

mod blocks;
mod reach;

use std::fmt::Display;

use serde::Serialize;

use self::blocks::blocks;
use self::reach::{every_width_is_used, everything_is_used, prune};
use crate::block::Block;
use crate::definition::{
    Choices, HeadDefinition, Numbers, SpaceDefinition, StageDefinition, StemDefinition,
};
use crate::lookup::Lookup;
use crate::moves::Moves;
use crate::options::{Links, Options};
use crate::shape::Resolution;
use crate::space::{Head, Layout, SearchSpace, SpaceError, Stage, Stem};

/// What may be asked of one network. Wide enough for anything built today, and small enough that
/// counts stay exact in 64 bits.
mod limits {
    pub(super) const SIDE: usize = 4096;
    pub(super) const CHANNELS: usize = 8192;
    pub(super) const KERNEL: usize = 31;
    pub(super) const EXPAND: f64 = 16.0;
    pub(super) const DEPTH: usize = 64;
    pub(super) const STAGES: usize = 64;
    pub(super) const CLASSES: usize = 1_000_000;
    pub(super) const OPTIONS: usize = 4096;
    pub(super) const CHOICES: usize = 512;
    /// Bound on the MACs of a network.
    pub(super) const MACS: f64 = 1e17;
}

impl SearchSpace {
    /// Checks a definition. Block options whose groups don't divide the channels they would stand
    /// between are excluded here, pair by pair of channels, so that nothing needs rejecting later.
    ///
    /// # Errors
    /// The first key whose value can't be accepted, with what could. A value of `groups` or `expand` that
    /// fits nowhere is an error rather than a choice silently gone.
    pub fn new(mut definition: SpaceDefinition) -> Result<Self, SpaceError> {
        if definition.features.is_empty() && definition.head.is_none() {
            definition.head = Some(HeadDefinition::default());
        }
        let resolutions = resolutions(&definition.resolution)?;
        at_least_one(
            "input_channels",
            definition.input_channels,
            limits::CHANNELS,
        )?;
        at_least_one(
            "se_style.multiple_of",
            definition.se_style.multiple_of,
            limits::CHANNELS,
        )?;
        let stem = stem(&definition.stem)?;
        let stages = stages(&definition.stage, &stem.channels)?;
        let head = definition.head.as_ref().map(head).transpose()?;
        features(&definition.features, &stem, &stages)?;
        countable(&definition, &resolutions, &stem, &stages)?;
        let layout = Layout::new(&stages);
        let heads = head.as_ref().map_or(1, Head::choices);
        Ok(Self {
            lookups: stages.iter().map(Lookup::new).collect(),
            moves: Moves::new(
                resolutions.len(),
                stem.channels.len(),
                heads,
                &stages,
                &layout,
            ),
            layout,
            definition,
            resolutions,
            stem,
            stages,
            head,
            fixed_head: None,
        })
    }
}

fn error(key: impl Into<String>, value: impl Display, rule: impl Into<String>) -> SpaceError {
    SpaceError {
        key: key.into(),
        value: value.to_string(),
        rule: rule.into(),
    }
}

fn at_least_one(key: &str, value: usize, most: usize) -> Result<(), SpaceError> {
    if (1..=most).contains(&value) {
        Ok(())
    } else {
        Err(error(key, value, format!("must be from 1 to {most}")))
    }
}

/// A value as it stands in TOML.
fn toml(value: &impl Serialize) -> String {
    toml::Value::try_from(value).map_or_else(|_| String::new(), |value| value.to_string())
}

/// The listed values, of which there must be some, and none twice.
fn distinct<T: Clone + PartialEq + Serialize>(
    key: &str,
    values: &[T],
) -> Result<Vec<T>, SpaceError> {
    if values.is_empty() {
        return Err(error(key, "[]", "needs at least one value"));
    }
    for (index, value) in values.iter().enumerate() {
        if values[..index].contains(value) {
            return Err(error(key, toml(value), "is listed twice"));
        }
    }
    Ok(values.to_vec())
}

/// The numbers meant, in ascending order.
fn numbers(key: &str, numbers: &Numbers) -> Result<Vec<usize>, SpaceError> {
    let mut values = match numbers {
        Numbers::Listed(values) => distinct(key, values.values())?,
        Numbers::Range(range) => {
            if range.step == 0 || range.from > range.to {
                return Err(error(
                    key,
                    toml(range),
                    "a range goes up: from <= to, and step is at least 1",
                ));
            }
            (range.from..=range.to)
                .step_by(range.step)
                .take(limits::CHOICES + 1)
                .collect()
        }
    };
    if values.len() > limits::CHOICES {
        let rule = format!("at most {} values can be chosen from", limits::CHOICES);
        return Err(error(key, "a longer list", rule));
    }
    values.sort_unstable();
    Ok(values)
}

fn channels(key: &str, choices: &Numbers) -> Result<Vec<usize>, SpaceError> {
    let values = numbers(key, choices)?;
    for &value in &values {
        if !(8..=limits::CHANNELS).contains(&value) || value % 8 != 0 {
            let rule = format!(
                "channels must be multiples of 8, from 8 to {}",
                limits::CHANNELS
            );
            return Err(error(key, value, rule));
        }
    }
    Ok(values)
}

fn kernel(key: &str, value: usize) -> Result<usize, SpaceError> {
    if value % 2 == 1 && value <= limits::KERNEL {
        Ok(value)
    } else {
        let rule = format!("a kernel size is odd, from 1 to {}", limits::KERNEL);
        Err(error(key, value, rule))
    }
}

fn stride(key: &str, value: usize, accepted: &[usize]) -> Result<usize, SpaceError> {
    if accepted.contains(&value) {
        Ok(value)
    } else {
        let listed: Vec<String> = accepted.iter().map(usize::to_string).collect();
        Err(error(
            key,
            value,
            format!("must be {}", listed.join(" or ")),
        ))
    }
}

fn resolutions(choices: &Choices<Resolution>) -> Result<Vec<Resolution>, SpaceError> {
    let mut values = distinct("resolution", choices.values())?;
    for value in &values {
        if value.height.max(value.width) > limits::SIDE {
            let rule = format!("each side must be at most {} pixels", limits::SIDE);
            return Err(error("resolution", value, rule));
        }
    }
    values.sort_unstable_by_key(|r| (r.height * r.width, r.height));
    Ok(values)
}

fn stem(stem: &StemDefinition) -> Result<Stem, SpaceError> {
    Ok(Stem {
        channels: channels("stem.channels", &stem.channels)?,
        kernel: kernel("stem.kernel", stem.kernel)?,
        stride: stride("stem.stride", stem.stride, &[1, 2, 4])?,
        activation: stem.activation,
        pool: stem.pool,
    })
}

fn head(head: &HeadDefinition) -> Result<Head, SpaceError> {
    at_least_one("head.classes", head.classes, limits::CLASSES)?;
    if let Some(hidden) = head.hidden {
        at_least_one("head.hidden", hidden, limits::CHANNELS)?;
    }
    let convolution = head.channels.as_ref();
    let convolution = convolution.map(|choices| channels("head.channels", choices));
    Ok(Head {
        channels: convolution.transpose()?.unwrap_or_default(),
        hidden: head.hidden,
        activation: head.activation,
        classes: head.classes,
    })
}

fn stages(definitions: &[StageDefinition], stem: &[usize]) -> Result<Vec<Stage>, SpaceError> {
    if definitions.is_empty() || definitions.len() > limits::STAGES {
        let rule = format!("a space has 1 to {} stages", limits::STAGES);
        return Err(error(
            "stage",
            format!("{} stages", definitions.len()),
            rule,
        ));
    }
    let mut stages: Vec<Stage> = Vec::with_capacity(definitions.len());
    for (index, definition) in definitions.iter().enumerate() {
        let inputs = stages.last().map_or(stem, |stage| &stage.channels);
        stages.push(stage(index + 1, definition, inputs)?);
    }
    prune(&mut stages)?;
    every_width_is_used(stem, &stages)?;
    for (index, stage) in stages.iter().enumerate() {
        everything_is_used(index + 1, stage)?;
    }
    Ok(stages)
}

fn stage(
    number: usize,
    definition: &StageDefinition,
    inputs: &[usize],
) -> Result<Stage, SpaceError> {
    let key = |name: &str| format!("stage {number}: {name}");
    let depths = numbers(&key("depth"), &definition.depth)?;
    for &depth in &depths {
        at_least_one(&key("depth"), depth, limits::DEPTH)?;
    }
    let channels = channels(&key("channels"), &definition.channels)?;
    let mut strides = distinct(&key("stride"), definition.stride.values())?;
    for &value in &strides {
        stride(&key("stride"), value, &[1, 2])?;
    }
    strides.sort_unstable();
    let options = Options::new(blocks(number, definition)?, &definition.per_layer);
    let deepest = depths.last().copied().unwrap_or(1);
    let links = Links::new(&options, inputs, &channels, deepest);
    Ok(Stage {
        channels,
        depths,
        strides,
        options,
        links,
    })
}

/// Every stride asked for must be reached by every network of the space.
fn features(features: &[usize], stem: &Stem, stages: &[Stage]) -> Result<(), SpaceError> {
    distinct_features(features)?;
    let start = stem.stride * if stem.pool.is_some() { 2 } else { 1 };
    let smallest = |stage: &Stage| stage.strides.first().copied().unwrap_or(1);
    let last: usize = stages.iter().map(smallest).product::<usize>() * start;
    for &stride in features {
        if !stride.is_power_of_two() || !(start..=last).contains(&stride) {
            let rule = format!(
                "every network of this space has feature maps at strides {start} to {last}, in powers of 2"
            );
            return Err(error("features", stride, rule));
        }
    }
    Ok(())
}

fn distinct_features(features: &[usize]) -> Result<(), SpaceError> {
    if features.is_empty() {
        return Ok(());
    }
    distinct("features", features).map(|_| ())
}

/// Bounds the MACs of the largest network, so that no count can overflow.
fn countable(
    definition: &SpaceDefinition,
    resolutions: &[Resolution],
    stem: &Stem,
    stages: &[Stage],
) -> Result<(), SpaceError> {
    let largest = |values: &[usize]| values.last().copied().unwrap_or(1) as f64;
    let pixels = |r: &Resolution| r.height as f64 * r.width as f64;
    let pixels = resolutions.iter().map(pixels).fold(0.0, f64::max);
    let mut macs = pixels * (stem.kernel * stem.kernel * definition.input_channels) as f64;
    let mut inputs = largest(&stem.channels);
    for stage in stages {
        let outputs = largest(&stage.channels);
        let widest = inputs.max(outputs);
        let block = |block: &Block| {
            let hidden = block.expand.max(1.0) * widest;
            (block.kernel * block.kernel) as f64 * hidden * (widest + hidden)
        };
        let worst = stage.options.blocks.iter().map(block).fold(0.0, f64::max);
        macs += pixels * stage.deepest() as f64 * worst;
        inputs = outputs;
    }
    if macs > limits::MACS {
        let rule = format!(
            "its largest network must stay below {:.0e} MACs; lower the resolution, channels or depth",
            limits::MACS
        );
        return Err(error("space", format!("up to {macs:.1e} MACs"), rule));
    }
    Ok(())
}
