//! What the probes' times say of an engine's fusion.
//!
//! ```text
//! extra = time(convolutions with the operator) - time(convolutions)     what it adds behind a convolution
//! alone = time(pooling with the operator) - time(pooling)               what it takes by itself
//! ```
//!
//! | operator | fused where `extra / alone` is | not fused |
//! |---|---|---|
//! | activation | within 0.4 of 0: nothing is left but its arithmetic | above 0.7 |
//! | sum | within 0.6 of 0: fused, it still reads one of the three tensors that it moves by itself | above 0.8 |
//!
//! Whatever lies between, or below, is unclear. Where `alone` is below a twentieth of the convolutions' time, the two can't be told apart, and a
//! probe may be missing: unclear as well. What is unclear counts as not fused, so that its time is looked for rather than taken for
//! nothing; the evidence says so.
//!
//! Times tell what an operator *costs* behind a convolution, which is what [`Fusion`] means. An engine may fuse an activation and gain nothing:
//! ONNX Runtime 1.32 on an x86 processor has ReLU, clip, sum, sigmoid and hard sigmoid inside the convolution's node, where they
//! cost 0.05, 0.34, 0.52, 0.97 and 1.35 of their time alone; the last two count as not fused. Where an engine names its nodes, these
//! tell which of them a layer belongs to.

use std::collections::BTreeMap;

use roofnas_cost::Fusion;
use roofnas_space::Activation;

use super::probe::{Addition, Chain, Probe, REPEATS};

/// Shares of an operator's own time.
struct Bounds {
    /// Up to this it counts as fused.
    fused: f64,
    /// From this it counts as not fused.
    not_fused: f64,
}

/// For activations.
const ACTIVATION: Bounds = Bounds {
    fused: 0.4,
    not_fused: 0.7,
};

/// For sums: a third is what the traffic left behind a fused one takes.
const SUM: Bounds = Bounds {
    fused: 0.6,
    not_fused: 0.8,
};

/// Share of the chain's time that an operator must take for its time to tell anything.
const LEAST: f64 = 0.05;

/// What the times say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The operator costs next to nothing behind the other.
    Fused,
    /// It takes its own time there.
    NotFused,
    /// The times don't say; counts as not fused.
    Unclear,
    /// A probe was not timed, or its time is no positive number; counts as not fused.
    Missing,
}

/// The evidence on one operator.
#[derive(Debug, Clone, PartialEq)]
pub struct FusionEvidence {
    /// The chain that it stands in.
    pub chain: Chain,
    /// The operator, the last one of the addition.
    pub addition: Addition,
    /// What it adds to each link of the chain, in seconds; absent where a probe is missing.
    pub extra_s: Option<f64>,
    /// What it takes by itself, in seconds; absent where a probe is missing.
    pub alone_s: Option<f64>,
    /// What that says.
    pub verdict: Verdict,
}

/// What the probes say of an engine.
#[derive(Debug, Clone, PartialEq)]
pub struct FusionFindings {
    /// The rules.
    pub fusion: Fusion,
    /// What each of them rests on.
    pub evidence: Vec<FusionEvidence>,
}

/// Decides from the probes' times, in seconds by the names of their networks, what an engine fuses; other networks are not looked at.
/// Take a low quantile or the median of many runs, one thread, all probes in one sitting.
pub fn fusion_from_probes(seconds: &BTreeMap<String, f64>) -> FusionFindings {
    let relu = Activation::Relu;
    let times = Times(seconds);
    let of_activations = Activation::ALL.map(|act| {
        let addition = Addition::Activation(act);
        times.evidence(Chain::Conv, Addition::None, addition, addition)
    });
    let sum = times.evidence(Chain::Conv, Addition::None, Addition::Add, Addition::Add);
    let behind = |chain| {
        let with = Addition::AddActivation(relu);
        times.evidence(chain, Addition::Add, with, Addition::Activation(relu))
    };
    let behind_fused_sum = behind(Chain::Conv);
    let behind_sum = behind(Chain::Pool);
    let fused = |evidence: &FusionEvidence| evidence.verdict == Verdict::Fused;
    let activations = Activation::ALL.into_iter().zip(&of_activations);
    let fusion = Fusion {
        activations: activations
            .filter(|(_, evidence)| fused(evidence))
            .map(|(act, _)| act)
            .collect(),
        add: fused(&sum),
        elementwise: fused(&behind_sum),
    };
    let mut evidence = of_activations.to_vec();
    evidence.extend([sum, behind_fused_sum, behind_sum]);
    FusionFindings { fusion, evidence }
}

/// Seconds by the networks' names.
struct Times<'a>(&'a BTreeMap<String, f64>);

