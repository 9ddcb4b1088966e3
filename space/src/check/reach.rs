//! What can be reached: choices that no network of the space can have are mistakes, and are refused.

use super::{error, toml};
use crate::block::{Attribute, Block};
use crate::space::{SpaceError, Stage};

/// Takes away the channels that lead nowhere, from the last stage back to the stem.
pub(super) fn prune(stages: &mut [Stage]) -> Result<(), SpaceError> {
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
pub(super) fn every_width_is_used(stem: &[usize], stages: &[Stage]) -> Result<(), SpaceError> {
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
pub(super) fn everything_is_used(number: usize, stage: &Stage) -> Result<(), SpaceError> {
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
