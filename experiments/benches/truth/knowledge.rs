//! What the tool makes of some timings and some trainings.

use std::fmt::Write;
use std::fs;
use std::num::NonZeroU64;
use std::path::Path;

use roofnas::{BackboneProblem, Experiment, ExperimentFile, Optimiser, Quality};
use roofnas_cost::calibration::Calibration;
use roofnas_cost::{Dtype, Figures, Fusion};
use roofnas_hardware::fit::FitOptions;
use roofnas_hardware::{
    CalibrateOptions, CrossValidation, Material, MeasuredNetwork, Profiles, calibrate, draw,
};
use roofnas_search::{Limits, Search};
use tempfile::TempDir;

use crate::world::World;

/// Networks that a search evaluates.
const EVALUATIONS: NonZeroU64 = NonZeroU64::new(4_000).expect("is not zero");

/// A calibrated platform and a surrogate, in a folder of their own.
pub(crate) struct Knowledge {
    folder: TempDir,
    /// Networks that were timed; the first of them were trained.
    pub(crate) timed: Vec<usize>,
    pub(crate) trained: usize,
    /// How well latencies are predicted.
    pub(crate) latency: Figures,
    /// Predicted for every network: mean latency, its 95 % bound, accuracy.
    pub(crate) mean_ms: Vec<f64>,
    pub(crate) upper_ms: Vec<f64>,
    pub(crate) quality: Vec<f64>,
    /// The proxy for those who train nothing.
    pub(crate) proxy: Vec<f64>,
}

impl Knowledge {
    /// Times and trains networks drawn with a seed.
    pub(crate) fn new(
        world: &World,
        timed: usize,
        trained: usize,
        seed: u64,
        known: &[(String, &Calibration)],
    ) -> Self {
        let names: Vec<&str> = world.networks.iter().map(|n| n.digits.as_str()).collect();
        let rows = world.networks.iter().map(|network| MeasuredNetwork {
            network: network.digits.clone(),
            cost: network.cost.clone(),
            batch: 1,
            threads: Some(1),
            latency_ms: network.latency_ms,
            run: None,
            repeats: None,
            kernels: Vec::new(),
        });
        let material = Material {
            rows: rows.collect(),
            situation: None,
            fusion: Fusion::default(),
        };
        let options = CalibrateOptions {
            name: "measured-here".to_owned(),
            description: "the machine that the networks were timed on".to_owned(),
            dtype: Dtype::Fp32,
            base: None,
            samples: Some(timed),
            seed,
            cross_validation: CrossValidation::Folds(10),
            source: format!("{timed} networks of NAS-Bench-Macro"),
            licence: None,
            attribution: None,
            fit: FitOptions::default(),
        };
        let calibrated = calibrate(&material, known, &options).unwrap();
        let timed = draw(&names, timed, seed).fit;
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("platform.toml"),
            calibrated.platform.to_toml(),
        )
        .unwrap();
        let mut table = "genotype,accuracy\n".to_owned();
        for &row in &timed[..trained] {
            let network = &world.networks[row];
            let words = world.space.format(&network.genotype);
            writeln!(table, "\"{words}\",{}", network.seen).unwrap();
        }
        fs::write(folder.path().join("trained.csv"), table).unwrap();
        let mut own = Self {
            folder,
            timed,
            trained,
            latency: calibrated.held_out.unwrap().model,
            mean_ms: Vec::new(),
            upper_ms: Vec::new(),
            quality: Vec::new(),
            proxy: Vec::new(),
        };
        let experiment = own.experiment("[quality.surrogate]\ntable = \"trained.csv\"\n", seed);
        let metrics = world
            .networks
            .iter()
            .map(|network| experiment.appraise(&network.genotype));
        for metrics in metrics {
            own.mean_ms.push(metrics.latency.mean_ms);
            own.upper_ms.push(metrics.latency.upper95_ms());
            own.quality.push(metrics.quality);
        }
        let proxy = own.experiment("", seed);
        assert!(matches!(proxy.appraiser.quality, Quality::Proxy { .. }));
        own.proxy = world
            .networks
            .iter()
            .map(|network| proxy.appraise(&network.genotype).quality)
            .collect();
        own
    }

    /// The folder that all of it is in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A search that knows this, with more of the table `[search]` and of others.
    pub(crate) fn experiment(&self, more: &str, seed: u64) -> Experiment {
        let text = format!(
            "name = \"truth\"\nseed = {seed}\n[platform]\nprofile = \"platform.toml\"\n[space]\npreset = \"nas-bench-macro\"\n\
             [search]\npopulation = 64\n{more}"
        );
        let file = self.folder.path().join("truth.toml").display().to_string();
        let mut experiments = ExperimentFile::parse(&text, &file, &[]).unwrap();
        Experiment::new(
            experiments.runs.remove(0).config,
            &file,
            &Profiles::default(),
        )
        .unwrap()
    }

    /// What the tool's own search picks under a budget, kept with a confidence of 95 %; nothing where nothing keeps it.
    pub(crate) fn search(&self, world: &World, budget_ms: f64, seed: u64) -> Option<usize> {
        let more = format!(
            "[constraints]\nlatency_ms = {budget_ms}\nconfidence = 0.95\n[quality.surrogate]\ntable = \"trained.csv\"\n"
        );
        let experiment = self.experiment(&more, seed);
        let problem = BackboneProblem::new(&experiment);
        let mut search = Search::on_islands(experiment.islands, seed, |island, seed| {
            Optimiser::start(&experiment, island, seed)
        });
        let limits = Limits::new(EVALUATIONS);
        while search.step(&problem, &limits, &|| 0.0).is_continue() {}
        let members = search.front().iter();
        let best = members.min_by(|a, b| a.costs()[1].total_cmp(&b.costs()[1]))?;
        Some(world.index(&best.genotype))
    }
}
