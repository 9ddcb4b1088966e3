//! `roofnas init --from`: an experiment around a network of the user's own.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use roofnas::{Error, Experiment, ExperimentFile, write_whole};
use roofnas_cost::{Dtype, Latency, LatencyModel, NetworkCost};
use roofnas_hardware::Profiles;
use roofnas_space::recognise::{
    Likeness, OwnStage, Reach, RecogniseError, Recognised, Remark, Surroundings, recognise,
};
use roofnas_space::{
    Block, FixedHead, HeadDefinition, Network, SearchSpace, StageDefinition, StemDefinition,
};
use serde::Serialize;

use super::networks::{model, model_file};
use crate::cli::{Conditions, InitArgs};

/// The platform where none is named: that of the experiment without `--from`.
const PLATFORM: &str = "raspberry-pi-4-ncnn-4-threads";

/// An experiment around a network, with a file beside it where the network has a head of its own.
pub(super) struct Drafted {
    /// The experiment's text. It is accepted: it has been read and checked.
    pub(super) text: String,
    /// The head's file, which is there.
    pub(super) head: Option<PathBuf>,
}

impl Drafted {
    /// Takes back what was written.
    pub(super) fn undo(&self) {
        if let Some(head) = &self.head {
            // a leftover harms nobody but the next who wants that name, and is told so
            let _ = fs::remove_file(head);
        }
    }
}

/// The experiment around the network of a file.
pub(super) fn experiment(path: &Path, args: &InitArgs, name: &str) -> anyhow::Result<Drafted> {
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
    let (found, head) = with_head(path, &network, found, &args.file).map_err(|e| refused(&e))?;
    let around = found.surroundings().map_err(|error| refused(&error))?;
    let space = match &head {
        Some(head) => head.space.clone(),
        None => around.space.clone(),
    };
    let genotype = space.parse(&around.own).map_err(|error| refused(&error))?;
    let nearest = space.deployed(&genotype);
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
        head,
    };
    let mut drafted = Drafted {
        text: draft.text()?,
        head: None,
    };
    if let Some(head) = &draft.head {
        if head.path.symlink_metadata().is_ok() {
            let problem = "is there already, and is where the network's head would go; remove it, or name the experiment otherwise";
            return Err(Error::Unusable {
                path: head.path.clone(),
                problem: problem.to_owned(),
            }
            .into());
        }
        write_whole(&head.path, &head.bytes)?;
        drafted.head = Some(head.path.clone());
    }
    if let Err(error) = check(&drafted.text, &args.file) {
        drafted.undo();
        return Err(error.into());
    }
    for remark in &draft.found.remarks {
        note!("warning: {}", printable(&remark.to_string()));
    }
    note!("{}", draft.sentence());
    Ok(drafted)
}

/// Reads an experiment as a run does.
fn check(text: &str, file: &Path) -> Result<(), Error> {
    let file = file.display().to_string();
    let planned = ExperimentFile::parse(text, &file, &[])?.runs.remove(0);
    Experiment::new(planned.config, &file, &Profiles::from_environment()).map(|_| ())
}

/// A neck and head that all networks of the space carry.
struct OwnHead {
    /// The space around the backbone, with the head.
    space: SearchSpace,
    /// The layers in words, and their share of the MACs.
    layers: String,
    share: f64,
    /// The file it goes to.
    path: PathBuf,
    bytes: Vec<u8>,
}

