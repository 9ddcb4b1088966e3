//! What makes a network slow on a platform, and what would make it faster: from the model, never from folklore. Every figure is the
//! difference between the price of the network and the price of the network changed as the advice says.
//!
//! | kind | the change that is priced |
//! |---|---|
//! | idle lanes | a convolution's channels rounded up, or down, to the platform's channel quantum |
//! | dense for free | a depthwise or grouped convolution without groups |
//! | activation apart | an activation that the engine doesn't fuse exchanged for one it does |
//! | norm apart | a batch-norm that can't fold left out |
//! | large kernel | a kernel of 3 in the place of a larger one |
//! | data movement | concatenations, shuffles and other copies all left out |
//! | overhead | every layer that takes less time than its own overhead left out |
//! | deep and thin | every second residual block left out, and channels wider by so much that as many MACs are done |

mod deep_thin;

use roofnas_space::{Conv, Network, Op, Other, Tensor, Work};

use crate::class::OpClass;
use crate::counts::NetworkCost;
use crate::latency::LatencyModel;
use crate::memory::live_at_peak;
use crate::price::Bound;

/// One piece of advice.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    /// What is the matter.
    pub kind: AdviceKind,
    /// The layers it is about, by their places in the network.
    pub layers: Vec<usize>,
    /// What is the matter with them, and what to do, in words.
    pub text: String,
    /// What the change saves of the network's latency, in milliseconds; negative where it costs.
    pub gain_ms: f64,
}

/// What can be the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdviceKind {
    /// Channels that leave vector lanes idle.
    IdleLanes,
    /// Groups that save nothing.
    DenseForFree,
    /// An activation that runs by itself.
    ActivationApart,
    /// A batch-norm that runs by itself.
    NormApart,
    /// A kernel larger than 3.
    LargeKernel,
    /// Copies.
    DataMovement,
    /// Layers too small for their overhead.
    Overhead,
    /// Residual blocks that are many and narrow where layers cost overhead.
    DeepThin,
}

/// Share of the network's time below which nothing is said.
const WORTH: f64 = 0.01;

/// All that is worth saying, largest gain first; what costs nothing and gives capacity comes last.
pub fn advise(model: &LatencyModel, network: &Network) -> Vec<Advice> {
    let adviser = Adviser::new(model, network);
    let mut advice = adviser.idle_lanes();
    advice.extend(adviser.dense_for_free());
    advice.extend(adviser.activations_apart());
    advice.extend(adviser.norms_apart());
    advice.extend(adviser.large_kernels());
    advice.extend(adviser.data_movement());
    advice.extend(adviser.overhead());
    advice.extend(adviser.deep_thin());
    advice.sort_by(|a, b| b.gain_ms.total_cmp(&a.gain_ms));
    advice
}

/// The layers whose outputs are live when most memory is, largest first, with bytes for a batch: `None` is the input image.
pub fn peak_culprits(model: &LatencyModel, network: &Network) -> Vec<(Option<usize>, u64)> {
    let kernels = crate::fusion::kernels(network, &model.platform().fusion);
    let bytes = model.batch() * model.dtype().bytes();
    let live = live_at_peak(network, &kernels).into_iter();
    live.map(|(tensor, elements)| match tensor {
        Tensor::Layer(layer) => (Some(layer), bytes * elements),
        Tensor::Input | Tensor::Elsewhere(_) => (None, bytes * elements),
    })
    .collect()
}

struct Adviser<'a> {
    model: &'a LatencyModel,
    network: &'a Network,
    cost: NetworkCost,
    /// Milliseconds of the network as it is.
    now_ms: f64,
}

impl<'a> Adviser<'a> {
    fn new(model: &'a LatencyModel, network: &'a Network) -> Self {
        let cost = NetworkCost::new(network, &model.platform().fusion);
        Self {
            now_ms: model.price(&cost).mean_ms,
            model,
            network,
            cost,
        }
    }

    /// What a change saves, in milliseconds; nothing where the rest of the network can't follow it.
    fn gain_ms(&self, change: impl Fn(usize, &Op) -> Option<Op>) -> Option<f64> {
        let changed = self.network.with_ops(change).ok()?;
        let cost = NetworkCost::new(&changed, &self.model.platform().fusion);
        Some(self.now_ms - self.model.price(&cost).mean_ms)
    }

