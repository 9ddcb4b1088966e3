//! `roofnas init --from`: an experiment around a network of the user's own.

use std::fmt::Write as _;
use std::path::Path;

use roofnas::{Error, Experiment, ExperimentFile};
use roofnas_cost::{Dtype, Latency, LatencyModel, NetworkCost};
use roofnas_hardware::Profiles;
use roofnas_space::recognise::{Likeness, OwnStage, Reach, Recognised, Surroundings, recognise};
use roofnas_space::{Block, HeadDefinition, Network, StageDefinition, StemDefinition};
use serde::Serialize;

use super::networks::{model, model_file};
use crate::cli::{Conditions, InitArgs};

/// The platform where none is named: that of the experiment without `--from`.
const PLATFORM: &str = "raspberry-pi-4-ncnn-4-threads";

/// The experiment's text. It is accepted: what is written has been read and checked.
pub(super) fn experiment(path: &Path, args: &InitArgs, name: &str) -> anyhow::Result<String> {
    let own = &args.own;
    let platform = own.platform.as_deref().unwrap_or(PLATFORM);
    let conditions = Conditions {
        batch: own.batch.unwrap_or(1),
        dtype: own.dtype.unwrap_or(Dtype::Fp32),
    };
    let network = model_file(path, own.input_size, &own.dim)?;
    let refused = |error: &dyn std::fmt::Display| Error::Unusable {
        path: path.to_owned(),
        problem: format!("no search space can be put around it: {error}"),
    };
    let found = recognise(&network).map_err(|error| refused(&error))?;
    let around = found.surroundings().map_err(|error| refused(&error))?;
    let genotype = around
        .space
        .parse(&around.own)
        .map_err(|error| refused(&error))?;
    let nearest = around.space.decode(&genotype);
    let draft = Draft {
        file: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        name,
        platform,
        model: model(platform, &conditions)?,
        likeness: Likeness::of(&network, &nearest),
        network,
        nearest,
        found,
        around,
    };
    let text = draft.text()?;
    let file = args.file.display().to_string();
    let planned = ExperimentFile::parse(&text, &file, &[])?.runs.remove(0);
    Experiment::new(planned.config, &file, &Profiles::from_environment())?;
    for remark in &draft.found.remarks {
        note!("warning: {}", printable(&remark.to_string()));
    }
    note!("{}", draft.sentence());
    Ok(text)
}

/// A file that takes shape.
struct Draft<'a> {
    file: String,
    name: &'a str,
    platform: &'a str,
    model: LatencyModel,
    network: Network,
    /// The space's member that stands for the network.
    nearest: Network,
    likeness: Likeness,
    found: Recognised,
    around: Surroundings,
}

