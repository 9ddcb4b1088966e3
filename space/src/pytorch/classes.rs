//! The small classes a network is made of: of each, only what this network has a use for.

use super::plan::{Plan, Unit};
use super::python::Python;
use crate::activation::Activation;
use crate::block::BlockKind;

/// Something is in none, in some or in all blocks of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Never,
    Sometimes,
    Always,
}

/// Where the groups of a family's convolutions come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Groups {
    /// No convolution is in groups.
    One,
    /// Every convolution is depthwise.
    Depthwise,
    /// A parameter.
    Given,
    /// A parameter for each of two convolutions.
    Pair,
}

/// A family of blocks as this network uses it: what its class has and what its parameters are.
pub(super) struct Family {
    pub(super) kind: BlockKind,
    mid: Presence,
    squeezed: Presence,
    pub(super) groups: Groups,
    /// Whether the activation is a parameter.
    activated: bool,
    /// The activation that is meant where none is named.
    activation: Activation,
}

/// The activation behind a convolution of a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// The block's.
    Activation,
    /// None.
    Nothing,
}

/// The class of a family that has one of its own; the others are written with `ConvNormAct` or nothing.
pub(super) const fn class_name(kind: BlockKind) -> Option<&'static str> {
    match kind {
        BlockKind::Basic => Some("BasicBlock"),
        BlockKind::Bottleneck => Some("Bottleneck"),
        BlockKind::InvertedBottleneck => Some("InvertedBottleneck"),
        BlockKind::FusedInvertedBottleneck => Some("FusedInvertedBottleneck"),
        BlockKind::DepthwiseSeparable => Some("DepthwiseSeparable"),
        BlockKind::GroupedShuffle => Some("GroupedShuffle"),
        BlockKind::LargeKernelDepthwise => Some("LargeKernelDepthwise"),
        BlockKind::Conv | BlockKind::Identity => None,
    }
}

/// The module of an activation function.
pub(super) const fn module(activation: Activation) -> &'static str {
    match activation {
        Activation::Relu => "nn.ReLU",
        Activation::Relu6 => "nn.ReLU6",
        Activation::Swish => "nn.SiLU",
        Activation::HardSwish => "nn.Hardswish",
        Activation::Sigmoid => "nn.Sigmoid",
        Activation::HardSigmoid => "nn.Hardsigmoid",
        Activation::Gelu => "nn.GELU",
    }
}

/// Every class but the backbone.
pub(super) fn write(python: &mut Python, plan: &Plan, families: &[Family]) {
    conv_norm_act(python, plan);
    if plan.units().any(|unit| unit.squeezed.is_some()) {
        squeeze_excite(python, plan);
    }
    for family in families {
        family.write(python);
    }
}

fn conv_norm_act(python: &mut Python, plan: &Plan) {
    let groups = plan.has_groups();
    python.class("ConvNormAct(nn.Module)", |python| {
        python.line("\"\"\"Convolution padded by half its kernel, batch norm, activation.\"\"\"");
        let mut parameters = texts(&["in_chs", "out_chs", "kernel_size", "stride=1"]);
        let mut arguments = texts(&["in_chs", "out_chs", "kernel_size", "stride", "padding"]);
        if groups {
            parameters.push("groups=1".to_owned());
            arguments.push("groups=groups".to_owned());
        }
        parameters.push(format!("act={}", module(plan.activation)));
        arguments.push("bias=False".to_owned());
        python.init(parameters, |python| {
            python.line("padding = (kernel_size - 1) // 2");
            python.call("self.conv = nn.Conv2d(", &arguments, ")");
            python.line("self.bn = nn.BatchNorm2d(out_chs)");
            python.line("self.act = act()");
        });
        python.method("forward", |python| {
            python.line("return self.act(self.bn(self.conv(x)))");
        });
    });
}

fn squeeze_excite(python: &mut Python, plan: &Plan) {
    let style = &plan.se_style;
    python.class("SqueezeExcite(nn.Module)", |python| {
        python.line(
            "\"\"\"Scales each channel by what all of them average (arXiv 1709.01507).\"\"\"",
        );
        python.init(texts(&["chs", "squeezed_chs"]), |python| {
            python.line("self.pool = nn.AdaptiveAvgPool2d(1)");
            python.line("self.reduce = nn.Conv2d(chs, squeezed_chs, 1)");
            python.line(format!("self.act = {}()", module(style.activation)));
            python.line("self.expand = nn.Conv2d(squeezed_chs, chs, 1)");
            python.line(format!("self.gate = {}()", module(style.gate)));
        });
        python.method("forward", |python| {
            python.line("scale = self.act(self.reduce(self.pool(x)))");
            python.line("return x * self.gate(self.expand(scale))");
        });
    });
}