impl Times<'_> {
    /// Seconds for each link of a chain.
    fn of(&self, chain: Chain, addition: Addition) -> Option<f64> {
        let whole = self.0.get(&Probe::new(chain, addition).to_string())?;
        let link = whole / REPEATS as f64;
        (link.is_finite() && link > 0.0).then_some(link)
    }

    /// What an operator adds between two probes of a chain, beside what it takes by itself.
    fn evidence(
        &self,
        chain: Chain,
        without: Addition,
        with: Addition,
        itself: Addition,
    ) -> FusionEvidence {
        let difference =
            |chain, without, with| Some(self.of(chain, with)? - self.of(chain, without)?);
        let extra_s = difference(chain, without, with);
        let alone_s = difference(Chain::Pool, Addition::None, itself);
        let verdict = match (self.of(chain, without), extra_s, alone_s) {
            (Some(base), Some(extra), Some(alone)) => {
                let bounds = if itself == Addition::Add {
                    SUM
                } else {
                    ACTIVATION
                };
                verdict(base, extra, alone, &bounds)
            }
            _ => Verdict::Missing,
        };
        FusionEvidence {
            chain,
            addition: with,
            extra_s,
            alone_s,
            verdict,
        }
    }
}

fn verdict(base: f64, extra: f64, alone: f64, bounds: &Bounds) -> Verdict {
    let share = extra / alone;
    if alone < LEAST * base {
        Verdict::Unclear
    } else if share.abs() <= bounds.fused {
        Verdict::Fused
    } else if share >= bounds.not_fused {
        Verdict::NotFused
    } else {
        Verdict::Unclear
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times of an engine on which a convolution takes 10, pooling 8 and any addition 4 units, unless it is fused.
    fn times(fuses: impl Fn(Chain, Addition) -> f64) -> BTreeMap<String, f64> {
        let units = |probe: &Probe| {
            let base = match probe.chain {
                Chain::Conv => 10.0,
                Chain::Pool => 8.0,
            };
            let own = |addition| 4.0 * fuses(probe.chain, addition);
            base + match probe.addition {
                Addition::None => 0.0,
                Addition::AddActivation(_) => own(Addition::Add) + own(probe.addition),
                addition => own(addition),
            }
        };
        let probes = Probe::all().into_iter();
        let seconds = |probe: Probe| (probe.to_string(), 1e-5 * 16.0 * units(&probe));
        probes.map(seconds).collect()
    }

    fn verdict_on(findings: &FusionFindings, chain: Chain, addition: Addition) -> Verdict {
        let mut evidence = findings.evidence.iter();
        let found = evidence.find(|e| e.chain == chain && e.addition == addition);
        found.unwrap().verdict
    }

    #[test]
    fn planted_fusion_is_found() {
        let relu = Addition::Activation(Activation::Relu);
        let clip = Addition::Activation(Activation::Relu6);
        let behind_sum = Addition::AddActivation(Activation::Relu);
        let findings = fusion_from_probes(&times(|chain, addition| match (chain, addition) {
            (Chain::Conv, a) if a == relu => 0.1,
            (Chain::Conv, Addition::Add) => 0.4,
            (Chain::Conv, a) if a == clip => 0.35,
            (Chain::Conv, a) if a == behind_sum => 0.0,
            _ => 1.0,
        }));
        let expected = Fusion {
            activations: vec![Activation::Relu, Activation::Relu6],
            add: true,
            elementwise: false,
        };
        assert_eq!(findings.fusion, expected);
        let verdict = |chain, addition| verdict_on(&findings, chain, addition);
        assert_eq!(verdict(Chain::Conv, behind_sum), Verdict::Fused);
        assert_eq!(verdict(Chain::Pool, behind_sum), Verdict::NotFused);
        let extra = findings.evidence[0].extra_s.unwrap();
        assert_eq!(findings.evidence[0].addition, relu);
        assert!((extra - 4e-6).abs() < 1e-9, "{extra}");
    }

    #[test]
    fn an_engine_that_fuses_nothing() {
        let findings = fusion_from_probes(&times(|_, _| 1.0));
        assert_eq!(findings.fusion, Fusion::default());
        let all = findings.evidence.iter();
        assert!(all.clone().all(|e| e.verdict == Verdict::NotFused));
    }

    #[test]
    fn a_sum_may_take_in_an_activation_by_itself() {
        let findings = fusion_from_probes(&times(|_, addition| match addition {
            Addition::AddActivation(_) => 0.0,
            _ => 1.0,
        }));
        assert!(findings.fusion.elementwise && !findings.fusion.add);
    }

    #[test]
    fn half_a_cost_is_unclear_and_counts_as_not_fused() {
        let swish = Addition::Activation(Activation::Swish);
        for share in [0.5, -0.5] {
            let findings =
                fusion_from_probes(&times(|chain, addition| match (chain, addition == swish) {
                    (Chain::Conv, true) => share,
                    _ => 1.0,
                }));
            assert_eq!(
                verdict_on(&findings, Chain::Conv, swish),
                Verdict::Unclear,
                "{share}"
            );
            assert!(findings.fusion.activations.is_empty());
        }
    }

    #[test]
    fn times_that_tell_nothing() {
        // an operator that takes no time by itself either
        let free = fusion_from_probes(&times(|_, _| 0.01));
        assert!(free.evidence.iter().all(|e| e.verdict == Verdict::Unclear));
        let mut some = times(|_, _| 0.0);
        some.insert("probe-pool".to_owned(), f64::NAN);
        some.remove("probe-conv-gelu");
        for times in [some, BTreeMap::new()] {
            let findings = fusion_from_probes(&times);
            assert_eq!(findings.fusion, Fusion::default());
            assert_eq!(findings.evidence[6].verdict, Verdict::Missing);
        }
    }
}
