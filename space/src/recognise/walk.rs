//! The way from the image to the end of the backbone, block by block.

use super::behind::Behind;
use super::families::{Family, Sum, family};
use super::graph::{Graph, IMAGE, Id};
use super::path::{SqueezeExcite, Step};
use super::{RecogniseError, Remark};
use crate::activation::Activation;
use crate::block::{Block, BlockKind, Groups};
use crate::definition::StemPool;
use crate::op::{Op, PoolKind, Work};

/// What was met on the way.
#[derive(Debug, Clone)]
pub(super) struct Walked {
    pub(super) stem: FoundStem,
    pub(super) blocks: Vec<FoundBlock>,
    pub(super) head: Option<FoundHead>,
    /// Strides whose feature maps are outputs, or are read by what was not recognised.
    pub(super) features: Vec<usize>,
    pub(super) remarks: Vec<Remark>,
    /// Share of the MACs that lie in layers which were recognised; of those of the backbone where something comes behind it.
    pub(super) share: f64,
    /// The neck and head, where no classifier ends the network.
    pub(super) behind: Option<Behind>,
    /// Whether layers that do arithmetic are left out behind the backbone, beside a classifier.
    pub(super) is_cut: bool,
}

/// The first convolution.
#[derive(Debug, Clone)]
pub(super) struct FoundStem {
    pub(super) channels: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) activation: Activation,
    pub(super) pool: Option<StemPool>,
}

/// A block.
#[derive(Debug, Clone)]
pub(super) struct FoundBlock {
    pub(super) block: Block,
    pub(super) inputs: usize,
    pub(super) channels: usize,
    pub(super) stride: usize,
    pub(super) se: Option<SqueezeExcite>,
}

/// The classifier.
#[derive(Debug, Clone)]
pub(super) struct FoundHead {
    pub(super) channels: Option<usize>,
    pub(super) hidden: Option<usize>,
    pub(super) activation: Activation,
    pub(super) classes: usize,
}

/// Who must have read a tensor where a stretch behind it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// All that read it.
    Whole,
    /// All, or else the first.
    Either,
}

/// Nodes that a stretch without a known form may have: more are no block.
const LONGEST_STRETCH: usize = 80;

/// Walks through a network.
pub(super) fn walk(graph: &Graph<'_>) -> Result<Walked, RecogniseError> {
    let mut walk = Walk {
        graph,
        covered: vec![false; graph.nodes.len()],
        known: vec![false; graph.nodes.len()],
        ends: Vec::new(),
        remarks: Vec::new(),
        pending: 1,
    };
    walk.covered[IMAGE] = true;
    let (stem, mut x, mut stride) = walk.stem()?;
    walk.ends.push((x, stride));
    let mut blocks: Vec<FoundBlock> = Vec::new();
    let mut head = None;
    // what was passed since the last block, and how much had been said by then
    let (mut passed, mut said): (Vec<Id>, usize) = (Vec::new(), walk.remarks.len());
    loop {
        if let Some((found, _)) = walk.head(x) {
            head = found;
            break;
        }
        if let Some((found, out)) = walk.block(x, blocks.last()) {
            stride *= found.stride;
            x = out;
            walk.ends.push((x, stride));
            blocks.push(found);
            passed.clear();
            said = walk.remarks.len();
        } else if let Some(out) = walk.passed_over(x) {
            x = out;
            passed.push(out);
        } else {
            // no block came: it belongs to what comes behind them
            for &id in &passed {
                walk.covered[id] = false;
            }
            walk.remarks.truncate(said);
            break;
        }
    }
    let features = walk.features(head.is_some(), stride);
    let macs = |nodes: &[bool]| -> u64 {
        let counted = (0..graph.nodes.len()).filter(|&id| nodes[id]);
        counted.map(|id| graph.macs(id)).sum()
    };
    let all = macs(&vec![true; graph.nodes.len()]).max(1) as f64;
    let passed = macs(&walk.covered) as f64;
    let left = Behind::new(graph, &walk.covered, &walk.ends, 1.0 - passed / all);
    let mut is_cut = false;
    let (behind, of) = match left {
        Some(left) if head.is_some() => {
            walk.remarks.push(left.left_out(None));
            is_cut = left.share > 0.0;
            (None, all)
        }
        Some(left) => (Some(left), passed.max(1.0)),
        None => (None, all),
    };
    Ok(Walked {
        stem,
        blocks,
        head,
        features,
        share: macs(&walk.known) as f64 / of,
        remarks: walk.remarks,
        behind,
        is_cut,
    })
}