impl Presence {
    fn of(mut there: impl Iterator<Item = bool> + Clone) -> Self {
        match (there.clone().all(|x| x), there.any(|x| x)) {
            (true, _) => Self::Always,
            (false, true) => Self::Sometimes,
            (false, false) => Self::Never,
        }
    }
}

impl Family {
    /// The families that have a class in this network.
    pub(super) fn all(plan: &Plan) -> Vec<Self> {
        let with_class = BlockKind::ALL
            .into_iter()
            .filter(|kind| class_name(*kind).is_some());
        with_class.filter_map(|kind| Self::of(plan, kind)).collect()
    }

    fn of(plan: &Plan, kind: BlockKind) -> Option<Self> {
        let units: Vec<&Unit> = plan.units().filter(|unit| unit.kind == kind).collect();
        if units.is_empty() {
            return None;
        }
        Some(Self {
            kind,
            mid: Presence::of(units.iter().map(|unit| unit.mid.is_some())),
            squeezed: Presence::of(units.iter().map(|unit| unit.squeezed.is_some())),
            groups: groups(kind, &units),
            activated: units.iter().any(|unit| unit.activation != plan.activation),
            activation: plan.activation,
        })
    }

    fn write(&self, python: &mut Python) {
        match self.kind {
            BlockKind::Basic => self.basic(python),
            BlockKind::Bottleneck => self.bottleneck(python),
            BlockKind::InvertedBottleneck => self.inverted_bottleneck(python),
            BlockKind::FusedInvertedBottleneck => self.fused_inverted_bottleneck(python),
            BlockKind::DepthwiseSeparable => self.depthwise_separable(python),
            BlockKind::GroupedShuffle => self.grouped_shuffle(python),
            BlockKind::LargeKernelDepthwise => self.large_kernel_depthwise(python),
            BlockKind::Conv | BlockKind::Identity => {}
        }
    }

    fn basic(&self, python: &mut Python) {
        let doc = "Two convolutions and a shortcut (arXiv 1512.03385).";
        self.class(python, doc, |python| {
            let [first, second] = if self.groups == Groups::Pair {
                [Some("groups[0]"), Some("groups[1]")]
            } else {
                [self.group_argument(""); 2]
            };
            let from = ["in_chs", "out_chs", "kernel_size", "stride"];
            self.conv(python, "first", &from, first, After::Activation);
            let from = ["out_chs", "out_chs", "kernel_size"];
            self.conv(python, "second", &from, second, After::Nothing);
            self.squeeze_excite(python, "out_chs");
            self.projected_shortcut(python);
        });
        self.activated_sum(python, &["first", "second", "se"]);
    }

    fn bottleneck(&self, python: &mut Python) {
        let doc = "A convolution between two of 1x1 and a shortcut (arXiv 1512.03385).";
        self.class(python, doc, |python| {
            let reduce = ["in_chs", "mid_chs", "1"];
            self.conv(python, "reduce", &reduce, None, After::Activation);
            self.spatial(python, "mid_chs", "mid_chs", self.group_argument("mid_chs"));
            self.squeeze_excite(python, "mid_chs");
            let project = ["mid_chs", "out_chs", "1"];
            self.conv(python, "project", &project, None, After::Nothing);
            self.projected_shortcut(python);
        });
        self.activated_sum(python, &["reduce", "spatial", "se", "project"]);
    }

    fn inverted_bottleneck(&self, python: &mut Python) {
        let doc = match self.mid {
            Presence::Never => "Convolution, linear projection, shortcut (arXiv 1801.04381).",
            Presence::Sometimes | Presence::Always => {
                "Expansion, convolution, linear projection, shortcut (arXiv 1801.04381)."
            }
        };
        let wide = match self.mid {
            Presence::Never => "in_chs",
            Presence::Sometimes | Presence::Always => "mid_chs",
        };
        self.class(python, doc, |python| {
            let expand = ["in_chs", "mid_chs", "1"];
            match self.mid {
                Presence::Never => {}
                Presence::Sometimes => {
                    let expand = self.conv_call(&expand, None, After::Activation).join(", ");
                    python.optional("expand", &format!("ConvNormAct({expand})"), "mid_chs");
                    python.line("mid_chs = mid_chs or in_chs");
                }
                Presence::Always => self.conv(python, "expand", &expand, None, After::Activation),
            }
            self.spatial(python, wide, wide, self.group_argument(wide));
            self.squeeze_excite(python, wide);
            let project = [wide, "out_chs", "1"];
            self.conv(python, "project", &project, None, After::Nothing);
            self.plain_shortcut(python);
        });
        let parts: &[&str] = match self.mid {
            Presence::Never => &["spatial", "se", "project"],
            Presence::Sometimes | Presence::Always => &["expand", "spatial", "se", "project"],
        };
        self.sum(python, parts);
    }

