//! Tables of layers: what they mean, what is refused, and that networks survive the way through one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;
use rand::SeedableRng;
use roofnas_space::layers_csv::{LayerTable, read, write};
use roofnas_space::{Network, Op, SearchSpace, Tensor, Work, presets};

const HEADER: &str = "network,layer,op,kernel_h,kernel_w,stride_h,stride_w,dilation,groups,in_channels,in_h,in_w,out_channels,out_h,out_w,activation,bias,inputs";

fn table(rows: &[&str]) -> LayerTable {
    read(format!("{HEADER}\n{}\n", rows.join("\n")).as_bytes()).unwrap()
}

fn refusal(row: &str) -> String {
    let table = table(&[row]);
    assert!(table.networks.is_empty(), "{row} is accepted");
    let left_out = &table.left_out[0];
    assert_eq!((left_out.network.as_str(), left_out.line), ("n", 2));
    left_out.reason.clone()
}

#[test]
fn rows_become_layers() {
    let table = table(&[
        "n,0,conv,3,3,2,2,1,1,3,224,224,32,112,112,relu,1,1",
        "n,1,conv,3,3,1,1,1,32,32,112,112,32,112,112,,1,1",
        "n,2,hard_swish,,,,,,,32,112,112,32,112,112,,,1",
        "n,3,add,1,1,1,1,1,1,32,112,112,32,112,112,none,,2",
        "n,4,yolodetectionoutput,1,1,1,1,1,1,32,112,112,6,1,1,,,1",
        "n,5,memorydata,1,1,1,1,1,1,,,,8,1,1,,,0",
        "n,6,reduction,1,1,1,1,1,1,32,112,112,32,1,1,,,1",
        "n,7,linear,1,1,1,1,1,1,32,1,1,10,1,1,,1,1",
    ]);
    assert!(table.left_out.is_empty(), "{:?}", table.left_out);
    let network = &table.networks[0];
    assert!(!network.knows_edges());
    let names: Vec<&str> = network.layers().iter().map(|layer| &*layer.name).collect();
    assert_eq!(
        names,
        [
            "0.conv",
            "0.conv.relu",
            "1.conv",
            "2.hard_swish",
            "3.add",
            "4.yolodetectionoutput",
            "6.reduction",
            "7.linear"
        ]
    );
    let op = |index: usize| &network.layers()[index].op;
    assert!(
        matches!(op(0), Op::Conv(conv) if conv.bias && conv.padding == [1, 1] && conv.stride == [2, 2])
    );
    assert!(matches!(op(2), Op::Conv(conv) if conv.groups == 32));
    assert!(matches!(op(3), Op::Activation(_)));
    assert!(matches!(op(5), Op::Other(other) if other.work == Work::Unknown));
    assert_eq!(op(6), &Op::GlobalAvgPool);
    assert_eq!(network.layers()[4].inputs.len(), 2);
    assert_eq!(network.layers()[1].inputs, [Tensor::Layer(0)]);
}

#[test]
fn matrices_of_tokens() {
    let table = table(&[
        "vit,0,gemm,1,1,1,1,1,1,1,145,768,1,145,3072,,1,1",
        "vit,1,multiheadattention,1,1,1,1,1,1,1,145,768,1,145,768,,,3",
        "vit,2,linear,1,1,1,1,1,1,128,1,1,512,3136,1,,1,1",
        "vit,3,linear,1,1,1,1,1,1,512,3136,1,512,3136,1,,0,1",
    ]);
    let product = |index: usize| match &table.networks[0].layers()[index].op {
        Op::MatMul(product) => (product.macs, product.weights),
        op => panic!("{op:?}"),
    };
    assert_eq!(product(0), (145 * 768 * 3072, 768 * 3072 + 3072));
    assert_eq!(product(2), (128 * 512 * 3136, 128 * 512 + 512));
    assert_eq!(product(3), (512 * 512 * 3136, 512 * 512));
    let macs = 4 * 145 * 768 * 768 + 2 * 145 * 145 * 768;
    assert_eq!(product(1), (macs, 4 * (768 * 768 + 768)));
}

