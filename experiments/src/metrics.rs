//! Every figure of one network, for a platform, number format and batch size, and how long it takes for further targets.

use roofnas_cost::{BlockPrice, Latency, LatencyModel, NetworkCost, QualityTerms};
use roofnas_space::{Genotype, Network};

use crate::quality::Quality;
use crate::target::{MOST_TARGETS, Target, Timing};

/// Figures of one network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics {
    /// What stands in for accuracy.
    pub quality: f64,
    /// Where the accuracy lies with a probability of 90 %, in per cent, where it is predicted and was asked for.
    pub quality_interval_90: Option<[f64; 2]>,
    /// Latency of one inference of the batch.
    pub latency: Latency,
    /// Images per inference.
    pub batch: u64,
    /// How long it takes for each further target, in their order; nothing that can be used beyond them.
    pub targets: [Timing; MOST_TARGETS],
    /// MACs per image.
    pub macs: u64,
    /// FLOPs per image.
    pub flops: u64,
    /// Trainable parameters.
    pub params: u64,
    /// Memory traffic of one inference of the batch.
    pub traffic_bytes: u64,
    /// Peak of live activations for the batch.
    pub peak_memory_bytes: u64,
    /// Deployed weights.
    pub weight_bytes: u64,
    /// Arithmetic intensity for the batch, FLOP/byte.
    pub intensity: f64,
    /// Layers the engine runs, what is fused counted once.
    pub layers: usize,
    /// Depth over width.
    pub rho: f64,
    /// By how much channels fall from stage to stage, each fall relative to what was there, added up.
    pub channel_drop: f64,
}

impl Metrics {
    /// How long it takes for the platform.
    pub fn timing(&self) -> Timing {
        Timing {
            latency: self.latency,
            batch: self.batch,
        }
    }

    /// The figures of the same network at another batch of its platform, priced layer by layer.
    pub(crate) fn at(self, model: &LatencyModel, cost: &NetworkCost) -> Self {
        let (batch, dtype) = (model.batch(), model.dtype());
        Self {
            latency: model.price(cost),
            batch,
            traffic_bytes: cost.traffic_bytes(batch, dtype),
            peak_memory_bytes: cost
                .peak_memory_bytes(batch, dtype)
                .expect("a network of a space knows its edges"),
            intensity: cost.intensity(batch, dtype),
            ..self
        }
    }

    /// The same by the price of its blocks at that batch.
    pub(crate) fn priced_at(self, batch: u64, price: &BlockPrice) -> Self {
        Self {
            latency: price.latency,
            batch,
            traffic_bytes: price.traffic_bytes as u64,
            peak_memory_bytes: price.peak_memory_bytes as u64,
            intensity: batch as f64 * price.flops / price.traffic_bytes,
            ..self
        }
    }

    /// No figure yet.
    const fn unpriced() -> Self {
        Self {
            quality: f64::NAN,
            quality_interval_90: None,
            latency: Timing::NONE.latency,
            batch: Timing::NONE.batch,
            targets: [Timing::NONE; MOST_TARGETS],
            macs: 0,
            flops: 0,
            params: 0,
            traffic_bytes: 0,
            peak_memory_bytes: 0,
            weight_bytes: 0,
            intensity: f64::NAN,
            layers: 0,
            rho: f64::NAN,
            channel_drop: f64::NAN,
        }
    }
}

/// How networks are measured by formula: latency models and a quality.
#[derive(Debug, Clone, PartialEq)]
pub struct Appraiser {
    /// Prices latency; where networks choose their batch, at the smallest.
    pub model: LatencyModel,
    /// The same platform at the other batches that networks may run at, in ascending order.
    pub larger_batches: Vec<LatencyModel>,
    /// What else networks are priced for.
    pub targets: Vec<Target>,
    /// Stands in for accuracy.
    pub quality: Quality,
}

