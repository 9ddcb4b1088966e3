//! From a definition to a checked search space.

use std::fmt::Display;

use serde::Serialize;

use crate::activation::Activation;
use crate::block::{Attribute, Block, BlockKind, Groups};
use crate::definition::{
    BlockDefinition, Choices, HeadDefinition, Numbers, SpaceDefinition, StageDefinition,
    StemDefinition,
};
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
        Ok(Self {
            layout: Layout::new(&stages),
            definition,
            resolutions,
            stem,
            stages,
            head,
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

/// Every block that a stage's keys spell out.
fn blocks(number: usize, stage: &StageDefinition) -> Result<Vec<Block>, SpaceError> {
    let definitions = distinct(&format!("stage {number}: block"), stage.block.values())?;
    applicable(number, stage, &definitions)?;
    let mut blocks = Vec::new();
    for definition in &definitions {
        let family = Family {
            number,
            stage,
            definition,
        };
        for block in family.members()? {
            if blocks.contains(&block) {
                let rule = "two entries of the list spell out this block";
                return Err(error(format!("stage {number}: block"), block, rule));
            }
            blocks.push(block);
            if blocks.len() > limits::OPTIONS {
                let rule = format!(
                    "a stage can offer at most {} different blocks",
                    limits::OPTIONS
                );
                return Err(error(format!("stage {number}"), "more", rule));
            }
        }
    }
    Ok(blocks)
}

/// A key that means nothing to any of the stage's families is a mistake.
fn applicable(
    number: usize,
    stage: &StageDefinition,
    definitions: &[BlockDefinition],
) -> Result<(), SpaceError> {
    let given = given(
        stage.kernel.as_ref(),
        stage.groups.as_ref(),
        stage.expand.as_ref(),
        stage.se.as_ref(),
        stage.activation.as_ref(),
    );
    for (attribute, given) in given {
        let applies = definitions.iter().any(|d| d.kind.has(attribute));
        if let Some(given) = given.filter(|_| !applies) {
            let kinds: Vec<&str> = definitions.iter().map(|d| d.kind.name()).collect();
            let key = format!("stage {number}: {}", attribute.key());
            let rule = format!("means nothing to {}; leave it out", kinds.join(", "));
            return Err(error(key, given, rule));
        }
    }
    Ok(())
}

/// The keys that are given, with their values.
fn given(
    kernel: Option<&Numbers>,
    groups: Option<&Choices<Groups>>,
    expand: Option<&Choices<f64>>,
    se: Option<&Choices<f64>>,
    activation: Option<&Choices<Activation>>,
) -> [(Attribute, Option<String>); 5] {
    [
        (Attribute::Kernel, kernel.map(toml)),
        (Attribute::Groups, groups.map(toml)),
        (Attribute::Expand, expand.map(toml)),
        (Attribute::Se, se.map(toml)),
        (Attribute::Activation, activation.map(toml)),
    ]
}

/// One entry of a stage's `block` list.
struct Family<'a> {
    number: usize,
    stage: &'a StageDefinition,
    definition: &'a BlockDefinition,
}

impl Family<'_> {
    fn key(&self, attribute: Attribute) -> String {
        format!("stage {}: {}", self.number, attribute.key())
    }

    /// The product of the entry's choices; its own come before the stage's, the stage's before the default.
    fn members(&self) -> Result<Vec<Block>, SpaceError> {
        let (own, stage) = (self.definition, self.stage);
        self.no_stray_keys()?;
        let base = own.kind.default_block();
        let mut blocks = vec![base];
        let kernels = self.pick(
            Attribute::Kernel,
            own.kernel.as_ref(),
            stage.kernel.as_ref(),
        );
        if let Some(choices) = kernels {
            let key = self.key(Attribute::Kernel);
            let mut kernels = numbers(&key, choices)?;
            for value in &mut kernels {
                *value = kernel(&key, *value)?;
            }
            blocks = product(&blocks, &kernels, |block, kernel| block.kernel = kernel);
        }
        let groups = self.pick(
            Attribute::Groups,
            own.groups.as_ref(),
            stage.groups.as_ref(),
        );
        if let Some(choices) = groups {
            let groups = self.groups(choices)?;
            blocks = product(&blocks, &groups, |block, groups| block.groups = groups);
        }
        let expand = self.pick(
            Attribute::Expand,
            own.expand.as_ref(),
            stage.expand.as_ref(),
        );
        if let Some(choices) = expand {
            let rule = "an expansion is above 0 and at most 16";
            let accept = |value: f64| value > 0.0 && value <= limits::EXPAND;
            let values = self.ratios(Attribute::Expand, choices, accept, rule)?;
            blocks = product(&blocks, &values, |block, expand| block.expand = expand);
        }
        let se = self.pick(Attribute::Se, own.se.as_ref(), stage.se.as_ref());
        if let Some(choices) = se {
            let rule = "a squeeze-and-excite ratio is from 0 (none) to 1";
            let accept = |value: f64| (0.0..=1.0).contains(&value);
            let values = self.ratios(Attribute::Se, choices, accept, rule)?;
            blocks = product(&blocks, &values, |block, se| block.se = se);
        }
        let activation = self.pick(
            Attribute::Activation,
            own.activation.as_ref(),
            stage.activation.as_ref(),
        );
        if let Some(choices) = activation {
            let key = self.key(Attribute::Activation);
            let values: Vec<Activation> = distinct(&key, choices.values())?;
            blocks = product(&blocks, &values, |block, act| block.activation = act);
        }
        Ok(blocks)
    }

    /// The entry's own choices or else the stage's, if the family has the attribute.
    fn pick<'c, T>(
        &self,
        attribute: Attribute,
        own: Option<&'c T>,
        stage: Option<&'c T>,
    ) -> Option<&'c T> {
        own.or(stage)
            .filter(|_| self.definition.kind.has(attribute))
    }

    fn no_stray_keys(&self) -> Result<(), SpaceError> {
        let own = self.definition;
        let given = given(
            own.kernel.as_ref(),
            own.groups.as_ref(),
            own.expand.as_ref(),
            own.se.as_ref(),
            own.activation.as_ref(),
        );
        for (attribute, given) in given {
            if let Some(given) = given.filter(|_| !own.kind.has(attribute)) {
                let rule = format!("means nothing to {}; leave it out", own.kind);
                return Err(error(self.key(attribute), given, rule));
            }
        }
        Ok(())
    }

    fn groups(&self, choices: &Choices<Groups>) -> Result<Vec<Groups>, SpaceError> {
        let key = self.key(Attribute::Groups);
        let values = distinct(&key, choices.values())?;
        for value in &values {
            if matches!(value, Groups::Count(0) | Groups::Width(0)) {
                return Err(error(
                    key,
                    toml(value),
                    "groups and their width are at least 1",
                ));
            }
            let counted = matches!(value, Groups::Count(_));
            if self.definition.kind == BlockKind::GroupedShuffle && !counted {
                let rule =
                    "grouped_shuffle takes a number of groups: one number serves two convolutions";
                return Err(error(key, toml(value), rule));
            }
        }
        Ok(values)
    }

    fn ratios(
        &self,
        attribute: Attribute,
        choices: &Choices<f64>,
        accept: impl Fn(f64) -> bool,
        rule: &str,
    ) -> Result<Vec<f64>, SpaceError> {
        let key = self.key(attribute);
        let values = distinct(&key, choices.values())?;
        match values.iter().find(|&&value| !accept(value)) {
            Some(value) => Err(error(key, value, rule)),
            None => Ok(values),
        }
    }
}