struct Walk<'g, 'n> {
    graph: &'g Graph<'n>,
    /// Nodes that were passed.
    covered: Vec<bool>,
    /// Those among them that have a form which a space can have.
    known: Vec<bool>,
    /// Ends of the stem and of the blocks, with their strides.
    ends: Vec<(Id, usize)>,
    remarks: Vec<Remark>,
    /// Stride of a pooling between blocks, which the next block takes on.
    pending: usize,
}

impl Walk<'_, '_> {
    fn take(&mut self, nodes: &[Id]) {
        for &id in nodes {
            self.covered[id] = true;
            self.known[id] = true;
        }
    }

    fn remark(&mut self, at: Id, what: impl Into<String>) {
        self.remarks.push(Remark {
            layer: self.graph.name(at),
            what: what.into(),
        });
    }

    /// The first convolution, behind what scales the image.
    fn stem(&mut self) -> Result<(FoundStem, Id, usize), RecogniseError> {
        let graph = self.graph;
        let mut x = IMAGE;
        let first = loop {
            let readers = &graph.node(x).readers;
            let Some(&reader) = readers.first() else {
                return Err(RecogniseError::NoStem {
                    first: "nothing".to_owned(),
                });
            };
            match graph.op(reader) {
                Some(Op::Conv(_)) => break reader,
                _ if readers.len() == 1 && self.keeps_everything(reader) => {
                    self.covered[reader] = true;
                    self.remark(reader, "is left out: it comes before the first convolution");
                    x = reader;
                }
                _ => {
                    return Err(RecogniseError::NoStem {
                        first: graph.described(reader),
                    });
                }
            }
        };
        let path = graph.path(first);
        let [step, ..] = &path[..] else {
            return Err(RecogniseError::NoStem {
                first: graph.described(first),
            });
        };
        let mut remarks = Vec::new();
        let found = family(&path[..1], Sum::None);
        let kernel = match &found {
            Some(found) if found.block.kind == BlockKind::Conv => {
                remarks.extend(
                    found
                        .remarks
                        .iter()
                        .filter(|remark| !remark.contains("stride"))
                        .cloned(),
                );
                found.block.kernel
            }
            _ => {
                let side = step.conv.kernel[0].max(step.conv.kernel[1]);
                remarks.push("is a stem without activation, here with one".to_owned());
                if side.is_multiple_of(2) {
                    side + 1
                } else {
                    side
                }
            }
        };
        if step.conv.groups > 1 {
            remarks.push("works in groups, which a stem doesn't".to_owned());
        }
        let found = step.conv.stride[0].max(step.conv.stride[1]);
        let stride = [1, 2, 4]
            .into_iter()
            .rfind(|&stride| stride <= found)
            .unwrap_or(1);
        if stride != found || step.conv.stride != [found; 2] {
            let [rows, columns] = step.conv.stride;
            remarks.push(format!("has stride {rows}x{columns}, here {stride}"));
        }
        for remark in remarks {
            self.remark(first, remark);
        }
        self.take(&step.nodes);
        let mut out = step.out();
        let (pool, whole) = match graph
            .only_reader(out)
            .map(|reader| (reader, graph.op(reader)))
        {
            Some((reader, Some(Op::Pool(pool))))
                if pool.kind == PoolKind::Max && pool.stride == 2 =>
            {
                if (pool.kernel, pool.padding) != (3, 1) {
                    self.remark(
                        reader,
                        "is another pooling than 3x3 with padding 1, which stands for it here",
                    );
                }
                self.take(&[reader]);
                out = reader;
                (Some(StemPool::Max), 2 * stride)
            }
            _ => (None, stride),
        };
        let stem = FoundStem {
            channels: step.conv.out_channels,
            kernel: kernel.min(31),
            stride,
            activation: step.activation.unwrap_or(Activation::Relu),
            pool,
        };
        Ok((stem, out, whole))
    }

