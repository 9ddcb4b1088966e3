use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::network::Role;
use crate::op::Conv;
use crate::space::SearchSpace;

const HEADER: &str = "network,layer,op,kernel_h,kernel_w,stride_h,stride_w,dilation,groups,in_channels,in_h,in_w,out_channels,out_h,out_w,activation,bias,inputs,from";

/// A pyramid over two levels, at 64x96: 40 channels at stride 8, 80 at 16.
const PYRAMID: [&str; 6] = [
    "fpn,0,conv,1,1,1,1,1,1,80,4,6,32,4,6,,1,1,stride16",
    "fpn,1,resize,,,,,,,32,4,6,32,8,12,,0,1,0",
    "fpn,2,conv,1,1,1,1,1,1,40,8,12,32,8,12,,1,1,stride8",
    "fpn,3,add,1,1,1,1,1,1,32,8,12,32,8,12,,0,2,2;1",
    "fpn,4,conv,3,3,1,1,1,1,32,8,12,24,8,12,relu,1,1,3",
    "fpn,5,conv,3,3,1,1,1,1,32,4,6,24,4,6,relu,1,1,0",
];

fn head(rows: &[&str]) -> Result<FixedHead, HeadTableError> {
    FixedHead::from_layers(format!("{HEADER}\n{}\n", rows.join("\n")).as_bytes())
}

fn refusal(rows: &[&str]) -> String {
    head(rows).unwrap_err().to_string()
}

/// Stages end at strides 4, 8 and 16 with these channels to choose from.
fn space(last: &str) -> SearchSpace {
    let stage = |channels: &str| {
        format!(
            "[[stage]]\nblock = \"inverted_bottleneck\"\nkernel = [3, 5]\nexpand = [3]\ndepth = [1, 2]\nstride = 2\nchannels = {channels}\n"
        )
    };
    let text = format!(
        "resolution = \"64x96\"\nfeatures = [8, 16]\n[stem]\nchannels = 16\n{}{}{}",
        stage("[16, 24]"),
        stage("40"),
        stage(last)
    );
    SearchSpace::new(toml::from_str(&text).unwrap()).unwrap()
}

#[test]
fn a_table_becomes_a_head() {
    let head = head(&PYRAMID).unwrap();
    let inputs: Vec<(&str, String)> = head
        .inputs()
        .iter()
        .map(|input| (&*input.name, input.shape.to_string()))
        .collect();
    assert_eq!(
        inputs,
        [("stride16", "80x4x6".into()), ("stride8", "40x8x12".into())]
    );
    assert_eq!(head.layers(), 8);
    assert_eq!(head.strides("64x96".parse().unwrap()).unwrap(), [16, 8]);
    assert!(head.unknown_layers().is_empty());
}

#[test]
fn rows_that_make_no_head_are_refused_with_their_line() {
    let with = |row: &str| refusal(&[PYRAMID[0], row]);
    assert!(with("fpn,1,conv,1,1,1,1,1,1,32,4,6,8,4,6,,1,1,").contains("line 3: from is empty"));
    assert!(
        with("fpn,1,conv,1,1,1,1,1,1,32,4,6,8,4,6,,1,1,7").contains("neither a layer before it")
    );
    assert!(with("fpn,1,conv,1,1,1,1,1,1,nan,4,6,8,4,6,,1,1,0").contains("in_channels = nan"));
    assert!(
        with("fpn,1,conv,1,1,1,1,1,1,16,4,6,8,4,6,,1,1,0")
            .contains("its input is 16x4x6, but 0 is 32x4x6")
    );
    assert!(with("other,1,conv,1,1,1,1,1,1,32,4,6,8,4,6,,1,1,0").contains("2 networks"));
    assert!(with("fpn,0,conv,1,1,1,1,1,1,32,4,6,8,4,6,,1,1,0").contains("there twice"));
    assert!(
        with("fpn,1,add,1,1,1,1,1,1,32,4,6,32,4,6,,0,2,0;stride8").contains("state it in a row")
    );
    assert!(
        with("fpn,1,add,1,1,1,1,1,1,32,4,6,32,4,6,,0,2,0")
            .contains("inputs = 2, and from = 0 names 1")
    );
    assert!(refusal(&["n,0,conv,1,1,1,1,1,1,8,4,4,8,4,4,,1,1,input"]).contains("stride8"));
    assert!(refusal(&[]).contains("no layers"));
    let stated = head(&[
        PYRAMID[0],
        "fpn,stride8,input,,,,,,,,,,32,4,6,,,0,",
        "fpn,1,add,1,1,1,1,1,1,32,4,6,32,4,6,,0,2,0;stride8",
    ]);
    assert_eq!(stated.unwrap().inputs().len(), 2);
}