/// Cuts the neck and head out of the file, where the network has them; what a space can't carry is left out, with the reason among the remarks.
fn with_head(
    path: &Path,
    network: &Network,
    mut found: Recognised,
    experiment: &Path,
) -> Result<(Recognised, Option<OwnHead>), RecogniseError> {
    let Some(behind) = &found.behind else {
        return Ok((found, None));
    };
    let name = experiment.file_stem().unwrap_or_default();
    let name = format!("{}-head", name.to_string_lossy());
    let around = found.surroundings()?;
    let cut = FixedHead::cut_from_onnx_file(path, &name, network, &behind.cut);
    let cut = cut.map_err(|error| error.to_string());
    let carried = cut.and_then(|(head, bytes)| {
        let space = around.space.with_fixed_head(head);
        Ok((space.map_err(|error| error.to_string())?, bytes))
    });
    match carried {
        Ok((space, bytes)) => {
            let head = OwnHead {
                space,
                layers: behind.layers.clone(),
                share: behind.share,
                path: experiment.with_file_name(format!("{name}.onnx")),
                bytes,
            };
            found.remarks.extend(lost_outputs(network, &head.space));
            Ok((found, Some(head)))
        }
        Err(reason) => Ok((found.without_head(Some(&reason))?, None)),
    }
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
    head: Option<OwnHead>,
}

/// Outputs of a network that a head behind its backbone hasn't: feature maps.
fn lost_outputs(network: &Network, space: &SearchSpace) -> Option<Remark> {
    let head = space.fixed_head()?.network();
    let is_kept = |name: &str| head.outputs().iter().any(|output| output.name == name);
    let names = network.outputs().iter().map(|output| &*output.name);
    let lost: Vec<&str> = names.filter(|name| !is_kept(name)).collect();
    (!lost.is_empty()).then(|| Remark {
        layer: format!("output {}", lost.join(", ")),
        what: "is a feature map of the backbone, which is no output here: those are the head's"
            .to_owned(),
    })
}

impl Draft<'_> {
    fn price(&self, network: &Network) -> (NetworkCost, Latency) {
        let cost = NetworkCost::new(network, &self.model.platform().fusion);
        let latency = self.model.price(&cost);
        (cost, latency)
    }

    /// The network's own latency, rounded up, so that it keeps it; that of what stands for it where this takes longer, or where the network
    /// has layers behind its backbone that are left out.
    fn budget_ms(&self) -> f64 {
        let [own, nearest] =
            [&self.network, &self.nearest].map(|network| self.price(network).1.mean_ms);
        rounded_up(if self.found.is_cut {
            nearest
        } else {
            own.max(nearest)
        })
    }

    /// Whose latency the budget is.
    fn whose(&self) -> &'static str {
        match (&self.head, self.found.is_cut) {
            (Some(_), _) => "the network with its head",
            (None, true) => "the backbone",
            (None, false) => "the network",
        }
    }

    /// The name of the head's file.
    fn head_file(head: &OwnHead) -> String {
        let name = head.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
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
        let head = self.head.as_ref().map_or_else(String::new, |head| {
            let layers = printable(&head.layers);
            format!(
                " Its neck and head ({layers}) are fixed, in {}.",
                Self::head_file(head)
            )
        });
        format!(
            "{}: {blocks} blocks in {stages} stages; {holds}.{head} The budget is what {} takes on {}: {} ms",
            printable(&self.file),
            self.whose(),
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
        if let Some(head) = &self.head {
            writeln!(
                text,
                "[fixed_head]                           # not searched, but part of every figure: latency, memory, MACs\nonnx = {}\n",
                inline(&Self::head_file(head))?
            )?;
        }
        self.space(&mut text)?;
        text += OBJECTIVES;
        writeln!(
            text,
            "[constraints]\nlatency_ms = {}   # what {} takes; also: macs, params, peak_memory_mib, weights_mib and others",
            self.budget_ms(),
            self.whose()
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
            "Recognised: {blocks} blocks in {} stages; {:.0} % of the {}MACs lie in layers of a known form.",
            own.stages.len(),
            100.0 * self.found.share,
            if self.head.is_some() { "backbone's " } else { "" }
        ));
        if let Some(head) = &self.head {
            lines.push(format!(
                "Behind them come a neck and head, {}, with {:.0} % of the MACs: every network of the space carries them.",
                head.layers,
                100.0 * head.share
            ));
            lines.push(format!(
                "{} has them, without the elements of their weights. What the backbones put out is what they read.",
                Self::head_file(head)
            ));
        }
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
        // with a head, those that it reads
        if !definition.features.is_empty() && self.head.is_none() {
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
