//! Choosing what is measured.

use std::path::Path;

use roofnas::{FinishedRun, FrontRow, Objective, RunDirectory, backbone_onnx, write_whole};
use roofnas_space::onnx::{self, Batch, InitialWeights};
use roofnas_space::{Network, SearchSpace, SpaceDefinition};

use crate::network::{self, Chosen, MACS, Purpose, SCALED};

/// Networks at a run's edge, and at a level.
const EACH: usize = 3;
/// Networks over the front of MACs.
const SPREAD: usize = 24;
/// Widths of MobileNetV2 that are tried, in hundredths.
const WIDTHS: std::ops::RangeInclusive<u64> = 10..=400;
const WIDTH_STEP: usize = 5;

/// A run with its front, from the fastest up.
struct Found {
    run: FinishedRun,
    front: Vec<FrontRow>,
}

impl Found {
    fn read(folder: &Path) -> Option<Self> {
        let directory = RunDirectory::new(folder);
        if !directory.is_finished().unwrap() {
            return None;
        }
        let run = FinishedRun::read(directory).unwrap();
        let front = run.front().unwrap();
        Some(Self { run, front })
    }

    /// Its budget; nothing where it minimises MACs.
    fn budget_ms(&self) -> Option<f64> {
        let objectives = &self.run.experiment.objectives;
        let minimizes_macs = objectives.contains(&Objective::Macs);
        match minimizes_macs {
            true => None,
            false => self.run.experiment.budget_ms(),
        }
    }

    fn platform(&self) -> &str {
        &self.run.experiment.appraiser.model.platform().name
    }

    fn highest(&self) -> f64 {
        let qualities = self.front.iter().map(|row| row.metrics.quality);
        qualities.fold(f64::NEG_INFINITY, f64::max)
    }

    /// The networks with the smallest figure among those that score at least as high.
    fn least(&self, quality: f64, figure: impl Fn(&FrontRow) -> f64) -> Vec<&FrontRow> {
        let mut rows: Vec<&FrontRow> = self.front.iter().collect();
        rows.retain(|row| row.metrics.quality >= quality);
        rows.sort_by(|a, b| figure(a).total_cmp(&figure(b)));
        rows.truncate(EACH);
        rows
    }
}

/// What was chosen so far.
struct Choice<'a> {
    out: &'a Path,
    chosen: Vec<Chosen>,
}

/// Writes the networks of a batch that are to be measured.
pub(crate) fn choose(batch: &Path, out: &Path) {
    std::fs::create_dir_all(out.join("networks")).unwrap();
    let mut folders: Vec<_> = std::fs::read_dir(batch)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    let found: Vec<Found> = folders
        .iter()
        .filter_map(|folder| Found::read(folder))
        .collect();
    let macs = found.iter().find(|found| found.budget_ms().is_none());
    let macs = macs.expect("the batch has a run that minimises MACs");
    let mut budgets: Vec<f64> = found.iter().filter_map(Found::budget_ms).collect();
    budgets.sort_by(f64::total_cmp);
    budgets.dedup();

    let mut choice = Choice {
        out,
        chosen: Vec::new(),
    };
    for budget in budgets {
        let under: Vec<&Found> = found
            .iter()
            .filter(|found| found.budget_ms() == Some(budget))
            .collect();
        let level = under
            .iter()
            .map(|found| found.highest())
            .fold(f64::INFINITY, f64::min);
        for found in &under {
            for row in found.front.iter().rev().take(EACH) {
                choice.take(found, Purpose::Edge, found.platform(), budget, row);
            }
            for row in found.least(level, |row| row.metrics.latency.mean_ms) {
                choice.take(found, Purpose::Level, found.platform(), budget, row);
            }
        }
        for row in macs.least(level, |row| row.metrics.macs as f64) {
            choice.take(macs, Purpose::Level, MACS, budget, row);
        }
        choice.take_scaled(macs, Purpose::Level, budget, |quality| quality >= level);
    }
    for place in 0..SPREAD {
        let row = &macs.front[place * (macs.front.len() - 1) / (SPREAD - 1)];
        choice.take(macs, Purpose::Spread, MACS, 0.0, row);
    }
    // MobileNetV2 itself
    choice.take_width(macs, Purpose::Spread, 0.0, 100);
    network::write(out, &choice.chosen);
    eprintln!("{} networks", choice.chosen.len());
}

