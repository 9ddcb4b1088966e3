//! Networks of one space, priced by looking up their blocks.
//!
//! Everything a network costs comes from its [sites](roofnas_space::Sites): counts, terms and seconds by sums, peak memory by a maximum,
//! st_la by the logarithm of a sum for each resolution, the deviation by a quadratic form in a sum. A [`BlockTable`] works out once what each
//! site adds; pricing a network then takes some hundred nanoseconds, and gives what decoding it and pricing layer by layer gives, but for
//! the rounding of sums in another order.

mod repeats;
mod site_cost;
mod tangent;
mod timing;
mod walk;

use arrayvec::ArrayVec;
use roofnas_space::{Content, Genotype, Resolution, SearchSpace, Site, Sites};
use thiserror::Error;

pub use site_cost::SiteCost;
pub use tangent::SiteSum;

use self::site_cost::{SiteCounts, SiteEnd, SiteTerms};
use self::timing::{Group, Timing};
use self::walk::{CountWalk, Features, LevelWalk, TermWalk};
use crate::dtype::Dtype;
use crate::latency::LatencyModel;
use crate::price::Latency;
use crate::quality::QualityTerms;

/// Sites that a table can have: some 300 MB.
const MOST_SITES: u64 = 400_000;
/// Sites that a network can have: more than 64 stages of 64 blocks.
const MOST_BLOCKS: usize = 4_100;

/// A space whose blocks can't be priced ahead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlockTableError {
    /// Too many sites.
    #[error(
        "the space has {sites} different blocks in all places, and at most {MOST_SITES} can be priced ahead; fewer resolutions, \
         numbers of channels or block options would bring it below"
    )]
    Sites {
        /// How many there are.
        sites: u64,
    },
    /// A fixed head that isn't the same for all networks.
    #[error(
        "the fixed head's price depends on the channels of the feature maps it reads, which the space leaves open at {}; with one number of channels \
         there, blocks and head can be priced ahead",
        strides.iter().map(|stride| format!("stride {stride}")).collect::<Vec<_>>().join(", ")
    )]
    FixedHead {
        /// The strides of these feature maps.
        strides: Vec<usize>,
    },
}

/// Every block of a space priced once, for a platform, batch and number format.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockTable {
    sites: Sites,
    terms: Vec<SiteTerms>,
    counts: Vec<SiteCounts>,
    ends: Vec<SiteEnd>,
    timing: Timing,
    /// The place of the fixed head, behind all sites.
    head: Option<usize>,
    features: Features,
    batch: u64,
    dtype: Dtype,
}

/// What is asked of a network's price beyond its mean latency, S, NSC, params and weights. What isn't wanted isn't worked out, and is not a
/// number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// The deviation of the latency.
    pub deviation: Deviation,
    /// st_la.
    pub st_la: bool,
    /// MAE-DET, DeepMAD, and by how much channels fall.
    pub levels: bool,
    /// MACs, FLOPs, traffic, peak memory, activations, kernels and rho.
    pub counts: bool,
}

/// How a deviation is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Deviation {
    /// Not at all.
    Unwanted,
    /// As it is.
    Exact,
    /// As it is where it matters for a limit. Where the mean and so many times the most that the deviation can be keep the limit, that most
    /// stands in its place: it takes next to nothing to work out.
    ForLimit {
        /// The limit, in milliseconds.
        limit_ms: f64,
        /// Deviations above the mean that have to keep it.
        quantile: f64,
    },
}

impl Wanted {
    /// Everything.
    pub const EVERYTHING: Self = Self {
        deviation: Deviation::Exact,
        st_la: true,
        levels: true,
        counts: true,
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
    /// MACs per image, those of a fixed head among them; the quality terms have the backbone's.
    pub macs: f64,
    /// Trainable parameters, in the same way.
    pub params: f64,
}

impl BlockTable {
    /// Prices every site of a space.
    ///
    /// # Errors
    /// When there are too many, or a fixed head isn't the same for all networks.
    pub fn new(space: &SearchSpace, model: &LatencyModel) -> Result<Self, BlockTableError> {
        Self::with(space, model, |sites, cost| sites.iter().map(cost).collect())
    }

