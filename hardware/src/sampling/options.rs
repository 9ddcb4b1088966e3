//! What a plan is to cover.

use roofnas_space::{SearchSpace, presets};

/// A search space under a name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedSpace {
    /// What it is called.
    pub name: String,
    /// The space.
    pub space: SearchSpace,
}

impl NamedSpace {
    fn preset(name: &str) -> Self {
        let definition = presets::definition(name).expect("the name is that of a preset");
        Self {
            name: name.to_owned(),
            space: SearchSpace::new(definition).expect("every shipped preset is sound (tested)"),
        }
    }
}

/// Whether networks from elsewhere are to be predicted too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corners {
    /// Every class of operators out to the corners of its shapes is in the plan.
    With,
    /// The spaces alone.
    Without,
}

/// What a plan is to cover.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanOptions {
    /// The spaces, which share the networks evenly.
    pub spaces: Vec<NamedSpace>,
    /// Networks drawn from the spaces, all in all; corners and probes come on top.
    pub networks: usize,
    /// Whether networks from elsewhere are to be predicted too.
    pub corners: Corners,
    /// Seed of all that is drawn.
    pub seed: u64,
}

impl Default for PlanOptions {
    /// The presets `mobile` and `resnet`, with corners: some two minutes on one core of a desktop CPU.
    fn default() -> Self {
        Self {
            spaces: ["mobile", "resnet"].map(NamedSpace::preset).into(),
            networks: 40,
            corners: Corners::With,
            seed: 1,
        }
    }
}
