//! Networks of one space, priced by looking up their blocks.
//!
//! Everything a network costs comes from its [sites](roofnas_space::Sites): counts, terms and seconds by sums, peak memory by a maximum,
//! st_la by the logarithm of a sum for each resolution, the deviation by a quadratic form in a sum. A [`BlockTable`] works out once what each
//! site adds; pricing a network then takes some hundred nanoseconds, and gives what decoding it and pricing layer by layer gives, but for
//! the rounding of sums in another order.

mod repeats;
mod site_cost;
mod timing;

use arrayvec::ArrayVec;
use roofnas_space::{Genotype, Resolution, SearchSpace, Site, Sites, Slot};
use thiserror::Error;

pub use site_cost::SiteCost;

use self::site_cost::{SiteCounts, Sums};
use self::timing::{Group, Timing};
use crate::dtype::Dtype;
use crate::latency::LatencyModel;
use crate::price::Latency;
use crate::quality::{QualityTerms, depth_over_width};

/// Sites that a table can have: some 300 MB.
const MOST_SITES: u64 = 400_000;
/// Sites that a network can have: more than 64 stages of 64 blocks.
const MOST_BLOCKS: usize = 4_100;

/// A space with too many sites to price them all ahead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the space has {sites} different blocks in all places, and at most {MOST_SITES} can be priced ahead; fewer resolutions, \
     numbers of channels or block options would bring it below"
)]
pub struct BlockTableError {
    /// How many there are.
    pub sites: u64,
}

/// Every block of a space priced once, for a platform, batch and number format.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockTable {
    sites: Sites,
    counts: Vec<SiteCounts>,
    /// Number of the resolution after each site, and its stride.
    outputs: Vec<(u32, u32)>,
    timing: Timing,
    features: Features,
    batch: u64,
    dtype: Dtype,
}

/// What is asked of a network's price beyond what costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The deviation of the latency; where it isn't wanted, it is not a number.
    pub deviation: bool,
    /// The terms st_la and rho; where they aren't wanted, they are not numbers.
    pub st_la: bool,
    /// See above.
    pub rho: bool,
}

impl Wanted {
    /// Everything.
    pub const EVERYTHING: Self = Self {
        deviation: true,
        st_la: true,
        rho: true,
    };
}

/// What a network costs and is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockPrice {
    /// Latency of one inference of the batch.
    pub latency: Latency,
    /// The quality terms, params and MACs (per image) among them.
    pub terms: QualityTerms,
    /// FLOPs per image.
    pub flops: f64,
    /// Memory traffic of one inference of the batch, in bytes.
    pub traffic_bytes: f64,
    /// Peak of live activations for the batch, in bytes.
    pub peak_memory_bytes: f64,
    /// Deployed weights, in bytes.
    pub weight_bytes: f64,
    /// Kernels the engine runs.
    pub kernels: f64,
}

/// Feature maps that are outputs of the network, and stay in memory to its end.
#[derive(Debug, Clone, PartialEq)]
struct Features {
    strides: Vec<usize>,
    stem_stride: usize,
}

impl BlockTable {
    /// Prices every site of a space.
    ///
    /// # Errors
    /// When there are too many.
    pub fn new(space: &SearchSpace, model: &LatencyModel) -> Result<Self, BlockTableError> {
        Self::with(space, model, |sites, cost| sites.iter().map(cost).collect())
    }

    /// The same, with the caller going through the sites: each is independent of the others, and `map` must give the costs in the order
    /// of the sites.
    ///
    /// # Errors
    /// When there are too many.
    pub fn with(
        space: &SearchSpace,
        model: &LatencyModel,
        map: impl FnOnce(&[Site], &(dyn Fn(&Site) -> SiteCost + Sync)) -> Vec<SiteCost>,
    ) -> Result<Self, BlockTableError> {
        let sites = space.sites();
        if sites.len() > MOST_SITES {
            let sites = sites.len();
            return Err(BlockTableError { sites });
        }
        let (numbers, present): (Vec<usize>, Vec<Site>) = sites.all(space).unzip();
        let priced = map(&present, &|site| SiteCost::new(space, site, model));
        let mut costs: Vec<Option<SiteCost>> = vec![None; sites.len() as usize];
        let mut groups = vec![
            Group {
                number: 0,
                repeats: false
            };
            costs.len()
        ];
        for ((number, site), cost) in numbers.into_iter().zip(&present).zip(priced) {
            groups[number] = group(space, site);
            costs[number] = Some(cost);
        }
        let mut resolutions: Vec<Resolution> = Vec::new();
        let outputs = costs.iter().map(|cost| {
            let Some(cost) = cost else {
                return (0, 1);
            };
            let known = resolutions.iter().position(|known| *known == cost.output);
            let number = known.unwrap_or_else(|| {
                resolutions.push(cost.output);
                resolutions.len() - 1
            });
            (number as u32, cost.stride as u32)
        });
        let outputs = outputs.collect();
        let definition = space.definition();
        let pooled = if definition.stem.pool.is_some() { 2 } else { 1 };
        Ok(Self {
            counts: costs
                .iter()
                .map(|cost| cost.as_ref().map_or_else(SiteCounts::default, |c| c.counts))
                .collect(),
            outputs,
            timing: Timing::new(model, &costs, &groups),
            features: Features {
                strides: definition.features.clone(),
                stem_stride: definition.stem.stride * pooled,
            },
            batch: model.batch(),
            dtype: model.dtype(),
            sites,
        })
    }

