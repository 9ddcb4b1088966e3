//! Heads cut out of whole networks.

use super::*;
use crate::definition::{Choices, Numbers};
use crate::fixed_head::{FixedHead, HeadCutError};
use crate::network::{NetworkBuilder, Part, Role};
use crate::onnx::import::{cut, decoded, head};
use crate::onnx::{Batch, InitialWeights, export};
use crate::recognise::{Likeness, Recognised, recognise};
use crate::{Conv, SearchSpace};

/// A backbone with feature maps at strides 8 and 16.
const BACKBONE: &str = r#"
resolution = "64x96"
features = [8, 16]
stem = { channels = 16 }
stage = [
    { block = "inverted_bottleneck", depth = 2, channels = 24, stride = 2, expand = 4 },
    { block = "inverted_bottleneck", depth = 2, channels = 40, stride = 2, expand = 4, activation = "hard_swish" },
    { block = "inverted_bottleneck", depth = 1, channels = 64, stride = 2, expand = 4 },
    { block = "inverted_bottleneck", depth = 2, channels = 80, stride = 1, expand = 4 },
]
"#;

/// A detector: from the finer map down to the coarser one, joined to it, and two outputs.
fn detector() -> Network {
    let space = SearchSpace::new(toml::from_str(BACKBONE).unwrap()).unwrap();
    let backbone = space.decode(&space.only());
    let [fine, coarse] = [0, 1].map(|output| backbone.outputs()[output].tensor);
    let mut b = NetworkBuilder::continuing(backbone);
    b.section(Part::FixedHead, "");
    let conv = |conv: Conv| Op::Conv(conv.with_bias());
    let down = b.push("down", conv(Conv::same(32, 3, 2)), &[fine], Role::Main);
    let join = b.push("join", Op::Concat, &[down, coarse], Role::Main);
    let mixed = b.push("mixed", conv(Conv::same(32, 3, 1)), &[join], Role::Main);
    let boxes = b.push("boxes", conv(Conv::pointwise(16)), &[mixed], Role::Main);
    let scores = b.push("scores", conv(Conv::pointwise(10)), &[fine], Role::Main);
    b.output("boxes", boxes);
    b.output("scores", scores);
    b.finish().unwrap()
}

/// A detector read from its file, with what was found in it.
fn found() -> (Vec<u8>, Network, Recognised) {
    let bytes = export(&detector(), InitialWeights::seeded(1), Batch::Fixed(1)).unwrap();
    let read = import(&bytes, &ImportOptions::default()).unwrap();
    let found = recognise(&read).unwrap();
    (bytes, read, found)
}

fn maps(head: &FixedHead) -> Vec<(&str, String)> {
    let inputs = head.inputs().iter();
    inputs
        .map(|input| (&*input.name, input.shape.to_string()))
        .collect()
}

#[test]
fn a_detector_is_its_backbone_with_its_head() {
    let (bytes, read, found) = found();
    assert_eq!(found.remarks, []);
    assert_eq!(found.own.features, [8, 16]);
    let behind = found.behind.clone().unwrap();
    assert!(
        behind.share > 0.05 && behind.share < 0.5,
        "{}",
        behind.share
    );
    let model = decoded(&bytes).unwrap();
    let (cut, alone) = cut::cut_head(model, "own", &read, &behind.cut).unwrap();
    assert_eq!(
        maps(&cut),
        [("stride8", "40x8x12".into()), ("stride16", "80x4x6".into())]
    );
    assert_eq!((cut.name(), cut.layers()), ("own", 5));
    assert!(alone.len() < bytes.len() / 10);
    // what is written reads as the same
    assert_eq!(head(&decoded(&alone).unwrap(), Some("own")).unwrap(), cut);

    // channels that the head reads are no choice, the others are
    let around = found.surroundings().unwrap();
    let stages = around.definition.stage.iter();
    let settled = stages.map(|stage| matches!(stage.channels, Numbers::Listed(Choices::One(_))));
    assert_eq!(settled.collect::<Vec<_>>(), [false, true, false, true]);
    let own = around.space.parse(&around.own).unwrap();
    let space = around.space.with_fixed_head(cut).unwrap();
    let likeness = Likeness::of(&read, &space.deployed(&own));
    assert!(likeness.is_same(), "{likeness:#?}");
}

#[test]
fn what_lies_within_the_backbone_is_not_read() {
    let (bytes, read, found) = found();
    let behind = found.behind.unwrap();
    let cut = |change: &dyn Fn(&mut crate::HeadCut)| {
        let mut cut = behind.cut.clone();
        change(&mut cut);
        cut::cut_head(decoded(&bytes).unwrap(), "own", &read, &cut).unwrap_err()
    };
    let fine = |cut: &crate::HeadCut| {
        let of_8 = cut.maps.iter().filter(|(_, stride)| **stride == 8);
        *of_8.map(|(layer, _)| layer).next_back().unwrap()
    };
    let within = cut(&|cut| {
        let layer = fine(cut);
        cut.maps.remove(&layer);
    });
    let HeadCutError::Within(layer) = within else {
        panic!("{within:?}");
    };
    assert_eq!(layer, read.layer_name(fine(&behind.cut)));
    let differ = cut(&|cut| cut.maps.values_mut().for_each(|stride| *stride = 8));
    assert!(
        matches!(differ, HeadCutError::Differ { stride: 8, .. }),
        "{differ:?}"
    );
    // without a boundary the way back ends at the image
    let image = cut(&|cut| *cut = crate::HeadCut::default());
    assert!(matches!(image, HeadCutError::Input(_)), "{image:?}");
    let all = cut(&|cut| cut.backbone.extend(0..read.layers().len()));
    assert_eq!(all, HeadCutError::NoOutput);
}