impl Draft<'_> {
    fn price(&self, network: &Network) -> (NetworkCost, Latency) {
        let cost = NetworkCost::new(network, &self.model.platform().fusion);
        let latency = self.model.price(&cost);
        (cost, latency)
    }

    /// The network's own latency, rounded up, so that it keeps it; that of what stands for it where this takes longer.
    fn budget_ms(&self) -> f64 {
        let latencies = [&self.network, &self.nearest].map(|network| self.price(network).1.mean_ms);
        rounded_up(latencies[0].max(latencies[1]))
    }

    /// What was found, for whoever reads the terminal.
    fn sentence(&self) -> String {
        let blocks: usize = self
            .found
            .own
            .stages
            .iter()
            .map(|stage| stage.blocks.len())
            .sum();
        let stages = self.found.own.stages.len();
        let holds = if self.likeness.is_same() {
            "the space holds the network"
        } else {
            "the space holds a network near it, not the network itself; the file says what differs"
        };
        format!(
            "{}: {blocks} blocks in {stages} stages; {holds}. The budget is what the network takes on {}: {} ms",
            printable(&self.file),
            self.model.platform().name,
            self.budget_ms()
        )
    }

    fn text(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        for line in self.heading() {
            let line = printable(&line);
            writeln!(text, "{}", format!("# {line}").trim_end())?;
        }
        writeln!(text, "\nname = {}", inline(&self.name)?)?;
        writeln!(
            text,
            "seed = 1                               # the same seed gives the same files on any number of threads\n"
        )?;
        writeln!(text, "[platform]\nprofile = {}", inline(&self.platform)?)?;
        writeln!(text, "batch = {}", self.model.batch())?;
        writeln!(text, "dtype = \"{}\"\n", self.model.dtype())?;
        self.space(&mut text)?;
        text += OBJECTIVES;
        writeln!(
            text,
            "[constraints]\nlatency_ms = {}   # what the network itself takes; also: macs, params, peak_memory_mib, weights_mib and others",
            self.budget_ms()
        )?;
        text += "confidence = 0.5                       # half of the networks at the edge may be slower; 0.95 keeps a distance, and then the network itself breaks the budget\n\n";
        text += SEARCH;
        writeln!(
            text,
            "start = [{}]   # the search begins with the network",
            inline(&self.around.own)?
        )?;
        text += OUTPUT;
        Ok(text)
    }

    /// What was recognised, what was not, and what the network costs.
    fn heading(&self) -> Vec<String> {
        let own = &self.found.own;
        let mut lines = vec![
            format!(
                "A search space around {}, as `roofnas init --from` found it.",
                self.file
            ),
            String::new(),
        ];
        let blocks: usize = own.stages.iter().map(|stage| stage.blocks.len()).sum();
        lines.push(format!(
            "Recognised: {blocks} blocks in {} stages; {:.0} % of the MACs lie in layers of a known form.",
            own.stages.len(),
            100.0 * self.found.share
        ));
        let (mine, latency) = self.price(&self.network);
        if self.likeness.is_same() {
            lines.push("The space holds the network: every layer is one of".to_owned());
            lines.push(format!("  {}", self.around.own));
        } else {
            let theirs = self.price(&self.nearest).0;
            lines.push(
                "The space does not hold the network itself. The nearest that it holds is"
                    .to_owned(),
            );
            lines.push(format!("  {}", self.around.own));
            lines.push(format!(
                "with {} MACs instead of {}, and {} parameters instead of {}.",
                large(theirs.macs),
                large(mine.macs),
                large(theirs.params),
                large(mine.params)
            ));
        }
        if !self.found.remarks.is_empty() {
            lines.push(String::new());
            lines.push("What differs:".to_owned());
            lines.extend(
                self.found
                    .remarks
                    .iter()
                    .map(|remark| format!("- {remark}")),
            );
        }
        lines.push(String::new());
        lines.push(format!(
            "On {} ({}, batch {}) the network takes {:.3} ms, with a standard deviation of {:.2} ms ({}).",
            self.model.platform().name,
            self.model.dtype(),
            self.model.batch(),
            latency.mean_ms,
            latency.std_ms,
            self.model.label()
        ));
        let peak = mine.peak_memory_bytes(self.model.batch(), self.model.dtype());
        let peak = peak.map_or_else(String::new, |bytes| {
            format!(
                " and a peak of {:.1} MiB of live activations",
                bytes as f64 / f64::from(1 << 20)
            )
        });
        lines.push(format!(
            "It has {} MACs, {} parameters{peak}.",
            large(mine.macs),
            large(mine.params),
        ));
        match self.around.reach {
            Reach::Around => {}
            Reach::OwnChannels => {
                lines.push("Other channels than the network's don't go with its groups, so that they are no choice here.".to_owned());
            }
            Reach::Alone => {
                lines.push("No choices around its values make a space that can be built: this one holds the network alone. Widen it by hand.".to_owned());
            }
        }
        lines
    }

    fn space(&self, text: &mut String) -> anyhow::Result<()> {
        let definition = &self.around.definition;
        let own = &self.found.own;
        writeln!(text, "[space]")?;
        writeln!(
            text,
            "resolution = {}   # the network's; a list is a choice, but the score is no reason to see more pixels",
            inline(&definition.resolution)?
        )?;
        writeln!(text, "input_channels = {}", definition.input_channels)?;
        if !definition.features.is_empty() {
            writeln!(
                text,
                "features = {}   # strides whose feature maps are outputs",
                inline(&definition.features)?
            )?;
        }
        if own
            .stages
            .iter()
            .flat_map(|stage| &stage.blocks)
            .any(|block| block.se > 0.0)
        {
            writeln!(text, "se_style = {}", inline(&definition.se_style)?)?;
        }
        stem(text, &definition.stem, own.stem_channels)?;
        let mut stride =
            definition.stem.stride * if definition.stem.pool.is_some() { 2 } else { 1 };
        for (found, stage) in own.stages.iter().zip(&definition.stage) {
            stride *= found.stride;
            write_stage(text, found, stage, stride)?;
        }
        match &definition.head {
            Some(definition) => head(text, definition, own.head_channels)?,
            None => writeln!(text)?,
        }
        Ok(())
    }
}

const OBJECTIVES: &str = r#"[objectives]
maximize = ["quality"]                 # a rank score that stands in for accuracy: see [quality]
minimize = ["latency"]                 # always the mean; also: macs, params, peak_memory, traffic, weights

[quality]
score = "AE3"                          # AE3, S+NSC, S, NSC, st_la, MAE-DET, DeepMAD, params, MACs or activations

"#;

const SEARCH: &str = r#"[search]
algorithm = "nsga2"                    # nsga2; exact for the optimum itself; random for the baseline
population = 256
evaluations = 200_000
certify = true                         # proves how far the front can be from the optimum
"#;

const OUTPUT: &str = r#"
[output]
backbones = 5                          # networks written as ONNX, PyTorch and TOML; any other: `roofnas export`
"#;

