//! The backbone class: stem, stages with the network's numbers, head, and the feature pyramid.

use super::classes::{Family, Groups, class_name, module};
use super::plan::{Plan, Stage, Unit};
use super::python::Python;
use crate::activation::Activation;
use crate::block::BlockKind;

/// Equal blocks in a row from which on they are written as a loop.
const RUN: usize = 3;

pub(super) fn write(python: &mut Python, plan: &Plan, families: &[Family]) {
    init_weights(python);
    python.class("Backbone(nn.Module)", |python| {
        docstring(python);
        feature_info(python, plan);
        let parameters = vec![
            format!("num_classes={}", plan.head.classes),
            format!("in_chans={}", plan.network.input().channels),
            format!(
                "features_only={}",
                if plan.headless { "True" } else { "False" }
            ),
        ];
        python.init(parameters, |python| {
            attributes(python, plan);
            stem(python, plan);
            stages(python, plan, families);
            uses(python, plan);
            python.line("self.apply(init_weights)");
        });
        forward_features(python, plan);
        forward_head(python, plan);
        forward_pyramid(python, plan);
        python.method("forward", |python| {
            python.line("if self.features_only:");
            python.indented(|python| python.line("return self.forward_pyramid(x)"));
            python.line("return self.forward_head(self.forward_features(x))");
        });
    });
}

fn init_weights(python: &mut Python) {
    python.blank();
    python.blank();
    python.line("def init_weights(module):");
    python.indented(|python| {
        python.line("\"\"\"He-normal by fan-in (arXiv 1502.01852); batch norms start as the identity.\"\"\"");
        python.line("if isinstance(module, (nn.Conv2d, nn.Linear)):");
        python.indented(|python| {
            python.line("nn.init.kaiming_normal_(module.weight, mode=\"fan_in\", nonlinearity=\"relu\")");
            python.line("if module.bias is not None:");
            python.indented(|python| python.line("nn.init.zeros_(module.bias)"));
        });
    });
}

fn docstring(python: &mut Python) {
    python.line("\"\"\"Stem, stages and head.");
    python.blank();
    python.line("num_classes: outputs of the classifier; 0 for pooled features in place of logits");
    python.line("in_chans: channels of the image");
    python.line("features_only: return feature maps in place of logits, those of `feature_info`");
    python.line("\"\"\"");
    python.blank();
}

fn feature_info(python: &mut Python, plan: &Plan) {
    python.line("feature_info = [");
    python.indented(|python| {
        for feature in &plan.pyramid {
            let module = match feature.stage {
                Some(stage) => format!("stages.{stage}"),
                None if plan.stem.pool => "maxpool".to_owned(),
                None => "stem".to_owned(),
            };
            python.line(format!(
                "{{\"num_chs\": {}, \"reduction\": {}, \"module\": \"{module}\"}},",
                feature.channels, feature.stride
            ));
        }
    });
    python.line("]");
}

fn attributes(python: &mut Python, plan: &Plan) {
    let head = &plan.head;
    let last = plan.last_channels();
    let pooled = head.hidden.or(head.channels).unwrap_or(last);
    python.line("self.num_classes = num_classes");
    python.line(format!(
        "self.num_features = {last}  # channels of forward_features"
    ));
    python.line(format!(
        "self.head_hidden_size = {pooled}  # inputs of the classifier"
    ));
    python.line("self.features_only = features_only");
    python.blank();
}

fn stem(python: &mut Python, plan: &Plan) {
    let stem = &plan.stem;
    let mut arguments = vec![
        "in_chans".to_owned(),
        stem.conv.out_channels.to_string(),
        stem.conv.kernel[0].to_string(),
    ];
    arguments.extend(stride(stem.conv.stride[0]));
    arguments.extend(activation(plan, stem.activation));
    python.call("self.stem = ConvNormAct(", &arguments, ")");
    if stem.pool {
        python.line("self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)");
    }
}

fn stages(python: &mut Python, plan: &Plan, families: &[Family]) {
    python.line("self.stages = nn.Sequential(");
    python.indented(|python| {
        for stage in &plan.stages {
            self::stage(python, plan, families, stage);
        }
    });
    python.line(")");
}

fn stage(python: &mut Python, plan: &Plan, families: &[Family], stage: &Stage) {
    let (stride, shape) = (stage.stride, stage.shape);
    python.line(format!("nn.Sequential(  # stride {stride}: {shape}"));
    python.indented(|python| {
        for run in stage.units.chunk_by(PartialEq::eq) {
            let (open, arguments) = block(plan, families, &run[0]);
            if run.len() < RUN {
                for _ in run {
                    python.call(&open, &arguments, "),");
                }
            } else {
                repeated(python, &open, &arguments, run.len());
            }
        }
    });
    python.line("),");
}

/// `*[Block(...) for _ in range(times)],`
fn repeated(python: &mut Python, open: &str, arguments: &[String], times: usize) {
    let block = format!("{open}{})", arguments.join(", "));
    let line = format!("*[{block} for _ in range({times})],");
    if python.fits(&line) {
        return python.line(line);
    }
    python.line("*[");
    python.indented(|python| {
        let line = format!("{block} for _ in range({times})");
        if python.fits(&line) {
            return python.line(line);
        }
        python.call(open, arguments, ")");
        python.line(format!("for _ in range({times})"));
    });
    python.line("],");
}