    /// Whether a node computes each element from the same element.
    fn keeps_everything(&self, id: Id) -> bool {
        let node = self.graph.node(id);
        let same = node.inputs.len() == 1 && self.graph.shape(node.inputs[0]) == node.shape;
        match &node.op {
            Some(Op::BatchNorm | Op::Activation(_)) => same,
            Some(Op::Other(other)) => {
                same && matches!(
                    other.work,
                    Work::Elementwise { .. } | Work::View | Work::Move
                )
            }
            _ => false,
        }
    }

    /// The block that begins at a tensor, and what it puts out.
    fn block(&mut self, x: Id, last: Option<&FoundBlock>) -> Option<(FoundBlock, Id)> {
        let readers = self.graph.node(x).readers.clone();
        let mut found = readers.iter().find_map(|&first| self.residual(x, first));
        if found.is_none() {
            let open = readers.iter().filter(|&&id| !self.covered[id]).count();
            if open > 1
                && let Some(branches) = self.stretch(x, Reading::Whole, last)
            {
                return Some(branches);
            }
            found = readers.iter().find_map(|&first| self.chain(x, first, last));
        }
        match found {
            Some((family, nodes, out)) => {
                self.take(&nodes);
                let first = nodes[0];
                for remark in &family.remarks {
                    self.remark(first, remark);
                }
                Some((self.placed(&family, x, out), out))
            }
            None => self.stretch(x, Reading::Either, last),
        }
    }

    fn placed(&mut self, family: &Family, x: Id, out: Id) -> FoundBlock {
        let mut stride = family.stride;
        if self.pending > 1 {
            stride = (stride * self.pending).min(2);
            self.pending = 1;
        }
        FoundBlock {
            block: family.block,
            inputs: self.graph.shape(x).channels,
            channels: self.graph.shape(out).channels,
            stride,
            se: family.se,
        }
    }

    /// A block whose sum adds what it was given.
    fn residual(&self, x: Id, first: Id) -> Option<(Family, Vec<Id>, Id)> {
        let graph = self.graph;
        let path = graph.path(first);
        let last = path.last()?.out();
        let add = graph.only_reader(last)?;
        let Some(Op::Add) = graph.op(add) else {
            return None;
        };
        let mut nodes: Vec<Id> = path.iter().flat_map(|step| step.nodes.clone()).collect();
        let other = graph
            .node(add)
            .inputs
            .iter()
            .copied()
            .find(|&input| input != last)?;
        let mut remarks = Vec::new();
        let shortcut = self.shortcut(x, other, &mut remarks)?;
        let is_projected = !shortcut.is_empty();
        nodes.extend(shortcut);
        nodes.push(add);
        let after = graph.only_reader(add);
        let activated = after.and_then(|id| match graph.op(id) {
            Some(Op::Activation(activation)) => Some((id, *activation)),
            _ => None,
        });
        let sums = [
            activated.map(|(_, activation)| Sum::Activated(activation)),
            Some(Sum::Plain),
        ];
        let found = sums
            .into_iter()
            .flatten()
            .find_map(|sum| Some((family(&path, sum)?, sum)));
        let (mut family, sum) = found?;
        let mut out = add;
        if let (Sum::Activated(activation), Some((id, _))) = (sum, activated) {
            out = id;
            nodes.push(id);
            if activation != family.block.activation {
                let remark = format!(
                    "has {activation} behind its sum, here {}",
                    family.block.activation
                );
                family.remarks.push(remark);
            }
        }
        let keeps = graph.shape(x) == graph.shape(out);
        let projects = matches!(family.block.kind, BlockKind::Basic | BlockKind::Bottleneck);
        if is_projected && (keeps || !projects) {
            family
                .remarks
                .push("has a convolution in its shortcut, which is left out here".to_owned());
        }
        family.remarks.extend(remarks);
        Some((family, nodes, out))
    }

