//! What characterises a platform, and the networks that were found for it.

use roofnas_cost::{Bound, LatencyModel, NetworkCost, OpClass};
use roofnas_space::{Network, Part, SearchSpace};

use super::contenders::Contender;
use crate::outcome::FrontRow;
use crate::tables::optional;

/// Which network of a platform is described.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// The fastest that reaches a quality which every platform's networks reach.
    Common(f64),
    /// The one of the highest quality.
    Best,
}

/// A platform, and one network that was found for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Character {
    /// Which contender.
    pub contender: usize,
    /// Which of its networks.
    pub level: Level,
    /// The network.
    pub row: FrontRow,
    /// Shares of its time in layers held up by arithmetic, memory and overhead; what is left is the call of the engine.
    pub time_by_bound: [(Bound, f64); 3],
    /// Share of its time in operators that the platform was calibrated on.
    pub calibrated_share: f64,
    /// How it is built.
    pub build: Build,
}

/// How a network is built.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Build {
    /// Blocks.
    pub blocks: usize,
    /// Output channels of a block, on average.
    pub mean_channels: f64,
    /// Edge of the windows of convolutions in blocks that look beyond one pixel, on average; 1x1 convolutions don't count.
    pub mean_kernel: f64,
    /// Share of these convolutions that are depthwise.
    pub depthwise: f64,
    /// Share that are dense: those of fused blocks, and of plain ones.
    pub dense: f64,
    /// Share with some other number of groups.
    pub grouped: f64,
}

impl Character {
    pub(super) fn new(
        place: usize,
        contender: &Contender,
        space: &SearchSpace,
        level: Level,
    ) -> Option<Self> {
        let row = match level {
            Level::Common(quality) => contender
                .front
                .iter()
                .find(|row| row.metrics.quality >= quality),
            Level::Best => contender.front.last(),
        };
        let row = row?.clone();
        let network = space.deployed(&row.genotype);
        let cost = NetworkCost::new(&network, &contender.model.platform().fusion);
        let breakdown = contender.model.breakdown(&cost);
        let bounds = [Bound::Compute, Bound::Memory, Bound::Overhead];
        Some(Self {
            contender: place,
            level,
            time_by_bound: bounds.map(|bound| (bound, breakdown.share_of(bound))),
            calibrated_share: contender.model.shares(&cost).calibrated,
            build: Build::new(&network, &cost),
            row,
        })
    }

    /// MACs of a layer, on average.
    pub fn macs_per_layer(&self) -> f64 {
        self.row.metrics.macs as f64 / self.row.metrics.layers.max(1) as f64
    }
}

impl Build {
    fn new(network: &Network, cost: &NetworkCost) -> Self {
        let sections = network.sections();
        let blocks: Vec<_> = sections
            .iter()
            .filter(|section| matches!(section.part, Part::Block { .. }))
            .collect();
        let layers = network.layers();
        let channels = blocks.iter().filter(|block| !block.layers.is_empty());
        let channels = channels.map(|block| layers[block.layers.end - 1].output.channels as f64);
        let is_in_block = |layer: usize| blocks.iter().any(|block| block.layers.contains(&layer));
        let spatial: Vec<(OpClass, f64)> = cost
            .kernels
            .iter()
            .filter(|kernel| kernel.geometry.kernel_area > 1 && is_in_block(kernel.kernel.anchor()))
            .filter(|kernel| is_convolution(kernel.class))
            .map(|kernel| (kernel.class, (kernel.geometry.kernel_area as f64).sqrt()))
            .collect();
        let share = |classes: &[OpClass]| {
            let counted = spatial
                .iter()
                .filter(|(class, _)| classes.contains(class))
                .count();
            counted as f64 / spatial.len().max(1) as f64
        };
        Self {
            blocks: blocks.len(),
            mean_channels: channels.sum::<f64>() / blocks.len().max(1) as f64,
            mean_kernel: spatial.iter().map(|(_, edge)| edge).sum::<f64>()
                / spatial.len().max(1) as f64,
            depthwise: share(&[OpClass::Depthwise]),
            dense: share(&[OpClass::Dense, OpClass::Winograd]),
            grouped: share(&[OpClass::Grouped]),
        }
    }
}

const fn is_convolution(class: OpClass) -> bool {
    matches!(
        class,
        OpClass::Depthwise | OpClass::Dense | OpClass::Winograd | OpClass::Grouped
    )
}

/// Columns of a table of characters.
pub const CHARACTER_COLUMNS: [&str; 34] = [
    "platform",
    "level",
    "batch",
    "threads",
    "dtype",
    "peak_tflops",
    "bandwidth_gb_s",
    "ridge_flop_per_byte",
    "call_us",
    "layer_overhead_us",
    "layer_overhead_mmacs",
    "id",
    "quality",
    "latency_ms",
    "latency_ms_std",
    "macs",
    "params",
    "layers",
    "macs_per_layer",
    "intensity_flop_per_byte",
    "compute_share",
    "memory_share",
    "overhead_share",
    "calibrated_share",
    "resolution",
    "blocks",
    "mean_channels",
    "mean_kernel",
    "depthwise_share",
    "dense_share",
    "grouped_share",
    "quality_kind",
    "latency_kind",
    "genotype",
];

impl Character {
    /// Its row in a table.
    pub fn cells(&self, contender: &Contender, quality_kind: &str) -> [String; 34] {
        let model = &contender.model;
        let (roofs, overhead) = (model.roofs(), &model.platform().overhead);
        let (metrics, build) = (&self.row.metrics, &self.build);
        let [compute, memory, bound_by_overhead] = self.time_by_bound.map(|(_, share)| share);
        [
            contender.name.clone(),
            self.level.name().to_owned(),
            model.batch().to_string(),
            optional(model.platform().threads),
            model.dtype().to_string(),
            roofs.peak_tflops.to_string(),
            roofs.bandwidth_gb_s.to_string(),
            roofs.roof().ridge().to_string(),
            overhead.inference_us.to_string(),
            overhead.kernel_us.to_string(),
            layer_overhead_mmacs(model).to_string(),
            self.row.id.clone(),
            metrics.quality.to_string(),
            metrics.latency.mean_ms.to_string(),
            metrics.latency.std_ms.to_string(),
            metrics.macs.to_string(),
            metrics.params.to_string(),
            metrics.layers.to_string(),
            self.macs_per_layer().to_string(),
            metrics.intensity.to_string(),
            compute.to_string(),
            memory.to_string(),
            bound_by_overhead.to_string(),
            self.calibrated_share.to_string(),
            self.row.resolution.to_string(),
            build.blocks.to_string(),
            build.mean_channels.to_string(),
            build.mean_kernel.to_string(),
            build.depthwise.to_string(),
            build.dense.to_string(),
            build.grouped.to_string(),
            quality_kind.to_owned(),
            model.label(),
            self.row.text.clone(),
        ]
    }
}

/// Million MACs per image that a platform could do at its peak in the overhead of one layer: what a layer costs beside its MACs.
pub(crate) fn layer_overhead_mmacs(model: &LatencyModel) -> f64 {
    let overhead_s = 1e-6 * model.platform().overhead.kernel_us;
    1e-6 * overhead_s * model.roofs().roof().peak_flops / 2.0 / model.batch() as f64
}

impl Level {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Common(_) => "common",
            Self::Best => "best",
        }
    }
}