    /// Advice whose gain is worth a word.
    fn worth(
        &self,
        kind: AdviceKind,
        layers: Vec<usize>,
        text: String,
        gain_ms: Option<f64>,
    ) -> Option<Advice> {
        let gain_ms = gain_ms.filter(|&gain| gain > WORTH * self.now_ms)?;
        Some(Advice {
            kind,
            layers,
            text,
            gain_ms,
        })
    }

    /// Anchors of the kernels that this is true of.
    fn anchors(&self, is: impl Fn(&crate::counts::KernelCost) -> bool) -> Vec<usize> {
        let kernels = self.cost.kernels.iter().filter(|kernel| is(kernel));
        kernels.map(|kernel| kernel.kernel.anchor()).collect()
    }

    fn conv(&self, layer: usize) -> Option<Conv> {
        match self.network.layers()[layer].op {
            Op::Conv(conv) => Some(conv),
            _ => None,
        }
    }

    /// An operator that leaves a layer's place empty.
    fn nothing(&self, layer: usize) -> Op {
        Op::Other(Other {
            name: "nothing".into(),
            work: Work::View,
            weights: 0,
            output: self.network.layers()[layer].output,
        })
    }

    /// What leaving out these layers would save.
    fn without(&self, layers: &[usize]) -> Option<f64> {
        self.gain_ms(|index, _| layers.contains(&index).then(|| self.nothing(index)))
    }

    /// These anchors and all that runs with them.
    fn with_what_is_fused(&self, anchors: &[usize]) -> Vec<usize> {
        let kernels = self.cost.kernels.iter().map(|kernel| &kernel.kernel);
        let chosen = kernels.filter(|kernel| anchors.contains(&kernel.anchor()));
        chosen
            .flat_map(|kernel| kernel.layers.iter().copied())
            .collect()
    }

    fn idle_lanes(&self) -> Vec<Advice> {
        let Some(quantum) = self.model.channel_quantum().filter(|&quantum| quantum > 1) else {
            return Vec::new();
        };
        let convolutions = self.anchors(|kernel| {
            matches!(
                kernel.class,
                OpClass::Pointwise | OpClass::Dense | OpClass::Winograd
            )
        });
        let advice = convolutions.into_iter().filter_map(|layer| {
            let conv = self.conv(layer)?;
            let off = conv.out_channels % quantum;
            if off == 0 {
                return None;
            }
            let (down, up) = (conv.out_channels - off, conv.out_channels - off + quantum);
            let resized = |out_channels: usize| {
                self.gain_ms(|index, _| {
                    (index == layer).then_some(Op::Conv(Conv {
                        out_channels,
                        ..conv
                    }))
                })
            };
            let wider = resized(up)?;
            let narrower = (down > 0).then(|| resized(down)).flatten();
            let name = self.network.layer_name(layer);
            let lanes = format!(
                "{name}: {} channels fill whole vectors of {quantum} only up to {up}",
                conv.out_channels
            );
            match narrower {
                Some(gain) if gain > WORTH * self.now_ms => Some(Advice {
                    kind: AdviceKind::IdleLanes,
                    layers: vec![layer],
                    text: format!(
                        "{lanes}; {down} would be faster, and {up} would cost {:.4} ms",
                        -wider
                    ),
                    gain_ms: gain,
                }),
                _ if wider > -WORTH * self.now_ms && self.share(layer) > WORTH => Some(Advice {
                    kind: AdviceKind::IdleLanes,
                    layers: vec![layer],
                    text: format!("{lanes}, which is no slower to speak of"),
                    gain_ms: wider,
                }),
                _ => None,
            }
        });
        advice.collect()
    }

