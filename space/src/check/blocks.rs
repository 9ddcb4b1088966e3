//! The blocks that a stage's keys spell out.

use super::{distinct, error, kernel, limits, numbers, toml};
use crate::activation::Activation;
use crate::block::{Attribute, Block, BlockKind, Groups};
use crate::definition::{BlockDefinition, Choices, Numbers, StageDefinition};
use crate::space::SpaceError;

/// Every block that a stage's keys spell out.
pub(super) fn blocks(number: usize, stage: &StageDefinition) -> Result<Vec<Block>, SpaceError> {
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
