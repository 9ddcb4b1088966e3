//! One network of a front as files: ONNX, PyTorch source, and the TOML a person reads.

use roofnas_space::onnx::{self, Batch, ExportError, InitialWeights};
use roofnas_space::{Genotype, SearchSpace, pytorch};

use crate::experiment::Experiment;
use crate::outcome::FrontRow;

/// The network as ONNX with He-initialised weights from the experiment's seed, for any batch size.
///
/// # Errors
/// When its weights don't fit into one file.
pub fn onnx(experiment: &Experiment, row: &FrontRow) -> Result<Vec<u8>, ExportError> {
    bytes(experiment, &row.genotype)
}

/// The same of a network that need not be of a front.
///
/// # Errors
/// When its weights don't fit into one file.
pub fn bytes(experiment: &Experiment, genotype: &Genotype) -> Result<Vec<u8>, ExportError> {
    let network = experiment.space.decode(genotype);
    let weights = InitialWeights::seeded(experiment.resolved.seed);
    onnx::export(&network, weights, Batch::Dynamic)
}

/// The network as PyTorch source, with its figures as comments.
pub fn pytorch(experiment: &Experiment, row: &FrontRow) -> String {
    let source = pytorch::export(&experiment.space, &row.genotype);
    format!("{}{source}", figures(experiment, row))
}

/// The network as a search space that holds it alone, with its figures as comments.
///
/// # Panics
/// Never: plain tables and numbers can always be written.
pub fn toml(experiment: &Experiment, row: &FrontRow) -> String {
    let space = definition(&experiment.space, &row.genotype);
    format!(
        "# A search space that holds one network alone: {}\n\
         # An experiment takes it as it stands: [space] preset = \"path/to/this/file.toml\"\n{}\n{space}",
        row.text,
        figures(experiment, row)
    )
}

/// A search space that holds one network alone, as TOML.
///
/// # Panics
/// Never: plain tables and numbers can always be written.
pub(crate) fn definition(space: &SearchSpace, genotype: &Genotype) -> String {
    toml::to_string(&space.fix(genotype)).expect("a definition is plain data")
}

/// What a network costs and is worth, and under which conditions, as lines that TOML and Python both take for comments.
fn figures(experiment: &Experiment, row: &FrontRow) -> String {
    let metrics = &row.metrics;
    let model = experiment.appraiser.at(metrics.batch);
    let head = experiment.head.as_ref().map_or_else(String::new, |file| {
        let alone = experiment.backbone_alone(&row.genotype, metrics.batch);
        let alone_ms = alone.map_or(f64::NAN, |alone| alone.latency.mean_ms);
        format!(
            "# with the fixed head {}, which this file does not hold: the backbone alone takes {alone_ms:.4} ms\n",
            file.head.name()
        )
    });
    format!(
        "# Backbone {id} of experiment {name}, seed {seed}\n\
         # quality {quality:.4} ({score}, {sort})\n\
         # latency {mean:.4} ms, std {std:.4} ms ({origin}: {platform} is {word}), batch {batch}, {dtype}{threads}\n\
         # {macs} MACs, {flops} FLOPs and {params} params per image\n{head}",
        id = row.id,
        name = experiment.name(),
        seed = experiment.resolved.seed,
        quality = metrics.quality,
        score = experiment.appraiser.quality.name(),
        sort = experiment.appraiser.quality.sort(),
        mean = metrics.latency.mean_ms,
        std = metrics.latency.std_ms,
        origin = model.origin(),
        platform = model.platform().name,
        word = model.word(),
        batch = model.batch(),
        dtype = model.dtype(),
        threads = model
            .platform()
            .threads
            .map_or_else(String::new, |threads| format!(", {threads} threads")),
        macs = metrics.macs,
        flops = metrics.flops,
        params = metrics.params,
    )
}