    /// The same, with the caller going through the sites: each is independent of the others, and `map` must give the costs in the order
    /// of the sites.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with(
        space: &SearchSpace,
        model: &LatencyModel,
        map: impl FnOnce(&[Site], &(dyn Fn(&Site) -> SiteCost + Sync)) -> Vec<SiteCost>,
    ) -> Result<Self, BlockTableError> {
        let sites = space.sites();
        if sites.len() > MOST_SITES {
            let sites = sites.len();
            return Err(BlockTableError::Sites { sites });
        }
        let head = space.settled_head().transpose();
        let head = head.map_err(|strides| BlockTableError::FixedHead {
            strides: strides.to_vec(),
        })?;
        let (numbers, present): (Vec<usize>, Vec<Site>) = sites.all(space).unzip();
        let priced = map(&present, &|site| SiteCost::new(space, site, model));
        let mut costs: Vec<Option<SiteCost>> = vec![None; sites.len() as usize];
        let mut groups = vec![Group { number: 0, most: 1 }; costs.len()];
        for ((number, site), cost) in numbers.into_iter().zip(&present).zip(priced) {
            groups[number] = group(space, site);
            costs[number] = Some(cost);
        }
        let head = head.map(|head| {
            costs.push(Some(SiteCost::of_head(head, model)));
            groups.push(Group {
                number: u32::MAX - 1,
                most: 1,
            });
            costs.len() - 1
        });
        let timing = Timing::new(model, &costs, &groups);
        let mut terms = Vec::with_capacity(costs.len());
        let mut counts = Vec::with_capacity(costs.len());
        let mut ends = Vec::with_capacity(costs.len());
        let mut resolutions: Vec<Resolution> = Vec::new();
        for (number, cost) in costs.iter().enumerate() {
            let Some(cost) = cost else {
                terms.push(SiteTerms::default());
                counts.push(SiteCounts::default());
                ends.push(SiteEnd::default());
                continue;
            };
            let known = resolutions.iter().position(|known| *known == cost.output);
            let resolution = known.unwrap_or_else(|| {
                resolutions.push(cost.output);
                resolutions.len() - 1
            });
            terms.push(SiteTerms {
                mean_s: timing.added_s(number),
                deviation_s: timing.most_added_s(number),
                resolution: resolution as u32,
                ..cost.terms
            });
            counts.push(cost.counts);
            ends.push(cost.end);
        }
        Ok(Self {
            sites,
            terms,
            counts,
            ends,
            timing,
            head,
            features: Features::new(space),
            batch: model.batch(),
            dtype: model.dtype(),
        })
    }

    /// The sites it knows.
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// The price of a network of the space.
    pub fn price(&self, genotype: &Genotype, wanted: Wanted) -> BlockPrice {
        let mut sites: ArrayVec<u32, MOST_BLOCKS> = ArrayVec::new();
        let mut terms = TermWalk::new(wanted.st_la);
        let mut counts = CountWalk::new(&self.features);
        let mut levels = LevelWalk::new(&self.ends);
        self.sites.walk(genotype, |slot, site| {
            sites.push(site as u32);
            let own = &self.terms[site];
            if wanted.counts {
                counts.pass(slot, &self.counts[site], own.stride as usize, terms.s);
            }
            if wanted.levels {
                levels.pass(slot, site, own.resolution, terms.s);
            }
            terms.pass(own);
        });
        let head = self.head.map(|head| {
            sites.push(head as u32);
            terms.pass_head(&self.terms[head]);
            counts.pass_head(&self.counts[head]);
            &self.counts[head].sums
        });
        let beside = |of: fn(&site_cost::Sums) -> f64| head.map_or(0.0, of);
        let head_params = self.head.map_or(0.0, |head| self.terms[head].params);
        let bytes = self.dtype.bytes() as f64;
        let weight_bytes = bytes * terms.weight_elements;
        let latency = match wanted.deviation {
            Deviation::Exact => self.timing.latency(&sites),
            Deviation::Unwanted => Latency {
                mean_ms: self.timing.mean_ms(terms.mean_s, weight_bytes, &sites),
                std_ms: f64::NAN,
                degrees_of_freedom: f64::NAN,
            },
            Deviation::ForLimit { limit_ms, quantile } => {
                let timing = &self.timing;
                let most = timing.most(terms.mean_s, terms.deviation_s, weight_bytes);
                let keeps = |most: &Latency| most.mean_ms + quantile * most.std_ms <= limit_ms;
                most.filter(keeps)
                    .unwrap_or_else(|| self.timing.latency(&sites))
            }
        };
        let batch = self.batch as f64;
        let or_none = |value: f64| if wanted.counts { value } else { f64::NAN };
        let (mae_det, deepmad, channel_drop) = if wanted.levels {
            let ended = levels.levels(terms.s);
            (ended.mae_det(), ended.deepmad(), levels.channel_drop)
        } else {
            (f64::NAN, f64::NAN, f64::NAN)
        };
        let sums = &counts.sums;
        let moved_elements = sums.moved_elements + beside(|head| head.moved_elements);
        let moved_bytes = batch * moved_elements + terms.weight_elements;
        BlockPrice {
            latency,
            terms: QualityTerms {
                params: terms.params,
                macs: or_none(sums.macs),
                activations: or_none(sums.activations),
                s: terms.s,
                nsc: terms.nsc,
                st_la: if wanted.st_la {
                    terms.st_la()
                } else {
                    f64::NAN
                },
                mae_det,
                deepmad,
                rho: or_none(counts.rho(terms.s)),
                channel_drop,
            },
            flops: or_none(sums.flops + beside(|head| head.flops)),
            traffic_bytes: or_none(bytes * moved_bytes),
            peak_memory_bytes: or_none(bytes * batch * counts.peak_elements),
            weight_bytes,
            kernels: or_none(sums.kernels + beside(|head| head.kernels)),
            macs: or_none(sums.macs + beside(|head| head.macs)),
            params: terms.params + head_params,
        }
    }
}