    /// The nodes of a shortcut: none where it is the tensor itself.
    fn shortcut(&self, x: Id, end: Id, remarks: &mut Vec<String>) -> Option<Vec<Id>> {
        if end == x {
            return Some(Vec::new());
        }
        let graph = self.graph;
        let Some(Op::Conv(conv)) = graph.op(end) else {
            return None;
        };
        graph.only_reader(end)?;
        if !conv.is_pointwise() || conv.groups > 1 {
            remarks.push("has another convolution than 1x1 in its shortcut".to_owned());
        }
        let &from = graph.node(end).inputs.first()?;
        if from == x {
            return Some(vec![end]);
        }
        let pools = matches!(graph.op(from), Some(Op::Pool(_))) && graph.node(from).inputs == [x];
        if !pools {
            return None;
        }
        graph.only_reader(from)?;
        remarks
            .push("has a pooling in its shortcut, here a stride of the 1x1 convolution".to_owned());
        Some(vec![from, end])
    }

    /// A block without a sum.
    fn chain(&self, x: Id, first: Id, last: Option<&FoundBlock>) -> Option<(Family, Vec<Id>, Id)> {
        let path = self.graph.path(first);
        let mut found = family(&path, Sum::None)?;
        // a neck begins with a projection: it makes no fused block of the convolution before it
        let is_read = self
            .graph
            .node(x)
            .readers
            .iter()
            .any(|&id| id != first && !self.covered[id]);
        let fused = BlockKind::FusedInvertedBottleneck;
        if found.block.kind == fused
            && (is_read || self.is_tapped())
            && last.is_none_or(|last| last.block.kind != fused)
        {
            found = family(&path[..1], Sum::None)?;
        }
        let steps: &[Step] = &path[..found.steps];
        // a neck's first convolutions are no blocks
        if found.block.kind == BlockKind::Identity && self.is_tapped() {
            return None;
        }
        let out = steps[steps.len() - 1].out();
        let keeps = self.graph.shape(x) == self.graph.shape(out);
        let adds = matches!(
            found.block.kind,
            BlockKind::InvertedBottleneck
                | BlockKind::FusedInvertedBottleneck
                | BlockKind::GroupedShuffle
                | BlockKind::LargeKernelDepthwise
        );
        if keeps && adds {
            found
                .remarks
                .push("has no sum around it, here it has one".to_owned());
        }
        if keeps && found.block.kind == BlockKind::Identity {
            found
                .remarks
                .push("is a 1x1 convolution without activation, which is left out here".to_owned());
        }
        let nodes = steps.iter().flat_map(|step| step.nodes.clone()).collect();
        Some((found, nodes, out))
    }

    /// Whether something that was not passed reads the end of an earlier block.
    fn is_tapped(&self) -> bool {
        let Some((_, earlier)) = self.ends.split_last() else {
            return false;
        };
        earlier.iter().any(|&(end, _)| {
            let readers = &self.graph.node(end).readers;
            readers.iter().any(|&reader| !self.covered[reader])
        })
    }