#[test]
fn rows_that_cannot_be_used() {
    let rows = [
        (
            "n,0,conv,3,3,1,1,1,1,,8,8,8,8,8,,1,1",
            "in_channels is missing",
        ),
        (
            "n,0,conv,3,3,1,1,1,1,8,8,x,8,8,8,,1,1",
            "in_w = x: must be a whole number",
        ),
        (
            "n,0,conv,3,3,1,1,1,1,8,8,-8,8,8,8,,1,1",
            "in_w = -8: must be a whole number",
        ),
        (
            "n,0,conv,3,3,1,1,1,1,8,8,NaN,8,8,8,,1,1",
            "in_w = NaN: must be a whole number",
        ),
        (
            "n,0,conv,3,3,1,1,1,1,8,8,99999999999,8,8,8,,1,1",
            "at most 1048576",
        ),
        (
            "n,0,conv,3,3,0,1,1,1,8,8,8,8,8,8,,1,1",
            "stride_h = 0: must be at least 1",
        ),
        (
            "n,0,conv,3,3,1,1,1,1,8,0,8,8,8,8,,1,1",
            "sizes are at least 1",
        ),
        (
            "n,0,conv,3,3,1,1,1,3,8,8,8,9,8,8,,1,1",
            "groups = 3: must divide 8 channels",
        ),
        (
            "n,0,conv,3,3,2,2,1,1,8,8,8,8,8,8,,1,1",
            "kernel 3, stride 2 and dilation 1 don't turn 8 into 8 positions",
        ),
        (
            "n,0,conv,3,3,1,1,1,1,8,32,32,8,8,8,,1,1",
            "don't turn 32 into 8 positions",
        ),
        (
            "n,0,gemm,1,1,1,1,1,1,1,145,768,1,12,3072,,1,1",
            "keeps the number of tokens",
        ),
        (
            "n,0,memorydata,1,1,1,1,1,1,,,,8,1,1,,,0",
            "has no layers with inputs",
        ),
    ];
    for (row, reason) in &rows[..11] {
        let refusal = refusal(row);
        assert!(refusal.contains(reason), "{row}: {refusal}");
    }
    let constant = table(&[rows[11].0]);
    assert!(constant.left_out[0].reason.contains(rows[11].1));
}

#[test]
fn one_bad_network_does_not_spoil_the_others() {
    let good = "good,0,conv,3,3,1,1,1,1,8,8,8,8,8,8,,1,1";
    let table = table(&[
        good,
        "bad,0,conv,3,3,1,1,1,1,,8,8,8,8,8,,1,1",
        "good,1,relu,1,1,1,1,1,1,8,8,8,8,8,8,,,1",
    ]);
    assert_eq!(table.networks.len(), 1);
    assert_eq!(table.networks[0].layers().len(), 2);
    assert_eq!(table.left_out[0].network, "bad");
    assert_eq!(table.left_out[0].line, 3);
}

#[test]
fn tables_that_cannot_be_read() {
    let error = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
    assert!(error(&HEADER.replace("kernel_w,", "")).contains("column kernel_w is missing"));
    assert!(error(&format!("{HEADER}\n")).contains("no layers"));
    assert!(error("").contains("column network is missing"));
    assert!(error(&format!("{HEADER}\nn,0,conv\n")).contains("fields"));
    assert!(read(&b"network\n\xff\xfe\n"[..]).is_err());
}

#[test]
fn edges_are_checked() {
    let header = format!("{HEADER},from");
    let read_one = |rows: &str| read(format!("{header}\n{rows}").as_bytes()).unwrap();
    let sound = read_one(
        "n,0,conv,3,3,1,1,1,1,8,8,8,8,8,8,,1,1,input\nn,1,add,1,1,1,1,1,1,8,8,8,8,8,8,,,2,0;input\n",
    );
    assert!(sound.networks[0].knows_edges());
    assert_eq!(sound.networks[0].outputs().len(), 1);
    let reason = |rows: &str| read_one(rows).left_out[0].reason.clone();
    let row = "n,0,conv,3,3,1,1,1,1,8,8,8,8,8,8,,1,1,";
    assert!(reason(&format!("{row}7\n")).contains("no layer before it has this number"));
    let other = "n,1,conv,3,3,1,1,1,1,16,8,8,8,8,8,,1,1,0\n";
    assert!(
        reason(&format!("{row}input\n{other}"))
            .contains("its input is 16x8x8, but layer 0 produces 8x8x8")
    );
    assert!(reason(&format!("{row}input\n{row}0\n")).contains("layer 0 is there twice"));
}

