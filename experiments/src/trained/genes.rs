//! Networks written as columns of genes.

use std::collections::{BTreeMap, BTreeSet};

use roofnas_space::{
    Activation, Attribute, Block, Genotype, Groups, Resolution, SearchSpace, StageChoices,
};

use super::error::TrainedError;
use super::gene::{Gene, StageShape};
use super::table::{Record, Table};

/// Where the genes of a space stand in a table.
pub(super) struct GeneColumns<'a> {
    space: &'a SearchSpace,
    columns: &'a [String],
    places: BTreeMap<Gene, usize>,
}

impl<'a> GeneColumns<'a> {
    /// The columns of genes, if any stage has one. Those that are asked for as something else are passed over.
    pub(super) fn find(
        table: &'a Table,
        space: &'a SearchSpace,
        taken: &[usize],
    ) -> Result<Option<Self>, TrainedError> {
        let mut found = Self {
            space,
            columns: &table.columns,
            places: BTreeMap::new(),
        };
        for (place, column) in table.columns.iter().enumerate() {
            let gene = Gene::parse(column).filter(|_| !taken.contains(&place));
            let Some(gene) = gene else { continue };
            found.check(gene, column)?;
            if let Some(before) = found.places.insert(gene, place) {
                return Err(TrainedError::Column {
                    column: column.clone(),
                    problem: format!("says what column {} says too", table.columns[before]),
                });
            }
        }
        if found.places.keys().all(|gene| gene.stage().is_none()) {
            return Ok(None);
        }
        let missing = found.missing();
        if missing.is_empty() {
            Ok(Some(found))
        } else {
            Err(TrainedError::MissingGenes { missing })
        }
    }

    /// Whether the space has such a gene.
    fn check(&self, gene: Gene, column: &str) -> Result<(), TrainedError> {
        let Some(stage) = gene.stage() else {
            return Ok(());
        };
        let stages = self.space.stages();
        let refuse = |problem: String| {
            Err(TrainedError::Column {
                column: column.to_owned(),
                problem,
            })
        };
        if stage >= stages {
            return refuse(format!("the space has {stages} stages, counted from 0"));
        }
        let deepest = self.space.deepest(stage);
        match gene {
            Gene::Block {
                layer: Some(layer), ..
            } if layer >= deepest => refuse(format!(
                "the stage has at most {deepest} layers, counted from 0"
            )),
            _ => Ok(()),
        }
    }

    /// Long names of what the space lets choose and no column says.
    fn missing(&self) -> Vec<String> {
        let mut missing: BTreeSet<Gene> = BTreeSet::new();
        let mut need = |gene: Gene, choices: usize| {
            if choices > 1 && !self.places.contains_key(&gene) {
                missing.insert(gene);
            }
        };
        need(Gene::Resolution, self.space.resolutions().len());
        need(Gene::Stem, self.space.stem_choices().len());
        need(Gene::Head, self.space.head_channel_choices().len());
        for stage in 0..self.space.stages() {
            let choices = self.space.stage_choices(stage);
            for shape in StageShape::ALL {
                need(Gene::Stage { stage, shape }, numbers(&choices, shape).len());
            }
        }
        for stage in 0..self.space.stages() {
            let choices = self.space.stage_choices(stage);
            for layer in 0..self.space.deepest(stage) {
                let known: Vec<Attribute> = Attribute::ALL
                    .into_iter()
                    .filter(|&attribute| self.block_place(stage, layer, attribute).is_some())
                    .collect();
                for attribute in confused(choices.blocks, &known) {
                    missing.insert(Gene::Block {
                        stage,
                        layer: None,
                        attribute,
                    });
                }
            }
        }
        missing.into_iter().map(Gene::name).collect()
    }

    /// The column of a layer's attribute: its own, or else its stage's.
    fn block_place(&self, stage: usize, layer: usize, attribute: Attribute) -> Option<usize> {
        let gene = |layer| Gene::Block {
            stage,
            layer,
            attribute,
        };
        let own = self.places.get(&gene(Some(layer)));
        own.or_else(|| self.places.get(&gene(None))).copied()
    }