    /// A stretch without a known form, from a tensor to the next that everything goes through: the nearest block stands for it.
    fn stretch(
        &mut self,
        x: Id,
        reading: Reading,
        last: Option<&FoundBlock>,
    ) -> Option<(FoundBlock, Id)> {
        let graph = self.graph;
        let end = self.next_cut(x, reading)?;
        let (before, after) = (graph.shape(x), graph.shape(end));
        let inside: Vec<Id> = (x + 1..=end).filter(|&id| !self.covered[id]).collect();
        // what goes down and up again, or grows, is a neck; a gate that is made of all positions is none
        let is_level = |&id: &Id| {
            let (node, shape) = (graph.node(id), graph.shape(id));
            let mut inputs = node.inputs.iter().map(|&input| graph.shape(input));
            let widens = shape.positions() > 1
                && !matches!(node.op, Some(Op::Scale))
                && inputs.any(|input| input.positions() == 1);
            shape.positions() == 1
                || (!widens && shape.height >= after.height && shape.height <= before.height)
        };
        let works = inside.iter().filter(|&&id| graph.macs(id) > 0).count();
        // a single layer that only moves or pools is no block, and one at the end of a backbone that is read elsewhere begins a neck
        let least = if self.is_tapped() { 2 } else { 1 };
        if after.height == 1
            || works < least
            || inside.len() > LONGEST_STRETCH
            || !inside.iter().all(is_level)
        {
            return None;
        }
        let block = last.map_or(BlockKind::InvertedBottleneck.default_block(), |last| {
            last.block
        });
        let block = Block {
            groups: fitting(block.groups, after.channels),
            ..block
        };
        let stride = if before.height > after.height { 2 } else { 1 };
        let names: Vec<String> = inside.iter().map(|&id| graph.described(id)).collect();
        let nearest = format!("of a space; one block ({}) stands for", block.kind);
        self.remarks.push(match &names[..] {
            [first, .., last] => Remark {
                layer: format!("{first} to {last}, {} layers", names.len()),
                what: format!("form no block {nearest} them"),
            },
            _ => Remark {
                layer: names.concat(),
                what: format!("is no block {nearest} it"),
            },
        });
        for &id in &inside {
            self.covered[id] = true;
        }
        let family = Family {
            block,
            steps: 0,
            stride,
            se: None,
            remarks: Vec::new(),
        };
        Some((self.placed(&family, x, end), end))
    }

    /// The next tensor behind which nothing reads what lies between.
    fn next_cut(&self, x: Id, reading: Reading) -> Option<Id> {
        let open = |id: &Id| !self.covered[*id];
        let readers = self.graph.nodes[x].readers.iter().copied().filter(open);
        let (first, last) = (readers.clone().min()?, readers.max()?);
        let whole = self.cut_from(x, first, last);
        match reading {
            Reading::Whole => whole,
            // where a neck reads the tensor as well, its reader is far away
            Reading::Either => whole.or_else(|| self.cut_from(x, first, first)),
        }
    }

    /// The first tensor from `first` on behind which nothing reads what lies between; it comes no earlier than `latest`.
    fn cut_from(&self, x: Id, first: Id, mut latest: Id) -> Option<Id> {
        let nodes = &self.graph.nodes;
        let reach = nodes.iter().enumerate().skip(first).take(LONGEST_STRETCH);
        for (id, node) in reach {
            let foreign = |&input: &Id| input < x && input != IMAGE;
            if node.inputs.iter().any(foreign) {
                return None;
            }
            if id >= latest && id > x {
                return Some(id);
            }
            let reads = node.readers.iter().copied().max();
            latest = latest.max(reads.unwrap_or(usize::MAX));
        }
        None
    }

    /// What stands between blocks and is none: a pooling, whose stride the next block takes on, or something elementwise.
    fn passed_over(&mut self, x: Id) -> Option<Id> {
        let graph = self.graph;
        let reader = graph
            .node(x)
            .readers
            .iter()
            .copied()
            .find(|&id| !self.covered[id])?;
        let passes = match graph.op(reader)? {
            Op::Pool(pool) if !graph.pools_all(reader) => {
                if pool.stride > 1 {
                    self.pending = 2;
                    self.remark(
                        reader,
                        "is a pooling between blocks; the block behind it has its stride here",
                    );
                } else {
                    self.remark(
                        reader,
                        "is a pooling between blocks, which is left out here",
                    );
                }
                true
            }
            _ if self.keeps_everything(reader) => {
                self.remark(reader, "stands alone between blocks, and is left out here");
                true
            }
            _ => false,
        };
        self.covered[reader] = passes;
        passes.then_some(reader)
    }