#[test]
fn what_is_left_out_is_told_with_the_reason() {
    let (_, _, found) = found();
    let share = found.share * (1.0 - found.behind.as_ref().unwrap().share);
    let without = found.without_head(Some("it reads the moon")).unwrap();
    assert_eq!(without.behind, None);
    assert!((without.share - share).abs() < 1e-12);
    let [remark] = &without.remarks[..] else {
        panic!("{:?}", without.remarks);
    };
    let said = remark.to_string();
    for part in [
        "down (conv)",
        "scores (conv)",
        "5 layers",
        "left out",
        "; it reads the moon",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

fn conv(stride: i64) -> [AttributeProto; 2] {
    [
        ints("strides", &[stride, stride]),
        ints("pads", &[1, 1, 1, 1]),
    ]
}

/// A backbone down to `map` at stride 8, for two images of 32x48, and some weights and numbers.
fn backbone() -> Model {
    Model::new(&[2, 3, 32, 48])
        .weight("w0", &[16, 3, 3, 3])
        .weight("w1", &[24, 16, 3, 3])
        .weight("w2", &[24, 24, 3, 3])
        .weight("w3", &[8, 24, 1, 1])
        .ints("from", &[2])
        .ints("to", &[4])
        .ints("many", &[2, 8])
        .node("Conv", "x w0", "c0", &conv(2))
        .node("Relu", "c0", "r0", &[])
        .node("Conv", "r0 w1", "c1", &conv(2))
        .node("Relu", "c1", "r1", &[])
        .node("Conv", "r1 w2", "c2", &conv(2))
        .node("Relu", "c2", "map", &[])
}

/// The head of a model whose backbone that is, with the layers behind its inputs, and the model that it has become.
fn cut_from(model: Model) -> (FixedHead, Vec<String>, GraphProto) {
    let bytes = model.bytes();
    let read = import(&bytes, &ImportOptions::default()).unwrap();
    let layer = |name: &str| read.file_names().value(name).unwrap();
    let backbone = ["c0", "r0", "c1", "r1", "c2", "map"].map(layer);
    let cut = crate::HeadCut {
        maps: [(layer("r1"), 4), (layer("map"), 8)].into(),
        backbone: backbone.into(),
    };
    let (cut, alone) = cut::cut_head(decoded(&bytes).unwrap(), "own", &read, &cut).unwrap();
    let layers = listing(cut.network()).split_off(cut.inputs().len());
    let alone = decoded(&alone).unwrap().graph.unwrap();
    (cut, layers, alone)
}

/// The sizes that an upsampling asks for are those of the image, as exporters write them where sizes are open.
#[test]
fn sizes_are_asked_of_the_image() {
    let model = backbone()
        .node("Conv", "map w3", "lateral", &[])
        .node("Shape", "x", "shape", &[])
        .node("Slice", "shape from to", "sides", &[])
        .node("Concat", "many sides", "target", &[int("axis", 0)])
        .node("Resize", "lateral _ _ target", "y", &[]);
    let (cut, layers, alone) = cut_from(model);
    assert_eq!(maps(&cut), [("stride8", "24x4x6".into())]);
    assert_eq!(
        layers,
        [
            "lateral: conv 1x1 g1 -> 8x4x6",
            "y: Resize (move) -> 8x32x48"
        ]
    );
    // both images
    let sizes = super::super::inputs::declared(&alone.input[0]).unwrap();
    assert_eq!(sizes[0], Some(2));
}

/// A map whose sizes alone are asked for is not read: a pyramid upsamples to the size of the level above.
#[test]
fn sizes_are_asked_of_maps() {
    let model = backbone()
        .node("Conv", "map w3", "lateral", &[])
        .node("Shape", "r1", "sides", &[int("start", -2)])
        .node("Concat", "many sides", "target", &[int("axis", 0)])
        .node("Resize", "lateral _ _ target", "y", &[]);
    let (cut, layers, _) = cut_from(model);
    assert_eq!(maps(&cut), [("stride8", "24x4x6".into())]);
    assert_eq!(layers[1], "y: Resize (move) -> 8x8x12");
}

#[test]
fn names_that_are_taken_are_left_to_the_head() {
    let model = backbone()
        .node("Conv", "map w3", "stride8", &[])
        .node("Relu", "stride8", "y", &[]);
    let (cut, layers, alone) = cut_from(model);
    assert_eq!(maps(&cut), [("stride8_map", "24x4x6".into())]);
    assert_eq!(layers[0], "stride8: conv 1x1 g1 -> 8x4x6");
    assert_eq!(cut.strides("32x48".parse().unwrap()).unwrap(), [8]);
    assert_eq!(alone.initializer.len(), 1);
}