/// What constructs a block: everything up to the bracket, and the arguments.
fn block(plan: &Plan, families: &[Family], unit: &Unit) -> (String, Vec<String>) {
    let mut arguments = vec![unit.inputs.to_string(), unit.outputs.to_string()];
    if unit.kind == BlockKind::Identity {
        if unit.stride == 1 && unit.inputs == unit.outputs {
            return ("nn.Identity(".to_owned(), Vec::new());
        }
        arguments.push("1".to_owned());
        arguments.extend(stride(unit.stride));
        arguments.push("act=nn.Identity".to_owned());
        return ("ConvNormAct(".to_owned(), arguments);
    }
    arguments.push(unit.kernel.to_string());
    arguments.extend(unit.mid.map(|channels| format!("mid_chs={channels}")));
    arguments.extend(stride(unit.stride));
    let family = families.iter().find(|family| family.kind == unit.kind);
    let [first, second] = unit.groups;
    match family.map_or(Groups::Given, |family| family.groups) {
        Groups::Pair if unit.groups != [1; 2] => {
            arguments.push(format!("groups=({first}, {second})"));
        }
        Groups::Given if first != 1 => arguments.push(format!("groups={first}")),
        Groups::One | Groups::Depthwise | Groups::Given | Groups::Pair => {}
    }
    arguments.extend(unit.squeezed.map(|channels| format!("se_chs={channels}")));
    arguments.extend(activation(plan, unit.activation));
    let class = class_name(unit.kind).unwrap_or("ConvNormAct");
    (format!("{class}("), arguments)
}

fn stride(stride: usize) -> Option<String> {
    (stride != 1).then(|| format!("stride={stride}"))
}

fn activation(plan: &Plan, activation: Activation) -> Option<String> {
    (activation != plan.activation).then(|| format!("act={}", module(activation)))
}

/// Number of stages that the feature maps need.
fn needed(plan: &Plan) -> usize {
    let deepest = plan.pyramid.last().and_then(|feature| feature.stage);
    deepest.map_or(0, |stage| stage + 1)
}

/// What only one of the two uses has.
fn uses(python: &mut Python, plan: &Plan) {
    python.blank();
    let needed = needed(plan);
    if needed < plan.stages.len() {
        python.line("if features_only:");
        python.indented(|python| python.line(format!("self.stages = self.stages[:{needed}]")));
        python.line("else:");
    } else {
        python.line("if not features_only:");
    }
    python.indented(|python| head(python, plan));
    python.blank();
}

fn head(python: &mut Python, plan: &Plan) {
    let head = &plan.head;
    let mut inputs = plan.last_channels();
    if let Some(channels) = head.channels {
        let mut arguments = vec![inputs.to_string(), channels.to_string(), "1".to_owned()];
        arguments.extend(activation(plan, head.activation));
        python.call("self.head = ConvNormAct(", &arguments, ")");
        inputs = channels;
    }
    python.line("self.pool = nn.AdaptiveAvgPool2d(1)");
    if let Some(hidden) = head.hidden {
        python.line(format!("self.hidden = nn.Linear({inputs}, {hidden})"));
        python.line(format!("self.hidden_act = {}()", module(head.activation)));
        inputs = hidden;
    }
    let classifier = format!("nn.Linear({inputs}, num_classes)");
    python.optional("classifier", &classifier, "num_classes");
}

fn forward_features(python: &mut Python, plan: &Plan) {
    python.method("forward_features", |python| {
        python.line("\"\"\"The last feature map.\"\"\"");
        python.line(if plan.stem.pool {
            "return self.stages(self.maxpool(self.stem(x)))"
        } else {
            "return self.stages(self.stem(x))"
        });
    });
}

fn forward_head(python: &mut Python, plan: &Plan) {
    python.method("forward_head", |python| {
        python.line("\"\"\"From the last feature map to logits.\"\"\"");
        let pooled = if plan.head.channels.is_some() {
            "x = self.pool(self.head(x)).flatten(1)"
        } else {
            "x = self.pool(x).flatten(1)"
        };
        python.line(pooled);
        if plan.head.hidden.is_some() {
            python.line("x = self.hidden_act(self.hidden(x))");
        }
        python.line("return self.classifier(x)");
    });
}

fn forward_pyramid(python: &mut Python, plan: &Plan) {
    let stages: Vec<usize> = plan.pyramid.iter().filter_map(|f| f.stage).collect();
    let from_stem = plan.pyramid.len() > stages.len();
    python.method("forward_pyramid", |python| {
        python.line("\"\"\"The feature maps of `feature_info`, from fine to coarse.\"\"\"");
        python.line("x = self.stem(x)");
        if plan.stem.pool {
            python.line("x = self.maxpool(x)");
        }
        if stages.is_empty() {
            return python.line("return [x]");
        }
        python.line(if from_stem {
            "features = [x]"
        } else {
            "features = []"
        });
        if stages.len() == needed(plan) {
            python.line("for stage in self.stages:");
            python.indented(|python| {
                python.line("x = stage(x)");
                python.line("features.append(x)");
            });
        } else {
            python.line("for index, stage in enumerate(self.stages):");
            python.indented(|python| {
                python.line("x = stage(x)");
                let listed: Vec<String> = stages.iter().map(ToString::to_string).collect();
                match &*listed {
                    [only] => python.line(format!("if index == {only}:")),
                    _ => python.call("if index in (", &listed, "):"),
                }
                python.indented(|python| python.line("features.append(x)"));
            });
        }
        python.line("return features");
    });
}