fn stem(text: &mut String, stem: &StemDefinition, own: usize) -> anyhow::Result<()> {
    writeln!(
        text,
        "\n[space.stem]\nchannels = {}   # the network's: {own}",
        inline(&stem.channels)?
    )?;
    writeln!(text, "kernel = {}\nstride = {}", stem.kernel, stem.stride)?;
    writeln!(text, "activation = \"{}\"", stem.activation)?;
    if let Some(pool) = &stem.pool {
        writeln!(text, "pool = {}", inline(pool)?)?;
    }
    Ok(())
}

fn write_stage(
    text: &mut String,
    own: &OwnStage,
    stage: &StageDefinition,
    stride: usize,
) -> anyhow::Result<()> {
    writeln!(
        text,
        "\n[[space.stage]]                        # stride {stride}; the network's blocks:"
    )?;
    for (block, times) in runs(&own.blocks) {
        writeln!(text, "#   {times} x {block}")?;
    }
    writeln!(text, "block = {}", inline(&stage.block)?)?;
    writeln!(
        text,
        "depth = {}   # the network's: {}",
        inline(&stage.depth)?,
        own.blocks.len()
    )?;
    writeln!(
        text,
        "channels = {}   # the network's: {}",
        inline(&stage.channels)?,
        own.channels
    )?;
    writeln!(text, "stride = {}", inline(&stage.stride)?)?;
    let keys = [
        ("kernel", stage.kernel.as_ref().map(inline)),
        ("groups", stage.groups.as_ref().map(inline)),
        ("expand", stage.expand.as_ref().map(inline)),
        ("se", stage.se.as_ref().map(inline)),
        ("activation", stage.activation.as_ref().map(inline)),
    ];
    for (key, value) in keys {
        if let Some(value) = value {
            writeln!(text, "{key} = {}", value?)?;
        }
    }
    if !stage.per_layer.is_empty() {
        writeln!(
            text,
            "per_layer = {}   # chosen layer by layer",
            inline(&stage.per_layer)?
        )?;
    }
    Ok(())
}

fn head(text: &mut String, head: &HeadDefinition, own: Option<usize>) -> anyhow::Result<()> {
    writeln!(text, "\n[space.head]")?;
    if let (Some(channels), Some(own)) = (&head.channels, own) {
        writeln!(
            text,
            "channels = {}   # the network's: {own}",
            inline(channels)?
        )?;
    }
    if let Some(hidden) = head.hidden {
        writeln!(text, "hidden = {hidden}")?;
    }
    writeln!(
        text,
        "activation = \"{}\"\nclasses = {}\n",
        head.activation, head.classes
    )?;
    Ok(())
}

/// Equal blocks in a row, with how many they are.
fn runs(blocks: &[Block]) -> Vec<(Block, usize)> {
    let runs = blocks.chunk_by(PartialEq::eq);
    runs.map(|run| (run[0], run.len())).collect()
}

/// A value as it stands behind a key: whole numbers without a point, and a range from its first number on.
fn inline<T: Serialize>(value: &T) -> anyhow::Result<String> {
    Ok(written(&toml::Value::try_from(value)?))
}

fn written(value: &toml::Value) -> String {
    use toml::Value;
    match value {
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e9 => {
            format!("{number:.0}")
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(written).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Table(table) => {
            let last = |key: &str| key == "step";
            let (step, others): (Vec<_>, Vec<_>) = table.iter().partition(|(key, _)| last(key));
            let pairs = others.into_iter().chain(step);
            let pairs: Vec<String> = pairs
                .map(|(key, value)| format!("{key} = {}", written(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

/// Without what can't stand in a comment: names in a file may hold anything.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// A number above 0 with four digits, none of which makes it smaller.
fn rounded_up(number: f64) -> f64 {
    let digits = (3 - number.log10().floor() as i32).clamp(-9, 12);
    let scale = 10_f64.powi(digits);
    let up = (number * scale).ceil() / scale;
    // the shortest text that is no smaller
    format!("{up:.*}", digits.max(0) as usize)
        .parse()
        .unwrap_or(up)
}

/// A large number in words: 1.82 G, 25.6 M.
fn large(number: u64) -> String {
    let number = number as f64;
    match number {
        n if n >= 1e9 => format!("{:.3} G", n / 1e9),
        n if n >= 1e6 => format!("{:.2} M", n / 1e6),
        n => format!("{n}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_rounded_up() {
        for (number, up) in [
            (412.3456, 412.4),
            (0.99991, 1.0),
            (1.0, 1.0),
            (0.001_234_56, 0.001_235),
            (123_456.0, 123_500.0),
        ] {
            assert_eq!(rounded_up(number), up);
            assert!(rounded_up(number) >= number);
        }
    }

    #[test]
    fn whole_numbers_have_no_point() {
        assert_eq!(inline(&vec![3.0, 4.5]).unwrap(), "[3, 4.5]");
        let range = roofnas_space::Range {
            from: 8,
            to: 24,
            step: 8,
        };
        assert_eq!(inline(&range).unwrap(), "{ from = 8, to = 24, step = 8 }");
    }

    #[test]
    fn nothing_breaks_out_of_a_comment() {
        assert_eq!(printable("a\nseed = 3"), "a seed = 3");
    }
}