    /// The network of a row.
    pub(super) fn genotype(&self, record: &Record) -> Result<Genotype, TrainedError> {
        let space = self.space;
        let resolution = self.whole(Gene::Resolution, record, space.resolutions())?;
        let stem = self.whole(Gene::Stem, record, space.stem_choices())?;
        let mut text = format!("r{resolution}/s{stem}");
        for stage in 0..space.stages() {
            text += &self.stage(stage, record)?;
        }
        if !space.head_channel_choices().is_empty() {
            let head = self.whole(Gene::Head, record, space.head_channel_choices())?;
            text += &format!("/h{head}");
        }
        let parsed = space.parse(&text);
        parsed.map_err(|source| TrainedError::Genotype {
            line: record.line,
            column: "its genes".to_owned(),
            source,
        })
    }

    /// A stage as a genotype's text has it.
    fn stage(&self, stage: usize, record: &Record) -> Result<String, TrainedError> {
        let choices = self.space.stage_choices(stage);
        let number = |shape| {
            self.number(
                Gene::Stage { stage, shape },
                record,
                numbers(&choices, shape),
            )
        };
        let channels = number(StageShape::Channels)?;
        let depth = number(StageShape::Depth)?;
        let stride = match choices.strides {
            [_] => {
                number(StageShape::Stride)?;
                String::new()
            }
            _ => format!("s{}", number(StageShape::Stride)?),
        };
        let labels = (0..depth).map(|layer| self.layer(stage, layer, record, &choices));
        let labels: Result<Vec<&str>, TrainedError> = labels.collect();
        Ok(format!("/{channels}{stride}:{}", labels?.join(",")))
    }

    /// The label of a layer's block.
    fn layer<'s>(
        &self,
        stage: usize,
        layer: usize,
        record: &Record,
        choices: &StageChoices<'s>,
    ) -> Result<&'s str, TrainedError> {
        let mut left: Vec<usize> = (0..choices.blocks.len()).collect();
        let mut last_place = None;
        for attribute in Attribute::ALL {
            let Some(place) = self.block_place(stage, layer, attribute) else {
                continue;
            };
            last_place = Some((attribute, place));
            let cell = record.cell(place);
            if cell.is_empty() {
                continue;
            }
            left.retain(|&option| {
                let block = &choices.blocks[option];
                !block.kind.has(attribute) || says(cell, attribute, block, choices.blocks)
            });
            if left.is_empty() {
                let rule = offered(choices.blocks, attribute, cell);
                return Err(self.cell(record, place, rule));
            }
        }
        if let [option] = left[..] {
            return Ok(&choices.labels[option]);
        }
        // what is ambiguous for the columns there are was refused with the header: a cell is empty, or says too little
        let undecided = Attribute::ALL.into_iter().find_map(|attribute| {
            let first = &choices.blocks[left[0]];
            let differ = left
                .iter()
                .any(|&option| !choices.blocks[option].agrees(first, attribute));
            let place = self.block_place(stage, layer, attribute);
            place.filter(|_| differ).map(|place| (attribute, place))
        });
        match undecided.or(last_place) {
            Some((attribute, place)) => {
                let values = values(choices.blocks, attribute).join(", ");
                Err(self.cell(record, place, format!("must be one of {values}")))
            }
            None => Ok(&choices.labels[left[0]]),
        }
    }

    /// A gene that is one number, or the only choice where no column says it.
    fn number(
        &self,
        gene: Gene,
        record: &Record,
        choices: &[usize],
    ) -> Result<usize, TrainedError> {
        let Some(&place) = self.places.get(&gene) else {
            return Ok(choices[0]);
        };
        let wanted = number(record.cell(place));
        let found = choices
            .iter()
            .find(|&&choice| wanted == Some(choice as f64));
        found.copied().ok_or_else(|| {
            let listed: Vec<String> = choices.iter().map(ToString::to_string).collect();
            let rule = format!("the space offers {}", listed.join(", "));
            self.cell(record, place, rule)
        })
    }

    /// A gene of the whole network, as text.
    fn whole<T: ToString + Choice>(
        &self,
        gene: Gene,
        record: &Record,
        choices: &[T],
    ) -> Result<String, TrainedError> {
        let Some(&place) = self.places.get(&gene) else {
            return Ok(choices.first().map_or_else(String::new, T::to_string));
        };
        let cell = record.cell(place);
        let found = choices.iter().find(|choice| choice.is(cell));
        found.map(T::to_string).ok_or_else(|| {
            let listed: Vec<String> = choices.iter().map(T::to_string).collect();
            let rule = match listed.is_empty() {
                true => "the space has no such gene: leave the column out".to_owned(),
                false => format!("the space offers {}", listed.join(", ")),
            };
            self.cell(record, place, rule)
        })
    }

    fn cell(&self, record: &Record, place: usize, rule: String) -> TrainedError {
        TrainedError::Cell {
            line: record.line,
            column: self.columns[place].clone(),
            value: record.cell(place).to_owned(),
            rule,
        }
    }
}