impl Choice<'_> {
    fn take(
        &mut self,
        found: &Found,
        purpose: Purpose,
        found_for: &str,
        budget: f64,
        row: &FrontRow,
    ) {
        let onnx = backbone_onnx(&found.run.experiment, row).unwrap();
        let chosen = Chosen {
            name: String::new(),
            purpose,
            found_for: found_for.to_owned(),
            budget_ms: budget,
            quality: row.metrics.quality,
            macs: row.metrics.macs,
            text: row.text.clone(),
        };
        self.push(chosen, &onnx);
    }

    /// MobileNetV2 of the least width whose quality will do.
    fn take_scaled(
        &mut self,
        found: &Found,
        purpose: Purpose,
        budget: f64,
        will_do: impl Fn(f64) -> bool,
    ) {
        let appraiser = &found.run.experiment.appraiser;
        let width = WIDTHS
            .step_by(WIDTH_STEP)
            .find(|&width| will_do(appraiser.appraise(&mobilenet_v2(width)).quality));
        match width {
            Some(width) => self.take_width(found, purpose, budget, width),
            None => eprintln!("no width of MobileNetV2 reaches the quality under {budget} ms"),
        }
    }

    fn take_width(&mut self, found: &Found, purpose: Purpose, budget: f64, width: u64) {
        let network = mobilenet_v2(width);
        let metrics = found.run.experiment.appraiser.appraise(&network);
        let onnx = onnx::export(&network, InitialWeights::seeded(1), Batch::Dynamic).unwrap();
        let chosen = Chosen {
            name: String::new(),
            purpose,
            found_for: SCALED.to_owned(),
            budget_ms: budget,
            quality: metrics.quality,
            macs: metrics.macs,
            text: format!("width {:.2}", width as f64 / 100.0),
        };
        self.push(chosen, &onnx);
    }

    fn push(&mut self, mut chosen: Chosen, onnx: &[u8]) {
        chosen.name = format!("n{:03}", self.chosen.len());
        let path = self.out.join(format!("networks/{}.onnx", chosen.name));
        write_whole(&path, onnx).unwrap();
        self.chosen.push(chosen);
    }
}

/// MobileNetV2 with its channels scaled, in hundredths, to the nearest multiple of 8; the head is not made narrower, as its authors have it.
fn mobilenet_v2(width: u64) -> Network {
    let scaled = |channels: u64| ((channels * width + 400) / 800 * 8).max(8);
    let stages = [
        (1, 16, 1, 1),
        (2, 24, 2, 6),
        (3, 32, 2, 6),
        (4, 64, 2, 6),
        (3, 96, 1, 6),
        (3, 160, 2, 6),
        (1, 320, 1, 6),
    ];
    let mut text = format!(
        "resolution = 224\n[stem]\nchannels = {}\nactivation = \"relu6\"\n[head]\nchannels = {}\nactivation = \"relu6\"\n",
        scaled(32),
        scaled(1280).max(1280)
    );
    for (depth, channels, stride, expand) in stages {
        text += &format!(
            "[[stage]]\nblock = \"inverted_bottleneck\"\ndepth = {depth}\nchannels = {}\nstride = {stride}\nexpand = {expand}\nactivation = \"relu6\"\n",
            scaled(channels)
        );
    }
    let definition: SpaceDefinition = toml::from_str(&text).unwrap();
    let space = SearchSpace::new(definition).unwrap();
    space.decode(&space.only())
}