    /// The sites it knows.
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// The price of a network of the space.
    pub fn price(&self, genotype: &Genotype, wanted: Wanted) -> BlockPrice {
        let mut sites: ArrayVec<u32, MOST_BLOCKS> = ArrayVec::new();
        let mut walk = Walk::new(&self.features, wanted);
        self.sites.walk(genotype, |slot, site| {
            sites.push(site as u32);
            walk.pass(slot, &self.counts[site], self.outputs[site]);
        });
        let latency = if wanted.deviation {
            self.timing.latency(&sites)
        } else {
            Latency {
                mean_ms: self.timing.mean_ms(&sites),
                std_ms: f64::NAN,
                degrees_of_freedom: f64::NAN,
            }
        };
        let (bytes, batch) = (self.dtype.bytes() as f64, self.batch as f64);
        let peak_elements = walk.peak_elements();
        let sums = walk.sums;
        BlockPrice {
            latency,
            terms: walk.terms(),
            flops: sums.flops,
            traffic_bytes: bytes * (batch * sums.moved_elements + sums.weight_elements),
            peak_memory_bytes: bytes * batch * peak_elements,
            weight_bytes: bytes * sums.weight_elements,
            kernels: sums.kernels,
        }
    }
}

/// Sites of a stage's later blocks repeat where there can be several of them.
fn group(space: &SearchSpace, site: &Site) -> Group {
    use roofnas_space::Content;
    match site.content {
        Content::Stem { .. } => Group {
            number: 0,
            repeats: false,
        },
        Content::Block {
            stage, is_first, ..
        } => Group {
            number: 1 + 2 * stage as u32 + u32::from(!is_first),
            repeats: !is_first && space.deepest(stage) > 2,
        },
        Content::Head { .. } => Group {
            number: u32::MAX,
            repeats: false,
        },
    }
}

/// What is gathered along a network.
struct Walk<'a> {
    sums: Sums,
    wanted: Wanted,
    features: &'a Features,
    stage: Option<usize>,
    rho: f64,
    resolution: Option<u32>,
    booked: f64,
    st_la: f64,
    /// Total stride so far, elements of the last output, and of features kept before it.
    stride: usize,
    output_elements: f64,
    kept_elements: f64,
    peak_elements: f64,
}

impl<'a> Walk<'a> {
    fn new(features: &'a Features, wanted: Wanted) -> Self {
        Self {
            sums: Sums::default(),
            wanted,
            features,
            stage: None,
            rho: 0.0,
            resolution: None,
            booked: 0.0,
            st_la: 0.0,
            stride: 1,
            output_elements: 0.0,
            kept_elements: 0.0,
            peak_elements: 0.0,
        }
    }

    #[inline]
    fn pass(&mut self, slot: Slot, site: &SiteCounts, (resolution, stride): (u32, u32)) {
        if self.wanted.rho {
            self.enter_stage(slot);
        }
        self.sums.add(&site.sums);
        if self.wanted.st_la && site.booked > 0.0 {
            if self.resolution.is_some_and(|before| before != resolution) {
                self.st_la += self.booked.ln();
                self.booked = 0.0;
            }
            self.resolution = Some(resolution);
            self.booked += site.booked;
        }
        // a feature map is the last one at its stride: kept once something of another stride, or the head, reads it
        let ends = match slot {
            Slot::Stem => false,
            Slot::First(_) | Slot::Later(_) => stride > 1,
            Slot::Head => true,
        };
        let keeps = ends && self.features.strides.contains(&self.stride);
        let own = site.peak_elements[usize::from(keeps)];
        self.peak_elements = self.peak_elements.max(self.kept_elements + own);
        if keeps {
            self.kept_elements += self.output_elements;
        }
        self.output_elements = site.output_elements;
        self.stride *= match slot {
            Slot::Stem => self.features.stem_stride,
            _ => stride as usize,
        };
    }

    fn enter_stage(&mut self, slot: Slot) {
        if let Slot::First(stage) = slot {
            if self.stage.is_some() {
                self.end_stage();
            }
            self.stage = Some(stage);
        }
    }

    fn end_stage(&mut self) {
        let rho = depth_over_width(self.sums.convolutions, self.sums.s);
        self.rho = self.rho.max(rho);
    }

    fn peak_elements(&self) -> f64 {
        self.peak_elements
    }

    fn terms(mut self) -> QualityTerms {
        if self.wanted.rho {
            self.end_stage();
        }
        let or_none = |wanted: bool, value: f64| if wanted { value } else { f64::NAN };
        let last = if self.booked > 0.0 {
            self.booked.ln()
        } else {
            0.0
        };
        QualityTerms {
            params: self.sums.params,
            macs: self.sums.macs,
            activations: self.sums.activations,
            s: self.sums.s,
            nsc: self.sums.nsc,
            st_la: or_none(self.wanted.st_la, self.st_la + last),
            rho: or_none(self.wanted.rho, self.rho),
        }
    }
}