    fn fused_inverted_bottleneck(&self, python: &mut Python) {
        let doc = match self.mid {
            Presence::Never => "A convolution and a shortcut (arXiv 2104.00298).",
            Presence::Sometimes | Presence::Always => {
                "Expanding convolution, linear projection, shortcut (arXiv 2104.00298)."
            }
        };
        let wide = match self.mid {
            Presence::Never => "out_chs",
            Presence::Sometimes => "wide_chs",
            Presence::Always => "mid_chs",
        };
        self.class(python, doc, |python| {
            if self.mid == Presence::Sometimes {
                python.line("wide_chs = mid_chs or out_chs");
            }
            self.spatial(python, "in_chs", wide, self.group_argument("in_chs"));
            self.squeeze_excite(python, wide);
            let project = ["mid_chs", "out_chs", "1"];
            match self.mid {
                Presence::Never => {}
                Presence::Sometimes => {
                    let project = self.conv_call(&project, None, After::Nothing).join(", ");
                    python.optional("project", &format!("ConvNormAct({project})"), "mid_chs");
                }
                Presence::Always => self.conv(python, "project", &project, None, After::Nothing),
            }
            self.plain_shortcut(python);
        });
        let parts: &[&str] = match self.mid {
            Presence::Never => &["spatial", "se"],
            Presence::Sometimes | Presence::Always => &["spatial", "se", "project"],
        };
        self.sum(python, parts);
    }

    fn depthwise_separable(&self, python: &mut Python) {
        let doc = "Depthwise convolution, 1x1 convolution (arXiv 1704.04861).";
        self.class(python, doc, |python| {
            self.spatial(python, "in_chs", "in_chs", Some("in_chs"));
            self.squeeze_excite(python, "in_chs");
            let project = ["in_chs", "out_chs", "1"];
            self.conv(python, "project", &project, None, After::Activation);
        });
        python.indented(|python| {
            python.method("forward", |python| {
                let y = self.nested(&["spatial", "se", "project"], "x");
                python.line(format!("return {y}"));
            });
        });
    }

    fn grouped_shuffle(&self, python: &mut Python) {
        let shuffles = self.groups != Groups::One;
        let doc = if shuffles {
            "Grouped 1x1 convolutions around a shuffle and a depthwise (arXiv 1707.01083)."
        } else {
            "1x1 convolutions around a depthwise convolution (arXiv 1707.01083)."
        };
        self.class(python, doc, |python| {
            if shuffles {
                python.line("self.groups = groups");
            }
            let groups = self.group_argument("");
            let expand = ["in_chs", "mid_chs", "1"];
            self.conv(python, "expand", &expand, groups, After::Activation);
            self.spatial(python, "mid_chs", "mid_chs", Some("mid_chs"));
            self.squeeze_excite(python, "mid_chs");
            let project = ["mid_chs", "out_chs", "1"];
            self.conv(python, "project", &project, groups, After::Nothing);
            self.plain_shortcut(python);
        });
        if !shuffles {
            return self.sum(python, &["expand", "spatial", "se", "project"]);
        }
        python.indented(|python| {
            python.method("forward", |python| {
                python.line("y = self.expand(x)");
                python.line("# shuffle: every group of channels gets some of every other");
                python.line("y = y.unflatten(1, (self.groups, -1)).transpose(1, 2).flatten(1, 2)");
                let y = self.nested(&["spatial", "se", "project"], "y");
                python.line(format!("y = {y}"));
                python.line("return x + y if self.has_shortcut else y");
            });
        });
    }

    fn large_kernel_depthwise(&self, python: &mut Python) {
        let doc = "Wide depthwise convolution, 1x1 expansion and projection (arXiv 2201.03545).";
        self.class(python, doc, |python| {
            let spatial = ["in_chs", "in_chs", "kernel_size", "stride"];
            self.conv(python, "spatial", &spatial, Some("in_chs"), After::Nothing);
            let expand = ["in_chs", "mid_chs", "1"];
            self.conv(python, "expand", &expand, None, After::Activation);
            let project = ["mid_chs", "out_chs", "1"];
            self.conv(python, "project", &project, None, After::Nothing);
            self.plain_shortcut(python);
        });
        self.sum(python, &["spatial", "expand", "project"]);
    }

    /// The class up to the end of `__init__`.
    fn class(&self, python: &mut Python, doc: &str, body: impl FnOnce(&mut Python)) {
        let name = class_name(self.kind).unwrap_or_default();
        python.class(&format!("{name}(nn.Module)"), |python| {
            python.line(format!("\"\"\"{doc}\"\"\""));
            python.init(self.parameters(), body);
        });
    }