    /// The classifier at the end, if it begins here: nothing inside where the network ends in features.
    fn head(&mut self, x: Id) -> Option<(Option<FoundHead>, Id)> {
        let graph = self.graph;
        let readers = graph.node(x).readers.clone();
        let mut nodes = Vec::new();
        let mut channels = None;
        let mut activation = None;
        let mut pool = readers.iter().copied().find(|&id| graph.pools_all(id));
        if pool.is_none() {
            let found = readers.iter().find_map(|&id| {
                let step = graph.path(id).into_iter().next()?;
                let pool = graph
                    .only_reader(step.out())
                    .filter(|&id| graph.pools_all(id))?;
                let plain =
                    step.is_pointwise() && step.conv.groups == 1 && step.conv.stride == [1; 2];
                let plain = plain && step.se.is_none() && step.activation.is_some();
                plain.then_some((step, pool))
            });
            let (step, behind) = found?;
            channels = Some(step.conv.out_channels);
            activation = step.activation;
            nodes.extend(step.nodes);
            pool = Some(behind);
        }
        let pool = pool?;
        // squeeze-and-excite pools as well
        if readers.len() > 1
            && readers
                .iter()
                .any(|&id| matches!(graph.op(id), Some(Op::Scale)))
        {
            return None;
        }
        nodes.push(pool);
        let mut layers: Vec<(Id, usize)> = Vec::new();
        let mut remarks: Vec<(Id, String)> = Vec::new();
        let mut end = pool;
        while let Some(next) = graph.node(end).readers.first().copied() {
            match (graph.op(next), graph.features(next)) {
                (_, Some(features)) => layers.push((next, features)),
                (Some(Op::Activation(found)), _) => {
                    if *activation.get_or_insert(*found) != *found {
                        let remark = "is another activation than the first of the head, which stands for it here";
                        remarks.push((next, remark.to_owned()));
                    }
                }
                _ if self.keeps_everything(next) => {
                    remarks.push((next, "is left out of the head".to_owned()));
                }
                _ => break,
            }
            nodes.push(next);
            end = next;
        }
        if self.widens(end) {
            return None;
        }
        self.take(&nodes);
        for (at, what) in remarks {
            self.remark(at, what);
        }
        let Some((&(_, classes), before)) = layers.split_last() else {
            self.remark(pool, "ends the network; a space has feature maps or a classifier at its end, here the last map");
            return Some((None, end));
        };
        if let [_, rest @ ..] = before
            && let Some(&(at, _)) = rest.last()
        {
            self.remark(at, "is one more linear layer than a head has");
        }
        let head = FoundHead {
            channels,
            hidden: before.first().map(|&(_, features)| features),
            activation: activation.unwrap_or(Activation::Relu),
            classes,
        };
        Some((Some(head), end))
    }

    /// Whether something of several positions is made of a tensor: a decoder pools too, and goes on with maps.
    fn widens(&self, from: Id) -> bool {
        let mut open = vec![from];
        let mut met = vec![false; self.graph.nodes.len()];
        while let Some(id) = open.pop() {
            for &reader in &self.graph.node(id).readers {
                if self.graph.shape(reader).positions() > 1 {
                    return true;
                }
                if !std::mem::replace(&mut met[reader], true) {
                    open.push(reader);
                }
            }
        }
        false
    }

    /// Strides of the feature maps that leave the backbone.
    fn features(&mut self, has_head: bool, last: usize) -> Vec<usize> {
        let mut strides: Vec<usize> = Vec::new();
        let ends = self.ends.clone();
        for (place, &(end, stride)) in ends.iter().enumerate() {
            let node = self.graph.node(end);
            let read = node.readers.iter().any(|&reader| !self.covered[reader]);
            if !node.leaves && !read {
                continue;
            }
            if ends
                .iter()
                .skip(place + 1)
                .any(|&(_, later)| later == stride)
            {
                let what = format!(
                    "is read at stride {stride} before that stride's last block; here the last is the output"
                );
                self.remark(end, what);
            }
            if !strides.contains(&stride) {
                strides.push(stride);
            }
        }
        if strides.is_empty() && !has_head {
            strides.push(last);
        }
        strides
    }
}

/// Groups that split these channels, as a block found elsewhere has them.
fn fitting(groups: Groups, channels: usize) -> Groups {
    match groups {
        Groups::Count(count) if channels.is_multiple_of(count) => groups,
        Groups::Depthwise => groups,
        Groups::Count(_) | Groups::Width(_) => Groups::Count(1),
    }
}