#[test]
fn a_deployed_network_is_the_backbone_with_the_head_behind_it() {
    let space = space("80")
        .with_fixed_head(head(&PYRAMID).unwrap())
        .unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let genotype = space.sample(&mut rng);
    let (backbone, whole) = (space.decode(&genotype), space.deployed(&genotype));
    let layers = backbone.layers().len();
    assert_eq!(&whole.layers()[..layers], backbone.layers());
    assert_eq!(whole.layers().len(), layers + 8);
    assert_eq!(whole.layer_name(layers), "head.0.conv");
    assert_eq!(whole.outputs().len(), 2);
    assert!(whole.knows_edges());
    let lateral = &whole.layers()[layers];
    let level = backbone
        .outputs()
        .iter()
        .find(|output| output.name == "stride16")
        .unwrap();
    assert_eq!(lateral.inputs, [level.tensor]);
    assert!(matches!(space.settled_head(), Some(Ok(settled)) if settled.layers() == 8));
}

#[test]
fn dense_convolutions_take_on_other_channels() {
    let varied = space("[48, 80, 96]")
        .with_fixed_head(head(&PYRAMID).unwrap())
        .unwrap();
    assert!(matches!(varied.settled_head(), Some(Err([16]))));
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    for _ in 0..20 {
        let genotype = varied.sample(&mut rng);
        let whole = varied.deployed(&genotype);
        let head = whole.sections().last().unwrap();
        assert_eq!(head.part, Part::FixedHead);
        let shapes: Vec<String> = whole
            .outputs()
            .iter()
            .map(|output| whole.shape(output.tensor).to_string())
            .collect();
        assert_eq!(shapes, ["24x8x12", "24x4x6"]);
    }
    // of 48 channels alone, it is settled
    let one = space("48")
        .with_fixed_head(head(&PYRAMID).unwrap())
        .unwrap();
    let settled = one.settled_head().unwrap().unwrap();
    assert_eq!(settled.inputs()[0].shape, Shape::new(48, 4, 6));
}

#[test]
fn a_head_that_does_not_fit_says_why() {
    let with = |space: SearchSpace, rows: &[&str]| {
        space
            .with_fixed_head(head(rows).unwrap())
            .unwrap_err()
            .to_string()
    };
    let fixed = with(
        space("[80, 96]"),
        &[
            "n,0,resize,,,,,,,80,4,6,80,8,12,,0,1,stride16",
            "n,1,conv,1,1,1,1,1,1,40,8,12,80,8,12,,1,1,stride8",
            "n,2,add,1,1,1,1,1,1,80,8,12,80,8,12,,0,2,0;1",
        ],
    );
    assert!(
        fixed.contains("stage 3") && fixed.contains("[80, 96]"),
        "{fixed}"
    );
    assert!(
        fixed.contains("layer 0.resize") && fixed.contains("write channels = 80"),
        "{fixed}"
    );
    let size = with(
        space("80"),
        &["n,0,conv,1,1,1,1,1,1,80,5,5,8,5,5,,1,1,stride16"],
    );
    assert!(size.contains("80x5x5") && size.contains("4x6"), "{size}");
    let fewer = with(space("80"), &PYRAMID[..2]);
    assert!(
        fewer.contains("[16]") && fewer.contains("[8, 16]"),
        "{fewer}"
    );
    let mut two = space("80").definition().clone();
    two.resolution = toml::from_str::<std::collections::BTreeMap<String, _>>("r = [64, 96]")
        .unwrap()
        .remove("r")
        .unwrap();
    let two = with(SearchSpace::new(two).unwrap(), &PYRAMID);
    assert!(two.contains("2 resolutions"), "{two}");
}

#[test]
fn sizes_that_several_strides_have_need_a_name() {
    let input = |name: &str| HeadInput {
        name: name.to_owned(),
        shape: Shape::new(8, 1, 1),
    };
    let strides = |name: &str| {
        let inputs = vec![input(name)];
        let (mut builder, maps) = FixedHead::begin("h", &inputs);
        let conv = builder.push("conv", Op::Conv(Conv::pointwise(8)), &maps, Role::Main);
        builder.output("out", conv);
        FixedHead::finish(inputs, builder)
            .unwrap()
            .strides(Resolution::square(32))
    };
    assert!(
        strides("p5")
            .unwrap_err()
            .to_string()
            .contains("[32, 64, 128, 256]")
    );
    assert_eq!(strides("stride64").unwrap(), [64]);
    assert!(matches!(
        strides("stride16"),
        Err(FixedHeadError::Size { .. })
    ));
}