impl Appraiser {
    /// What prices latency at each batch that networks may run at, in ascending order.
    pub fn models(&self) -> impl Iterator<Item = &LatencyModel> {
        std::iter::once(&self.model).chain(&self.larger_batches)
    }

    /// What prices latency at one of these batches.
    pub fn at(&self, batch: u64) -> &LatencyModel {
        let mut models = self.models();
        let own = models.find(|model| model.batch() == batch);
        own.unwrap_or(&self.model)
    }

    /// The batches that networks may run at, in words: `8`, or `1, 8 or 32`.
    pub fn batches(&self) -> String {
        let batches = self.models().map(|model| model.batch().to_string());
        let batches: Vec<String> = batches.collect();
        match batches.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} or {last}", others.join(", "))
            }
            _ => batches.concat(),
        }
    }

    /// How prices are made at each of these batches, and how far they can be trusted: sentences, none twice.
    pub fn statement(&self) -> String {
        let mut said: Vec<String> = Vec::new();
        for model in self.models() {
            let statement = model.statement();
            if !said.contains(&statement) {
                said.push(statement);
            }
        }
        said.join(" ")
    }

    /// The figures of a network that was built from blocks, at the smallest batch. A quality that depends on genes isn't a number.
    ///
    /// # Panics
    /// For a network read from a table that doesn't say which layer reads what.
    pub fn appraise(&self, network: &Network) -> Metrics {
        self.figures(None, &QualityTerms::new(network), network)
    }

    /// The figures of a genotype at the smallest batch: its backbone has these terms, and it is deployed as this network.
    ///
    /// # Panics
    /// As [`appraise`](Self::appraise).
    pub fn appraise_genotype(
        &self,
        genotype: &Genotype,
        terms: &QualityTerms,
        deployed: &Network,
    ) -> Metrics {
        self.figures(Some(genotype), terms, deployed)
    }

    fn figures(
        &self,
        genotype: Option<&Genotype>,
        terms: &QualityTerms,
        network: &Network,
    ) -> Metrics {
        let cost = NetworkCost::new(network, &self.model.platform().fusion);
        let unpriced = Metrics {
            quality: self.quality.of(genotype, terms),
            quality_interval_90: genotype.and_then(|own| self.quality.interval_90(own, terms)),
            targets: self.timings(|target| {
                let model = &self.targets[target].model;
                model.price(&NetworkCost::new(network, &model.platform().fusion))
            }),
            macs: cost.macs,
            flops: cost.flops,
            params: cost.params,
            weight_bytes: cost.weight_bytes(self.model.dtype()),
            layers: cost.kernels.len(),
            rho: terms.rho,
            channel_drop: terms.channel_drop,
            ..Metrics::unpriced()
        };
        unpriced.at(&self.model, &cost)
    }

    /// The figures of a network whose blocks were priced ahead, for the platform at the smallest batch and for each further target. What wasn't asked for
    /// isn't a number.
    pub fn metrics(
        &self,
        genotype: &Genotype,
        price: &BlockPrice,
        on_target: impl Fn(usize) -> Latency,
    ) -> Metrics {
        let unpriced = Metrics {
            quality: self.quality.of(Some(genotype), &price.terms),
            targets: self.timings(on_target),
            macs: price.macs as u64,
            flops: price.flops as u64,
            params: price.params as u64,
            weight_bytes: price.weight_bytes as u64,
            layers: price.kernels as usize,
            rho: price.terms.rho,
            channel_drop: price.terms.channel_drop,
            ..Metrics::unpriced()
        };
        unpriced.priced_at(self.model.batch(), price)
    }

    fn timings(&self, latency: impl Fn(usize) -> Latency) -> [Timing; MOST_TARGETS] {
        let mut timings = [Timing::NONE; MOST_TARGETS];
        for (place, (timing, target)) in timings.iter_mut().zip(&self.targets).enumerate() {
            *timing = Timing {
                latency: latency(place),
                batch: target.model.batch(),
            };
        }
        timings
    }
}