#[test]
fn tensors_from_elsewhere_have_the_sizes_that_their_row_tells() {
    let header = format!("{HEADER},from");
    let read_one = |rows: &str| read(format!("{header}\n{rows}").as_bytes()).unwrap();
    let conv = "n,0,conv,3,3,2,2,1,1,8,8,8,16,4,4,,1,1,input\n";
    let with = |row: &str| {
        let table = read_one(&format!("{conv}{row}\n"));
        assert!(table.left_out.is_empty(), "{:?}", table.left_out);
        let network = table.networks[0].clone();
        assert!(!network.knows_edges());
        // what reads the convolution's output is known, so it is the last layer's alone that leaves
        assert_eq!(network.outputs().len(), 1);
        let again = read(&*write([&network])).unwrap();
        assert_eq!(
            again.networks[0].layers()[1].inputs,
            network.layers()[1].inputs
        );
        assert_eq!(again.networks[0].outputs(), network.outputs());
        let inputs = network.layers()[1].inputs.iter();
        inputs
            .map(|&tensor| network.shape(tensor).to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        with("n,1,add,,,,,,,16,4,4,16,4,4,,,2,0;elsewhere"),
        ["16x4x4", "16x4x4"]
    );
    assert_eq!(
        with("n,1,concat,,,,,,,16,4,4,40,4,4,,,2,0;elsewhere"),
        ["16x4x4", "24x4x4"]
    );
    assert_eq!(
        with("n,1,mul,,,,,,,16,4,4,16,4,4,,,2,0;elsewhere"),
        ["16x4x4", "16x1x1"]
    );
    let alone = read_one("n,0,conv,3,3,2,2,1,1,8,8,8,16,4,4,,1,1,elsewhere\n");
    assert!(matches!(
        alone.networks[0].layers()[0].inputs[0],
        Tensor::Elsewhere(_)
    ));

    let reason = |row: &str| {
        read_one(&format!("{conv}{row}\n")).left_out[0]
            .reason
            .clone()
    };
    let untold = reason("n,1,add,,,,,,,16,4,4,16,4,4,,,1,0;elsewhere");
    assert!(
        untold.contains("from = 0;elsewhere: the row doesn't tell how large input 2 is"),
        "{untold}"
    );
    // of a concat, what is left of its output: one tensor, beside those that layers produce
    let more = "n,1,relu,,,,,,,16,4,4,16,4,4,,,1,0\nn,2,concat,,,,,,,16,4,4,40,4,4,,,3,";
    let table = read_one(&format!("{conv}{more}0;1;elsewhere\n"));
    let last = &table.networks[0].layers()[2];
    assert_eq!(table.networks[0].shape(last.inputs[2]).to_string(), "8x4x4");
    let two = read_one(&format!("{conv}{more}0;elsewhere;elsewhere\n"));
    assert!(
        two.left_out[0].reason.contains("how large input 2 is"),
        "{two:?}"
    );
    let misspelt = reason("n,1,add,,,,,,,16,4,4,16,4,4,,,2,0;somewhere");
    assert!(misspelt.contains("from = somewhere: no layer before it has this number, and it is neither input nor elsewhere"), "{misspelt}");
}

#[test]
fn networks_whose_edges_nobody_knows_come_back_as_they_were() {
    let before = table(&[
        "n,0,conv,3,3,2,2,1,1,3,32,32,8,16,16,relu,1,1",
        "n,1,conv,3,3,1,1,1,8,8,16,16,8,16,16,,1,1",
        "n,2,add,1,1,1,1,1,1,8,16,16,8,16,16,none,,2",
    ]);
    let network = &before.networks[0];
    assert_eq!(network.outputs().len(), 1);
    let after = read(&*write([network])).unwrap();
    assert_eq!(after.networks[0].outputs(), network.outputs());
    let inputs = |network: &Network| -> Vec<_> {
        network
            .layers()
            .iter()
            .map(|layer| layer.inputs.clone())
            .collect()
    };
    assert_eq!(inputs(&after.networks[0]), inputs(network));
}

/// What survives a table: each layer but for names and padding, batch-norm folded into a bias.
fn essence(network: &Network) -> Vec<String> {
    let readers = network.readers();
    let folded = |index: usize| {
        let layer = &network.layers()[index];
        let [Tensor::Layer(producer)] = layer.inputs[..] else {
            return false;
        };
        let conv = matches!(network.layers()[producer].op, Op::Conv(_));
        layer.op == Op::BatchNorm && conv && readers[producer] == 1
    };
    let layers = 0..network.layers().len();
    let normed: Vec<bool> = layers
        .clone()
        .map(|index| network.layers().get(index + 1).is_some() && folded(index + 1))
        .collect();
    layers
        .filter(|&index| !folded(index))
        .map(|index| {
            let layer = &network.layers()[index];
            let op = match &layer.op {
                Op::Conv(conv) => format!(
                    "{:?}",
                    (
                        conv.kernel,
                        conv.stride,
                        conv.groups,
                        conv.bias || normed[index]
                    )
                ),
                Op::Pool(pool) => format!("{:?}", (pool.kernel, pool.stride)),
                op => format!("{op:?}"),
            };
            let inputs: Vec<_> = layer
                .inputs
                .iter()
                .map(|&tensor| network.shape(tensor))
                .collect();
            format!("{op} {inputs:?} {}", layer.output)
        })
        .collect()
}

fn survives(network: &Network) {
    let table = read(&*write([network])).unwrap();
    assert!(table.left_out.is_empty(), "{:?}", table.left_out);
    let again = &table.networks[0];
    assert_eq!(again.name(), network.name());
    assert_eq!(again.input(), network.input());
    assert!(again.knows_edges());
    assert_eq!(essence(again), essence(network));
}

#[test]
fn landmarks_survive_a_table() {
    for landmark in presets::landmarks() {
        survives(&landmark.network);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn networks_survive_a_table(seed: u64) {
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(seed);
        for name in presets::NAMES {
            let space = SearchSpace::new(presets::definition(name).unwrap()).unwrap();
            survives(&space.decode(&space.sample(&mut rng)));
        }
    }

    #[test]
    fn junk_never_panics(text in "[a-z0-9,;.\n\"-]{0,200}", row in 0_usize..3) {
        let rows = ["n,0,conv,3,3,1,1,1,1,8,8,8,8,8,8,,1,1", "n,1,pool,2,2,2,2,1,1,8,8,8,8,4,4,,,1", ""];
        let _ = read(format!("{HEADER}\n{}\n{text}", rows[row]).as_bytes());
        let _ = read(text.as_bytes());
    }
}

/// The public tables, where they are at hand: `../shared/data` beside the repository, or the folder `ROOFNAS_DATA` names.
#[test]
fn public_tables() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let folder = std::env::var_os("ROOFNAS_DATA").map_or_else(|| beside.into(), PathBuf::from);
    // table, networks that read, networks left out
    let tables = [
        ("fbnet", 400, 0),
        ("ofa", 400, 0),
        ("ncnn", 35, 0),
        ("timm", 351, 5),
    ];
    for (name, networks, left_out) in tables {
        let file = folder.join(name).join("layers.csv");
        if !file.exists() {
            // past the capture of a passing test: a skip must be seen
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: {} is not there; set ROOFNAS_DATA to the folder with the public tables",
                file.display()
            );
            continue;
        }
        let table = read(std::fs::File::open(&file).unwrap()).unwrap();
        for left_out in &table.left_out {
            eprintln!("{name}: {left_out:?}");
        }
        assert_eq!(
            (table.networks.len(), table.left_out.len()),
            (networks, left_out),
            "{name}"
        );
    }
}