/// Every block with every value.
fn product<T: Copy>(blocks: &[Block], values: &[T], set: impl Fn(&mut Block, T)) -> Vec<Block> {
    let each = blocks
        .iter()
        .flat_map(|block| values.iter().map(move |&value| (*block, value)));
    each.map(|(mut block, value)| {
        set(&mut block, value);
        block
    })
    .collect()
}

/// Takes away the channels that lead nowhere, from the last stage back to the stem.
fn prune(stages: &mut [Stage]) -> Result<(), SpaceError> {
    let mut alive: Option<Vec<bool>> = None;
    for (index, stage) in stages.iter_mut().enumerate().rev() {
        if let Some(alive) = &alive {
            stage.links.keep_outputs(alive);
        }
        let inputs = stage.links.alive_inputs();
        if !inputs.contains(&true) {
            let key = format!("stage {}: groups", index + 1);
            let rule = "no block of the stage has groups that divide its channels; \
                        choose groups that divide every channel count, or other channels";
            let blocks = stage.options.blocks.iter();
            let values = blocks.map(|block| toml(&block.groups)).collect();
            return Err(error(key, summary(values), rule));
        }
        alive = Some(inputs);
    }
    Ok(())
}

fn summary(mut values: Vec<String>) -> String {
    let mut seen = Vec::new();
    values.retain(|value| {
        let new = !seen.contains(value);
        seen.push(value.clone());
        new
    });
    values.join(", ")
}

/// A number of channels that no network of the space can have is a mistake.
fn every_width_is_used(stem: &[usize], stages: &[Stage]) -> Result<(), SpaceError> {
    let refuse = |key: String, channels: usize| {
        let rule = "no network of the space can have it: no block of the stage before or after it has groups that divide \
                    these channels; leave it out, or offer other groups";
        Err(error(key, channels, rule))
    };
    let mut alive = stages[0].links.alive_inputs();
    if let Some(dead) = alive.iter().position(|alive| !alive) {
        return refuse("stem.channels".to_owned(), stem[dead]);
    }
    for (index, stage) in stages.iter().enumerate() {
        let mut reached = vec![false; stage.channels.len()];
        for input in (0..alive.len()).filter(|&input| alive[input]) {
            for output in stage.links.outputs(input) {
                reached[output] = true;
            }
        }
        if let Some(dead) = reached.iter().position(|reached| !reached) {
            return refuse(
                format!("stage {}: channels", index + 1),
                stage.channels[dead],
            );
        }
        alive = reached;
    }
    Ok(())
}

/// A value of `groups` or `expand` that no network of the space can have is a mistake.
fn everything_is_used(number: usize, stage: &Stage) -> Result<(), SpaceError> {
    let blocks = &stage.options.blocks;
    let mut used = vec![false; blocks.len()];
    for input in 0..stage.links.alive_inputs().len() {
        for output in stage.links.outputs(input) {
            let first = stage.links.first(input, output).into_iter().flatten();
            for &option in first.flatten() {
                used[option as usize] = true;
            }
        }
    }
    for attribute in [Attribute::Groups, Attribute::Expand] {
        let lives = |block: &Block| {
            let pairs = blocks.iter().zip(&used);
            pairs
                .filter(|(other, _)| other.kind.has(attribute))
                .any(|(other, used)| *used && other.agrees(block, attribute))
        };
        let dead = |block: &&Block| block.kind.has(attribute) && !lives(block);
        if let Some(block) = blocks.iter().find(dead) {
            let key = format!("stage {number}: {}", attribute.key());
            let rule = format!(
                "no block of this stage can be built with it: groups must divide the channels they \
                 stand between, and {} divides none of the stage's ({})",
                toml(&block.groups),
                summary(stage.channels.iter().map(usize::to_string).collect())
            );
            let value = match attribute {
                Attribute::Groups => toml(&block.groups),
                _ => toml(&block.expand),
            };
            return Err(error(key, value, rule));
        }
    }
    Ok(())
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
