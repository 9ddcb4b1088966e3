//! What a site adds to every network it stands in.

use roofnas_space::{Content, FixedHead, Resolution, SearchSpace, Shape, Site};

use crate::calibration::Workload;
use crate::class::OpClass;
use crate::counts::NetworkCost;
use crate::fusion::Kernel;
use crate::latency::LatencyModel;
use crate::memory::{peak_after, peak_with_input_kept};
use crate::quality::{LevelEnd, SectionTerms, channel_drop};

/// What a site adds to the counts, terms and time of a network.
///
/// Every block begins with a layer that joins nothing before it, so no kernel reaches over a border between blocks, and a network's
/// kernels are those of its blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteCost {
    pub(super) terms: SiteTerms,
    pub(super) counts: SiteCounts,
    /// The kernels that take time, as the latency model sees them.
    pub(super) works: Vec<Workload>,
    /// By roofline alone; for a calibrated platform 0.
    pub(super) estimate_s: f64,
    pub(super) output: Resolution,
    pub(super) end: SiteEnd,
}

/// What counts of a site's output for the multi-stage entropies and for channels that must not fall.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct SiteEnd {
    pub(super) level: LevelEnd,
    /// By how much channels fall from its input to its output, relative to its input.
    pub(super) channel_drop: f64,
}

impl SiteEnd {
    fn new(site: &Site, output: Shape) -> Self {
        Self {
            level: LevelEnd::new(output),
            channel_drop: match site.content {
                Content::Block {
                    inputs, outputs, ..
                } => channel_drop(inputs, outputs),
                Content::Stem { .. } | Content::Head { .. } => 0.0,
            },
        }
    }
}

/// What nearly every search looks at, in one line of cache.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(align(64))]
pub(super) struct SiteTerms {
    /// Mean seconds, where kernels simply add up.
    pub(super) mean_s: f64,
    /// The most it adds to the deviation, noise apart, in seconds.
    pub(super) deviation_s: f64,
    pub(super) s: f64,
    pub(super) nsc: f64,
    /// Elements booked at the site's output resolution, for st_la.
    pub(super) booked: f64,
    pub(super) params: f64,
    pub(super) weight_elements: f64,
    /// Number of the resolution after it.
    pub(super) resolution: u32,
    pub(super) stride: u32,
}

/// The other counts of a site, per image.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct SiteCounts {
    pub(super) sums: Sums,
    /// Largest sum of tensors live at one time, its input among them until it is read for the last time, or throughout.
    pub(super) peak_elements: [f64; 2],
    /// Elements of its output.
    pub(super) output_elements: f64,
}

/// Counts that add up along a network. Whole numbers below 2^53, so that the order of adding is of no consequence.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) macs: f64,
    pub(super) flops: f64,
    /// Elements read and written, weights apart.
    pub(super) moved_elements: f64,
    pub(super) kernels: f64,
    pub(super) activations: f64,
    pub(super) convolutions: f64,
}

impl Sums {
    /// Of a part, what quality terms count apart.
    fn of(cost: &NetworkCost) -> Self {
        let kernels = cost.kernels.iter();
        let moved = kernels.map(|k| k.read_elements + k.written_elements);
        Self {
            macs: cost.macs as f64,
            flops: cost.flops as f64,
            moved_elements: moved.sum::<u64>() as f64,
            kernels: cost.kernels.len() as f64,
            activations: 0.0,
            convolutions: 0.0,
        }
    }

    #[inline]
    pub(super) fn add(&mut self, other: &Self) {
        self.macs += other.macs;
        self.flops += other.flops;
        self.moved_elements += other.moved_elements;
        self.kernels += other.kernels;
        self.activations += other.activations;
        self.convolutions += other.convolutions;
    }
}

impl SiteCost {
    /// What a site of a space adds, on the model's platform.
    pub fn new(space: &SearchSpace, site: &Site, model: &LatencyModel) -> Self {
        let stride = match site.content {
            Content::Block { stride, .. } => stride,
            Content::Stem { .. } | Content::Head { .. } => 1,
        };
        let Some(network) = space.site_network(site) else {
            return Self::nothing(site);
        };
        let cost = NetworkCost::new(&network, &model.platform().fusion);
        let kernels = kernels_of(&cost);
        let released = cost.footprint.map_or(0, |f| f.peak_live_elements);
        let mut terms = SectionTerms::default();
        for section in network.sections() {
            terms = SectionTerms::new(&network, section);
        }
        let output = network.shape(network.outputs()[0].tensor);
        let (works, estimate_s) = times(&cost, model);
        Self {
            terms: SiteTerms {
                s: terms.s,
                nsc: terms.nsc,
                booked: terms.booked,
                params: cost.params as f64,
                weight_elements: cost.weight_elements as f64,
                stride: stride as u32,
                ..SiteTerms::default()
            },
            counts: SiteCounts {
                sums: Sums {
                    activations: terms.activations,
                    convolutions: terms.convolutions,
                    ..Sums::of(&cost)
                },
                peak_elements: [released, peak_with_input_kept(&network, &kernels)]
                    .map(|peak| peak as f64),
                output_elements: output.elements() as f64,
            },
            works,
            estimate_s,
            output: output.resolution(),
            end: SiteEnd::new(site, output),
        }
    }

    /// What a fixed head adds to every network. It counts for no quality term.
    pub(super) fn of_head(head: &FixedHead, model: &LatencyModel) -> Self {
        let network = head.network();
        let cost = NetworkCost::new(network, &model.platform().fusion);
        let inputs = head.inputs().len();
        let (works, estimate_s) = times(&cost, model);
        let output = network.shape(network.outputs()[0].tensor);
        let mut sums = Sums::of(&cost);
        // its inputs are there already
        sums.kernels -= inputs as f64;
        Self {
            terms: SiteTerms {
                params: cost.params as f64,
                weight_elements: cost.weight_elements as f64,
                stride: 1,
                ..SiteTerms::default()
            },
            counts: SiteCounts {
                sums,
                peak_elements: [peak_after(network, &kernels_of(&cost), inputs) as f64; 2],
                output_elements: output.elements() as f64,
            },
            works,
            estimate_s,
            output: output.resolution(),
            end: SiteEnd::default(),
        }
    }

    /// An identity without layers: what goes in comes out.
    fn nothing(site: &Site) -> Self {
        let channels = match site.content {
            Content::Block { outputs, .. } => outputs,
            Content::Stem { channels } => channels,
            Content::Head { inputs, .. } => inputs,
        };
        let output = site.input.with_channels(channels);
        Self {
            terms: SiteTerms {
                stride: 1,
                ..SiteTerms::default()
            },
            counts: SiteCounts {
                output_elements: output.elements() as f64,
                ..SiteCounts::default()
            },
            works: Vec::new(),
            estimate_s: 0.0,
            output: output.resolution(),
            end: SiteEnd::new(site, output),
        }
    }
}

fn kernels_of(cost: &NetworkCost) -> Vec<Kernel> {
    cost.kernels.iter().map(|k| k.kernel.clone()).collect()
}

/// The kernels that take time, for a calibrated platform; else what they take by roofline alone, in seconds.
fn times(cost: &NetworkCost, model: &LatencyModel) -> (Vec<Workload>, f64) {
    if model.calibration().is_none() {
        return (Vec::new(), model.estimate_s(cost));
    }
    let timed = cost.kernels.iter().filter(|k| k.class != OpClass::View);
    let works = timed.map(|k| Workload::new(k, model.batch(), model.dtype()));
    (works.collect(), 0.0)
}
