//! Genotypes as text: `r224/s16/24:k3e4,k5e6/40s2:3*k3e3/h1280`.
//!
//! Input resolution, stem channels, then each stage: its channels (`s` and the stride where that is a
//! choice), and after the colon its layers by their labels, `3*` before one that stands three times; last
//! the head's channels where the space has such a convolution. The depth is the number of layers.

use std::fmt::Write;

use thiserror::Error;

use crate::genotype::{Genotype, UNUSED};
use crate::space::{Layout, SearchSpace, Stage};

/// A genotype string that is not of the space.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("genotype \"{text}\": {part}: {rule}")]
pub struct GenotypeError {
    text: String,
    part: String,
    rule: String,
}

impl SearchSpace {
    /// The genotype as text, which [`parse`](Self::parse) reads back.
    pub fn format(&self, genotype: &Genotype) -> String {
        let mut text = format!(
            "r{}/s{}",
            self.resolution(genotype),
            self.stem_channels(genotype)
        );
        for index in 0..self.stages.len() {
            let genes = self.stage_genes(&genotype.0, index);
            let stride = if genes.stage.strides.len() > 1 {
                format!("s{}", genes.stride())
            } else {
                String::new()
            };
            let labels = &genes.stage.options.labels;
            let runs = genes.layers().chunk_by(PartialEq::eq).map(|run| {
                let label = &labels[run[0] as usize];
                match run.len() {
                    1 => label.clone(),
                    times => format!("{times}*{label}"),
                }
            });
            let layers = runs.collect::<Vec<_>>().join(",");
            // writing to a string can't fail
            let _ = write!(text, "/{}{stride}:{layers}", genes.channels());
        }
        if let Some(channels) = self.head_channels(genotype) {
            let _ = write!(text, "/h{channels}");
        }
        text
    }

    /// Reads what [`format`](Self::format) writes.
    ///
    /// # Errors
    /// When a part is missing, is not among the space's choices, or does not fit beside the others.
    pub fn parse(&self, text: &str) -> Result<Genotype, GenotypeError> {
        let error = |part: &str, rule: String| GenotypeError {
            text: text.to_owned(),
            part: part.to_owned(),
            rule,
        };
        let mut parts = text.trim().split('/');
        let mut next = |what: &str| {
            let missing = || error("its end", format!("{what} is missing"));
            parts.next().ok_or_else(missing)
        };
        let mut genes = vec![UNUSED; self.layout.genes];

        let part = next("the resolution (r224)")?;
        let resolution = part.strip_prefix('r').and_then(|r| r.parse().ok());
        genes[Layout::RESOLUTION] = position(&self.resolutions, resolution)
            .ok_or_else(|| error(part, listed("resolution r", &self.resolutions)))?;

        let part = next("the stem's channels (s16)")?;
        let stem = part.strip_prefix('s').and_then(|s| s.parse().ok());
        genes[Layout::STEM] = position(&self.stem.channels, stem)
            .ok_or_else(|| error(part, listed("stem channels s", &self.stem.channels)))?;

        for (stage, &start) in self.stages.iter().zip(&self.layout.stages) {
            let part = next("a stage (24:k3e4,k5e6)")?;
            let genes = &mut genes[start..][..Layout::LAYERS + stage.deepest()];
            parse_stage(stage, part, genes).map_err(|rule| error(part, rule))?;
        }
        genes[Layout::HEAD] = 0;
        if let Some(head) = self.head.as_ref().filter(|head| !head.channels.is_empty()) {
            let part = next("the head's channels (h1280)")?;
            let channels = part.strip_prefix('h').and_then(|h| h.parse().ok());
            genes[Layout::HEAD] = position(&head.channels, channels)
                .ok_or_else(|| error(part, listed("head channels h", &head.channels)))?;
        }
        if let Some(part) = parts.next() {
            return Err(error(part, "nothing is expected here".to_owned()));
        }
        let genotype = Genotype(genes.into());
        if self.contains(&genotype) {
            Ok(genotype)
        } else {
            let rule = "these blocks don't fit beside each other: groups that don't divide the channels, \
                        or layers of one stage that differ in what the stage shares";
            Err(error("as a whole", rule.to_owned()))
        }
    }
}

fn parse_stage(stage: &Stage, part: &str, genes: &mut [u16]) -> Result<(), String> {
    let (shape, layers) = part
        .split_once(':')
        .ok_or("a stage is written CHANNELS:LAYER,LAYER,...")?;
    let (channels, stride) = match shape.split_once('s') {
        None => (shape, stage.strides.first().copied()),
        Some((channels, stride)) => (channels, stride.parse().ok()),
    };
    genes[Layout::CHANNELS] = position(&stage.channels, channels.parse().ok())
        .ok_or_else(|| listed("channels ", &stage.channels))?;
    genes[Layout::STRIDE] =
        position(&stage.strides, stride).ok_or_else(|| listed("stride s", &stage.strides))?;
    let mut depth = 0;
    for run in layers.split(',') {
        let (times, label) = match run.split_once('*') {
            None => (1, run),
            Some((times, label)) => (times.parse().unwrap_or(0), label),
        };
        let labels = &stage.options.labels;
        let option = labels.iter().position(|known| known == label);
        let option = option.ok_or_else(|| listed("layers ", labels))?;
        if times == 0 || times > stage.deepest() - depth {
            return Err(listed("depths ", &stage.depths));
        }
        genes[Layout::LAYERS + depth..][..times].fill(option as u16);
        depth += times;
    }
    genes[Layout::DEPTH] =
        position(&stage.depths, Some(depth)).ok_or_else(|| listed("depths ", &stage.depths))?;
    Ok(())
}

fn position<T: PartialEq>(choices: &[T], wanted: Option<T>) -> Option<u16> {
    let wanted = wanted?;
    let found = choices.iter().position(|choice| *choice == wanted);
    found.map(|index| index as u16)
}

fn listed<T: ToString>(what: &str, choices: &[T]) -> String {
    let choices: Vec<String> = choices.iter().map(T::to_string).collect();
    format!("the space offers {what}{}", choices.join(", "))
}
