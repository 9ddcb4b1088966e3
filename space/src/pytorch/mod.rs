//! Networks as PyTorch source: one file, one `nn.Module`, nothing imported but torch.
//!
//! The file reads as if a person had written it: a class for each block family that the network uses, and
//! `Backbone`, whose stages list their blocks with the network's own numbers. It is formatted as `black`
//! formats, and its owner is whoever exports it, as its first lines say.
//!
//! ```
//! use roofnas_space::{SearchSpace, presets, pytorch};
//!
//! let space = SearchSpace::new(presets::definition("nas-bench-macro").unwrap()).unwrap();
//! let source = pytorch::export(&space, &space.only());
//! assert!(source.contains("self.stem = ConvNormAct(in_chans, 32, 3)\n"));
//! ```
//!
//! # Interface
//!
//! That of timm's models: `Backbone(num_classes, in_chans, features_only)` with `forward_features`,
//! `forward_head` and `forward`. `num_classes=0` gives the pooled features. `features_only=True` gives the
//! list of feature maps that `feature_info` describes, one dict each with `num_chs`, `reduction` (the stride)
//! and `module`: those the space names as `features`, or, where it names none, the last of every stride. A
//! space without a head gives feature maps by default, and gets a linear classifier when asked for one, so that it
//! can be pre-trained. The module can be traced (`torch.jit.trace`, `torch.fx`) and exported (`torch.export`,
//! `torch.onnx`), but not scripted, since what `forward` returns depends on `features_only`.
//!
//! # Weights
//!
//! `Backbone()` starts with He-normal weights (fan-in) and zero biases, the rule of
//! [`onnx::InitialWeights`](crate::onnx::InitialWeights), but with numbers of its own. Parameters have the names
//! that layers have in the [`Network`](crate::Network) and initialisers in an ONNX file, but for how blocks are
//! counted:
//!
//! | layer | module |
//! |---|---|
//! | `stem.stem.conv` | `stem.conv` |
//! | `stage2.block1.expand.conv` | `stages.1.0.expand.conv` |
//! | `stage2.block1.spatial.conv` of a `conv` block | `stages.1.0.conv` |
//! | `stage2.block1.project.conv` of an `identity` block | `stages.1.0.conv` |
//! | `head.head.conv` | `head.conv` |
//! | `head.hidden`, `head.classifier` | `hidden`, `classifier` |
//!
//! An ONNX file has batch-norms folded, as the identity while nothing is trained, and PyTorch's divide by
//! `sqrt(running_var + eps)`. To hold one against the other, set `running_var` to `1 - eps`, or fold it by hand.

mod backbone;
mod classes;
mod header;
mod plan;
mod python;

use crate::genotype::Genotype;
use crate::space::SearchSpace;
use classes::Family;
use plan::Plan;
use python::Python;

/// The network as the source of a Python module with a class `Backbone`.
///
/// The same genotype of the same space gives the same bytes. Comments may be put before the first line, for whatever
/// else is to be said about the network.
///
/// # Panics
/// Only on a genotype of another space.
pub fn export(space: &SearchSpace, genotype: &Genotype) -> String {
    let plan = Plan::of(space, genotype);
    let families = Family::all(&plan);
    let mut python = Python::default();
    header::write(&mut python, &plan);
    classes::write(&mut python, &plan, &families);
    backbone::write(&mut python, &plan, &families);
    python.finish()
}