    fn dense_for_free(&self) -> Option<Advice> {
        let dense = |layers: &[usize]| {
            self.gain_ms(|index, op| match op {
                Op::Conv(conv) if layers.contains(&index) => {
                    Some(Op::Conv(Conv { groups: 1, ..*conv }))
                }
                _ => None,
            })
        };
        let held_up = self.anchors(|kernel| {
            let class = matches!(kernel.class, OpClass::Depthwise | OpClass::Grouped);
            class && self.model.price_kernel(kernel).bound() != Bound::Compute
        });
        // as good as free: within a tenth of what the layer takes now
        let free: Vec<usize> = held_up
            .into_iter()
            .filter(|&layer| {
                let share = self.share(layer);
                let gain = dense(&[layer]).unwrap_or(f64::NEG_INFINITY);
                share > WORTH && gain > -0.1 * share * self.now_ms
            })
            .collect();
        let first = self.network.layer_name(*free.first()?);
        Some(Advice {
            kind: AdviceKind::DenseForFree,
            text: format!(
                "groups save nothing in {} convolutions (the first is {first}), for memory or overhead holds them up; dense ones \
                 take as long",
                free.len()
            ),
            gain_ms: dense(&free)?,
            layers: free,
        })
    }

    fn activations_apart(&self) -> Option<Advice> {
        let fused = self.model.platform().fusion.activations.first().copied()?;
        let apart = self.anchors(|kernel| {
            let op = &self.network.layers()[kernel.kernel.anchor()].op;
            matches!(op, Op::Activation(activation) if *activation != fused)
        });
        let gain = self.gain_ms(|index, _| apart.contains(&index).then_some(Op::Activation(fused)));
        let text = format!(
            "{} activations run by themselves; the engine would fuse {fused}",
            apart.len()
        );
        self.worth(AdviceKind::ActivationApart, apart, text, gain)
    }

    fn norms_apart(&self) -> Option<Advice> {
        let apart = self
            .anchors(|kernel| self.network.layers()[kernel.kernel.anchor()].op == Op::BatchNorm);
        let gain = self.without(&apart);
        let text = format!(
            "{} batch-norms can't fold into a convolution: put each right behind one, before its activation",
            apart.len()
        );
        self.worth(AdviceKind::NormApart, apart, text, gain)
    }

    fn large_kernels(&self) -> Vec<Advice> {
        let large = self.anchors(|kernel| {
            let conv = self.conv(kernel.kernel.anchor());
            conv.is_some_and(|conv| conv.kernel[0] == conv.kernel[1] && conv.kernel[0] > 3)
        });
        let advice = large.into_iter().filter_map(|layer| {
            let conv = self.conv(layer)?;
            let smaller = Conv {
                kernel: [3; 2],
                padding: conv.dilation,
                ..conv
            };
            let gain = self.gain_ms(|index, _| (index == layer).then_some(Op::Conv(smaller)));
            let text = format!(
                "{}: a kernel of {}; one of 3 is faster",
                self.network.layer_name(layer),
                conv.kernel[0]
            );
            self.worth(AdviceKind::LargeKernel, vec![layer], text, gain)
        });
        advice.collect()
    }

    fn data_movement(&self) -> Option<Advice> {
        let copies = self.anchors(|kernel| kernel.class == OpClass::DataMovement);
        let gain = self.without(&copies);
        let text = format!(
            "{} concatenations, shuffles and other copies compute nothing",
            copies.len()
        );
        self.worth(AdviceKind::DataMovement, copies, text, gain)
    }

    fn overhead(&self) -> Option<Advice> {
        let small =
            self.anchors(|kernel| self.model.price_kernel(kernel).bound() == Bound::Overhead);
        let gain = self.without(&self.with_what_is_fused(&small));
        let text = format!(
            "{} of {} layers do less than their own overhead: fewer and wider layers would do the same work in less time \
             (the gain is what these take in all)",
            small.len(),
            self.cost.kernels.len()
        );
        self.worth(AdviceKind::Overhead, small, text, gain)
    }

    /// Share of the network's time in the kernel anchored on this layer.
    fn share(&self, layer: usize) -> f64 {
        let kernel = self
            .cost
            .kernels
            .iter()
            .find(|kernel| kernel.kernel.anchor() == layer);
        let seconds = kernel.map_or(0.0, |kernel| self.model.price_kernel(kernel).seconds());
        1e3 * seconds / self.now_ms
    }
}