/// A choice that a cell can name.
trait Choice {
    fn is(&self, cell: &str) -> bool;
}

impl Choice for usize {
    fn is(&self, cell: &str) -> bool {
        number(cell) == Some(*self as f64)
    }
}

impl Choice for Resolution {
    fn is(&self, cell: &str) -> bool {
        let side = number(cell).is_some_and(|side| side == self.height as f64);
        cell.parse() == Ok(*self) || (self.height == self.width && side)
    }
}

/// A number, also one that a table of floats writes as `3.0`.
fn number(cell: &str) -> Option<f64> {
    cell.parse().ok()
}

fn numbers<'s>(choices: &StageChoices<'s>, shape: StageShape) -> &'s [usize] {
    match shape {
        StageShape::Channels => choices.channels,
        StageShape::Depth => choices.depths,
        StageShape::Stride => choices.strides,
    }
}

/// Attributes in which blocks differ that the known ones don't tell apart. An attribute tells nothing of a family that doesn't have it.
fn confused(blocks: &[Block], known: &[Attribute]) -> BTreeSet<Attribute> {
    let alike = |a: &Block, b: &Block, attribute| {
        !(a.kind.has(attribute) && b.kind.has(attribute)) || a.agrees(b, attribute)
    };
    let mut differing = BTreeSet::new();
    for (index, a) in blocks.iter().enumerate() {
        for b in &blocks[..index] {
            if known.iter().all(|&attribute| alike(a, b, attribute)) {
                let all = Attribute::ALL.into_iter();
                differing.extend(all.filter(|&attribute| !alike(a, b, attribute)));
            }
        }
    }
    differing
}

/// Whether a cell means what a block has. `1` for squeeze-and-excite says that there is some, where no ratio is 1.
fn says(cell: &str, attribute: Attribute, block: &Block, blocks: &[Block]) -> bool {
    match attribute {
        Attribute::Block => cell == block.kind.name() || cell == block.kind.abbreviation(),
        Attribute::Kernel => number(cell) == Some(block.kernel as f64),
        Attribute::Expand => number(cell) == Some(block.expand),
        Attribute::Groups => match block.groups {
            Groups::Depthwise => cell == "depthwise" || cell == "dw",
            Groups::Width(width) => cell == format!("w{width}"),
            Groups::Count(groups) => number(cell) == Some(groups as f64),
        },
        Attribute::Se => {
            let some = number(cell) == Some(1.0) && blocks.iter().all(|other| other.se != 1.0);
            number(cell) == Some(block.se) || (some && block.se > 0.0)
        }
        Attribute::Activation => activation(cell) == Some(block.activation),
    }
}

/// An activation by any of its names.
fn activation(cell: &str) -> Option<Activation> {
    use serde::Deserialize;
    use serde::de::IntoDeserializer;
    use serde::de::value::Error;

    let name: serde::de::value::StrDeserializer<'_, Error> = cell.into_deserializer();
    Activation::deserialize(name).ok()
}

/// The values of an attribute among the blocks that have it.
fn values(blocks: &[Block], attribute: Attribute) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for block in blocks.iter().filter(|block| block.kind.has(attribute)) {
        let value = match attribute {
            Attribute::Block => block.kind.name().to_owned(),
            Attribute::Kernel => block.kernel.to_string(),
            Attribute::Groups => block.groups.to_string(),
            Attribute::Expand => block.expand.to_string(),
            Attribute::Se => block.se.to_string(),
            Attribute::Activation => block.activation.name().to_owned(),
        };
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// What the space offers in the place of a value that no block is left for.
fn offered(blocks: &[Block], attribute: Attribute, cell: &str) -> String {
    let values = values(blocks, attribute).join(", ");
    let is_known = blocks
        .iter()
        .any(|block| block.kind.has(attribute) && says(cell, attribute, block, blocks));
    if is_known {
        format!(
            "the space offers it, but not beside what the other columns say of the layer ({values} in all)"
        )
    } else {
        format!("the space offers {values}")
    }
}