/// What one site adds, per image, where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiteAddends {
    /// Weight entropy.
    pub s: f64,
    /// Expected log-determinants.
    pub nsc: f64,
    /// Elements booked at the site's output resolution, for st_la.
    pub booked: f64,
    /// Trainable parameters.
    pub params: f64,
    /// Multiply-accumulate operations.
    pub macs: f64,
    /// Activations, as the quality terms count them.
    pub activations: f64,
    /// Memory traffic of one inference of the batch, in bytes.
    pub traffic_bytes: f64,
    /// By how much channels fall from its input to its output, relative to its input.
    pub channel_drop: f64,
    /// Deployed weights, in bytes.
    pub weight_bytes: f64,
    /// What is live at one time while the site runs, for the batch, in bytes; kept feature maps of before come on top.
    pub peak_memory_bytes: f64,
}

impl BlockTable {
    /// What a site adds to every network it stands in; nothing where no block fits.
    pub fn addends(&self, site: usize) -> SiteAddends {
        let (terms, counts) = (&self.terms[site], &self.counts[site]);
        let (bytes, batch) = (self.dtype.bytes() as f64, self.batch as f64);
        SiteAddends {
            s: terms.s,
            nsc: terms.nsc,
            booked: terms.booked,
            params: terms.params,
            macs: counts.sums.macs,
            activations: counts.sums.activations,
            channel_drop: self.ends[site].channel_drop,
            traffic_bytes: bytes * (batch * counts.sums.moved_elements + terms.weight_elements),
            weight_bytes: bytes * terms.weight_elements,
            peak_memory_bytes: bytes * batch * counts.peak_elements[0],
        }
    }

    /// What a fixed head adds to every network; nothing where there is none. It counts for no quality term.
    pub fn head_addends(&self) -> Option<SiteAddends> {
        self.head.map(|head| self.addends(head))
    }

    /// Whether a network's mean latency is a constant and a sum over its sites.
    pub fn has_additive_mean(&self) -> bool {
        self.timing.is_additive()
    }

    /// A sum that no network's mean latency falls below; equal to it for all networks where [means add up](Self::has_additive_mean), else close to it for those like
    /// this one: equal where it has no more weights than [`ColdWeights::line_below`](crate::calibration::ColdWeights::line_below) touches.
    pub fn mean_tangent(&self, at: &Genotype) -> SiteSum {
        self.settled(self.timing.mean_tangent(&self.numbers(at)))
    }

    /// A sum that no network's deviation falls below, made to be close to it for networks like these; equal to it for a single one on platforms without cold weights. Nothing where
    /// deviations are not made of parts that add up: on uncalibrated platforms, and those whose host and device overlap.
    pub fn deviation_tangent(&self, at: &[Genotype]) -> Option<SiteSum> {
        let at: Vec<Vec<u32>> = at.iter().map(|genotype| self.numbers(genotype)).collect();
        let tangent = self.timing.deviation_tangent(&at)?;
        Some(self.settled(tangent))
    }

    /// A sum with what the fixed head adds among its constant.
    fn settled(&self, mut sum: SiteSum) -> SiteSum {
        if let Some(head) = self.head {
            sum.constant += sum.by_site[head];
            sum.by_site.truncate(head);
        }
        sum
    }

    /// A sum that is at most `limit` for every network whose depth over width ([`QualityTerms::rho`]) is; for networks as deep as this one, where it is the last
    /// stage that counts, it is so for no others.
    ///
    /// With `D` convolutions, `D exp(-2 S / D) <= rho` is `D ln D - D ln rho <= 2 S`, and `D ln D` lies above its tangent at `D0`. So
    ///
    /// ```text
    /// rho / D0 ((ln D0 + 1 - ln rho) D - 2 S) <= rho
    /// ```
    pub fn depth_over_width_tangent(&self, at: &Genotype, limit: f64) -> SiteSum {
        let convolutions = |site: usize| self.counts[site].sums.convolutions;
        let sites = self.numbers(at).into_iter();
        let depth: f64 = sites.map(|site| convolutions(site as usize)).sum();
        let depth = depth.max(1.0);
        let slope = depth.ln() + 1.0 - limit.ln();
        let of =
            |site: usize| limit / depth * (slope * convolutions(site) - 2.0 * self.terms[site].s);
        SiteSum {
            constant: 0.0,
            by_site: (0..self.terms.len()).map(of).collect(),
        }
    }

    fn numbers(&self, genotype: &Genotype) -> Vec<u32> {
        let mut numbers = Vec::new();
        self.sites
            .walk(genotype, |_, site| numbers.push(site as u32));
        numbers.extend(self.head.map(|head| head as u32));
        numbers
    }
}

fn group(space: &SearchSpace, site: &Site) -> Group {
    match site.content {
        Content::Stem { .. } => Group { number: 0, most: 1 },
        Content::Block {
            stage, is_first, ..
        } => Group {
            number: 1 + 2 * stage as u32 + u32::from(!is_first),
            most: if is_first {
                1
            } else {
                space.deepest(stage).saturating_sub(1) as u32
            },
        },
        Content::Head { .. } => Group {
            number: u32::MAX,
            most: 1,
        },
    }
}