    /// The parameters of `__init__`, those without a default first.
    fn parameters(&self) -> Vec<String> {
        let mut required = texts(&["in_chs", "out_chs", "kernel_size"]);
        let mut optional = texts(&["stride=1"]);
        for (name, presence) in [("mid_chs", self.mid), ("se_chs", self.squeezed)] {
            match presence {
                Presence::Never => {}
                Presence::Sometimes => optional.push(format!("{name}=None")),
                Presence::Always => required.push(name.to_owned()),
            }
        }
        match self.groups {
            Groups::One | Groups::Depthwise => {}
            Groups::Given => optional.push("groups=1".to_owned()),
            Groups::Pair => optional.push("groups=(1, 1)".to_owned()),
        }
        if self.activated {
            optional.push(format!("act={}", module(self.activation)));
        }
        required.extend(optional);
        required
    }

    /// What a grouped convolution gets as its groups.
    fn group_argument<'a>(&self, channels: &'a str) -> Option<&'a str> {
        match self.groups {
            Groups::One => None,
            Groups::Depthwise => Some(channels),
            Groups::Given | Groups::Pair => Some("groups"),
        }
    }

    /// Arguments of a `ConvNormAct`.
    fn conv_call(&self, shape: &[&str], groups: Option<&str>, after: After) -> Vec<String> {
        let mut arguments = texts(shape);
        arguments.extend(groups.map(|groups| format!("groups={groups}")));
        match after {
            After::Nothing => arguments.push("act=nn.Identity".to_owned()),
            After::Activation if self.activated => arguments.push("act=act".to_owned()),
            After::Activation => {}
        }
        arguments
    }

    fn conv(
        &self,
        python: &mut Python,
        name: &str,
        shape: &[&str],
        groups: Option<&str>,
        after: After,
    ) {
        let arguments = self.conv_call(shape, groups, after);
        python.call(&format!("self.{name} = ConvNormAct("), &arguments, ")");
    }

    /// The convolution with the block's kernel and stride.
    fn spatial(&self, python: &mut Python, from: &str, to: &str, groups: Option<&str>) {
        let shape = [from, to, "kernel_size", "stride"];
        self.conv(python, "spatial", &shape, groups, After::Activation);
    }

    fn squeeze_excite(&self, python: &mut Python, channels: &str) {
        let module = format!("SqueezeExcite({channels}, se_chs)");
        match self.squeezed {
            Presence::Never => {}
            Presence::Sometimes => python.optional("se", &module, "se_chs"),
            Presence::Always => python.line(format!("self.se = {module}")),
        }
    }

    fn plain_shortcut(&self, python: &mut Python) {
        python.line("self.has_shortcut = stride == 1 and in_chs == out_chs");
    }

    fn projected_shortcut(&self, python: &mut Python) {
        python.line("self.shortcut = nn.Identity()");
        python.line("if stride != 1 or in_chs != out_chs:");
        python.indented(|python| {
            let project = ["in_chs", "out_chs", "1", "stride"];
            self.conv(python, "shortcut", &project, None, After::Nothing);
        });
        if self.activated {
            python.line("self.act = act()");
        } else {
            python.line(format!("self.act = {}()", module(self.activation)));
        }
    }

    /// `forward` of a block whose input is added where the shape allows it.
    fn sum(&self, python: &mut Python, parts: &[&str]) {
        python.indented(|python| {
            python.method("forward", |python| {
                python.line(format!("y = {}", self.nested(parts, "x")));
                python.line("return x + y if self.has_shortcut else y");
            });
        });
    }

    /// `forward` of a block that adds its input, projected where it has to be, and activates the sum.
    fn activated_sum(&self, python: &mut Python, parts: &[&str]) {
        python.indented(|python| {
            python.method("forward", |python| {
                python.line(format!("y = {}", self.nested(parts, "x")));
                python.line("return self.act(y + self.shortcut(x))");
            });
        });
    }

    /// The parts applied one after the other, squeeze-and-excite only where there is such a thing.
    fn nested(&self, parts: &[&str], input: &str) -> String {
        let present = |part: &&&str| **part != "se" || self.squeezed != Presence::Never;
        parts
            .iter()
            .filter(present)
            .fold(input.to_owned(), |x, part| format!("self.{part}({x})"))
    }
}

fn groups(kind: BlockKind, units: &[&Unit]) -> Groups {
    let all = |holds: fn(&Unit) -> bool| units.iter().all(|unit| holds(unit));
    if all(|unit| unit.groups == [1; 2]) {
        Groups::One
    } else if kind != BlockKind::GroupedShuffle && all(|unit| unit.depthwise) {
        Groups::Depthwise
    } else if all(|unit| unit.groups[0] == unit.groups[1]) {
        Groups::Given
    } else {
        Groups::Pair
    }
}

/// Owned copies.
fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
