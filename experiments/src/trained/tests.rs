//! Tables of every form, right and wrong.

use roofnas_space::{SearchSpace, presets};

use super::{TrainedColumns, TrainedTable};

fn preset(name: &str) -> SearchSpace {
    SearchSpace::new(presets::definition(name).unwrap()).unwrap()
}

fn space(toml: &str) -> SearchSpace {
    SearchSpace::new(toml::from_str(toml).unwrap()).unwrap()
}

fn truth(columns: &[&str]) -> TrainedColumns {
    TrainedColumns {
        truth: columns.iter().map(|column| (*column).to_owned()).collect(),
        ..TrainedColumns::default()
    }
}

/// The genotypes of a table with the accuracies `top1`, as text.
#[track_caller]
fn read(space: &SearchSpace, table: &str) -> Vec<String> {
    let table = TrainedTable::parse(table, space, &truth(&["top1"])).unwrap();
    let rows = table.rows.iter();
    rows.map(|row| space.format(&row.genotype)).collect()
}

#[track_caller]
fn refusal(space: &SearchSpace, table: &str) -> String {
    let read = TrainedTable::parse(table, space, &truth(&["top1"]));
    read.unwrap_err().to_string()
}

/// A space with a choice of everything.
const WIDE: &str = r#"
resolution = [32, 64, "64x32"]
stem = { channels = [16, 24] }
head = { channels = [64, 128], classes = 10 }

[[stage]]
block = ["inverted_bottleneck", "conv"]
depth = [1, 2]
channels = [16, 24]
stride = [1, 2]
kernel = [3, 5]
expand = [3, 6]
se = [0, 0.25]
activation = ["relu", "swish"]
groups = [1, 8]
per_layer = ["block", "kernel", "expand", "se", "groups", "activation"]
"#;

#[test]
fn digits_labels_and_genotypes_are_the_same_networks() {
    let space = preset("nas-bench-macro");
    let one = "r32/s32/64:ibk3e3,ibk5e6/128:id,ibk5e6,id/256:2*ibk3e3,id/h1280";
    let tables = [
        "arch,top1\n12020110,90\n00000000,45\n".to_owned(),
        "architecture,top1\n1|ibk5e6|id|2|0|ibk3e3|1|0,90\n0 0 0 0 0 0 0 0,45\n".to_owned(),
        format!("genotype,top1\n\"{one}\",90\n\"r32/s32/64:2*id/128:3*id/256:3*id/h1280\",45\n"),
    ];
    for table in tables {
        let rows = read(&space, &table);
        assert_eq!(rows[0], one, "{table}");
        assert_eq!(rows.len(), 2);
    }
}

#[test]
fn the_design_s_fixtures() {
    let space = preset("nas-bench-macro");
    let table = "arch,top1\n11111111,90\n22222222,91\n";
    let table = TrainedTable::parse(table, &space, &truth(&["top1"])).unwrap();
    let networks = table.distinct(&space);
    let expected = [
        [
            1_588_874.0,
            53_246_464.0,
            583_690.0,
            52.2612,
            7_219.603,
            46.3978,
            0.3821,
        ],
        [
            2_932_586.0,
            105_660_928.0,
            1_044_490.0,
            59.1204,
            11_496.403,
            48.2726,
            0.2207,
        ],
    ];
    for (network, expected) in networks.iter().zip(expected) {
        let terms = &network.terms;
        let found = [
            terms.params,
            terms.macs,
            terms.activations,
            terms.s,
            terms.nsc,
            terms.st_la,
            terms.rho,
        ];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
    }
}

#[test]
fn columns_of_genes_by_short_and_long_names() {
    let space = preset("accel-nasbench");
    let genes = ["e", "k", "l", "se"];
    let long = ["expand", "kernel", "depth", "se"];
    let header = |name: &dyn Fn(usize, usize) -> String| -> String {
        (0..7)
            .flat_map(|stage| (0..4).map(move |gene| (stage, gene)))
            .map(|(stage, gene)| name(stage, gene))
            .collect::<Vec<_>>()
            .join(",")
    };
    let row = "4,5,3,0,4,3,1,1,1,3,1,0,1,5,2,0,6,3,1,0,4,5,3,0,4,3,2,1";
    let short = header(&|stage, gene| format!("b{stage}_{}", genes[gene]));
    let long = header(&|stage, gene| format!("stage{stage}_{}", long[gene]));
    let expected = "r224/s32/16:3*k5e4se0/24:k3e4se0.25/40:k3e1se0/80:2*k5e1se0/112:k3e6se0/192:3*k5e4se0/320:2*k3e4se0.25/h1280";
    for header in [short, long] {
        let table = format!("network,{header},top1\nanb2,{row},60.3\nx,{row},61\n");
        assert_eq!(read(&space, &table)[0], expected);
        // as a table of floats writes them, and the ratio itself
        let floats = table.replace(",4,3,2,1,", ",4.0,3.0,2.0,0.25,");
        assert_eq!(read(&space, &floats)[0], expected);
    }
}

#[test]
fn a_gene_of_every_kind_and_layers_of_their_own() {
    let space = space(WIDE);
    let table = "resolution,stem,head,stage0_block,b0_l1_block,b0_k,b0_e,b0_se,b0_g,b0_a,b0_c,b0_l,b0_s,top1\n\
                 64x32,24,128,inverted_bottleneck,conv,5,6,1,8,silu,24,2,2,50\n\
                 32,16.0,64,ib,,3,3,0,1,relu,16,1,1,51\n";
    assert_eq!(
        read(&space, table),
        [
            "r64x32/s24/24s2:ibk5g8e6se0.25swish,convk5g8swish/h128",
            "r32/s16/16s1:ibk3g1e3se0relu/h64"
        ]
    );
}

#[test]
fn a_gene_that_no_column_says_is_named() {
    let wide = space(WIDE);
    assert_eq!(
        refusal(
            &wide,
            "stage0_block,b0_k,b0_e,b0_g,b0_l,top1\nib,3,3,1,1,50\n"
        ),
        "the space lets choose resolution, stem, head, stage0_channels, stage0_stride, stage0_se, stage0_activation, and no column says which: add columns of these names"
    );
    // what one gene implies of another need not be said
    let space = space(
        "resolution = 32\nstem = { channels = 16 }\nhead = { classes = 10 }\n[[stage]]\nchannels = 16\ndepth = 2\n\
         block = [{ kind = \"inverted_bottleneck\", kernel = 3, expand = 3 }, { kind = \"inverted_bottleneck\", kernel = 5, expand = 6 }]",
    );
    assert_eq!(
        read(&space, "b0_k,top1\n5,50\n3,51\n")[0],
        "r32/s16/16:2*k5e6"
    );
    assert_eq!(
        refusal(&space, "b0_k,b0_e,top1\n5,3,50\n"),
        "line 2: b0_e = 3: the space offers it, but not beside what the other columns say of the layer (3, 6 in all)"
    );
    assert_eq!(
        refusal(&space, "b0_l,top1\n2,50\n"),
        "the space lets choose stage0_kernel, stage0_expand, and no column says which: add columns of these names"
    );
}

#[test]
fn genes_outside_the_space_are_told_with_line_and_choices() {
    let accel = preset("accel-nasbench");
    let header = (0..7)
        .map(|stage| format!("b{stage}_e,b{stage}_k,b{stage}_l,b{stage}_se"))
        .collect::<Vec<_>>()
        .join(",");
    let row = ["4,3,1,0"; 7].join(",");
    let table = format!("{header},top1\n{row},60\n{row},61\n");
    let other = |before: &str, after: &str| refusal(&accel, &table.replacen(before, after, 1));
    assert_eq!(
        other("\n4,3,1,0,", "\n5,3,1,0,"),
        "line 2: b0_e = 5: the space offers 1, 4, 6"
    );
    assert_eq!(
        other("\n4,3,1,0,", "\n4,3,4,0,"),
        "line 2: b0_l = 4: the space offers 1, 2, 3"
    );
    assert_eq!(
        other("\n4,3,1,0,", "\n4,,1,0,"),
        "line 2: b0_k = (empty): must be one of 3, 5"
    );
    assert_eq!(
        other("\n4,3,1,0,", "\n4,3,1,yes,"),
        "line 2: b0_se = yes: the space offers 0, 0.25"
    );
    assert_eq!(
        other("b6_k", "b7_k"),
        "column b7_k: the space has 7 stages, counted from 0"
    );
    assert_eq!(
        other("b6_k", "stage0_kernel"),
        "column stage0_kernel: says what column b0_k says too"
    );
    assert_eq!(
        other("b6_k", "b6_l3_k"),
        "column b6_l3_k: the stage has at most 3 layers, counted from 0"
    );
    let space = preset("nas-bench-macro");
    assert_eq!(
        refusal(&space, "arch,top1\n1111111,90\n"),
        "line 2: arch = 1111111: names 7 layers, and the networks of the space have 8: must be an option for each layer, all stages one after the other"
    );
    assert_eq!(
        refusal(&space, "arch,top1\n11111111,90\n11131111,90\n"),
        "line 3: arch = 11131111: there is no option 3: a layer here is 0 (id), 1 (ibk3e3), 2 (ibk5e6)"
    );
    assert!(
        refusal(&space, "genotype,top1\nr64/s32,90\n")
            .starts_with("line 2: genotype: genotype \"r64/s32\": r64:")
    );
    let message = refusal(&accel, "arch,top1\n1111111,90\n");
    assert!(message.starts_with("column arch: one option for each layer does not say what the space lets choose beside them: stage0_depth, stage1_depth"), "{message}");
    let message = refusal(&accel, "net,resolution,top1\na,224,90\n");
    assert!(
        message.starts_with("no column says which networks were trained"),
        "{message}"
    );
}

#[test]
fn accuracies_that_can_t_be() {
    let space = preset("nas-bench-macro");
    let with = |cells: [&str; 3]| {
        let [a, b, c] = cells;
        refusal(
            &space,
            &format!("arch,top1\n00000000,{a}\n11111111,{b}\n22222222,{c}\n"),
        )
    };
    for bad in ["100.5", "-1", "nan", "inf", "high"] {
        assert_eq!(
            with(["90", bad, "91"]),
            format!(
                "line 3: top1 = {bad}: an accuracy is a number from 0 to 100, in per cent; leave the cell empty where there is none"
            )
        );
    }
    assert_eq!(
        with(["0.9", "0.95", "0"]),
        "column top1: all of its 3 values are from 0 to 1 (the largest, 0.95, in line 3): accuracies are in per cent; multiply them by 100"
    );
    assert_eq!(
        with(["", "90", "90"]),
        "column top1: is 90 in all of its 2 rows from line 3 on, so that nothing can be ranked by it"
    );
    assert_eq!(with(["", "", ""]), "column top1: is empty in every row");
}

#[test]
fn further_columns_are_numbers_above_0() {
    let space = preset("nas-bench-macro");
    let columns = |extra: &str| TrainedColumns {
        extra: vec![extra.to_owned()],
        ..truth(&["top1"])
    };
    // a column that is asked for is no gene, whatever it is called
    let table = "arch,top1,b0_k\n00000000,90,1.5\n11111111,91,\n22222222,,2\n";
    let read = TrainedTable::parse(table, &space, &columns("b0_k")).unwrap();
    assert_eq!(read.rows[0].extra, [Some(1.5)]);
    assert_eq!(read.rows[1].extra, [None]);
    assert_eq!(read.untrained, [4]);
    let refusal = |table: &str, extra: &str| {
        let read = TrainedTable::parse(table, &space, &columns(extra));
        read.unwrap_err().to_string()
    };
    assert_eq!(
        refusal(&table.replace("1.5", "0"), "b0_k"),
        "line 2: b0_k = 0: must be a number above 0; leave the cell empty where there is none"
    );
    assert_eq!(
        refusal(table, "ms"),
        "column ms is missing; the table has arch, top1, b0_k"
    );
    assert_eq!(refusal(table, "top1"), "column top1: is named twice");
    assert_eq!(
        refusal("arch,top1,ms\n00000000,90,3\n11111111,91,3\n", "ms"),
        "column ms: is 3 in all of its 2 rows from line 2 on, so that nothing can be ranked by it"
    );
}

#[test]
fn rows_of_one_network_are_merged_seed_by_seed() {
    let space = preset("nas-bench-macro");
    let table = "network,arch,a,b,ms\nx,12001110,80,82,4\ny,12010110,84,,\nz,12010110,82,84,6\nw,01000000,50,51,1\nv,10000000,60,61,2\n";
    let columns = TrainedColumns {
        extra: vec!["ms".to_owned()],
        ..truth(&["a", "b"])
    };
    let table = TrainedTable::parse(table, &space, &columns).unwrap();
    let networks = table.distinct(&space);
    // in a stage's first place an identity is a projection, which doesn't commute
    let lines: Vec<&[u64]> = networks.iter().map(|network| &network.lines[..]).collect();
    assert_eq!(lines, [&[2, 3, 4][..], &[5], &[6]]);
    let merged = &networks[0];
    assert_eq!(merged.name.as_deref(), Some("x"));
    assert_eq!(merged.accuracies, [Some(82.0), Some(83.0)]);
    assert_eq!(merged.accuracy(), 82.5);
    assert_eq!(merged.extra, [Some(5.0)]);
}

#[test]
fn nothing_panics_on_rubbish() {
    let pieces = [
        "arch", "b0_k", "b9_l9_k", "top1", "\"", ",", "\n", "1", "/", "|", "é", "\r", "1e400", "-",
    ];
    let spaces = [
        preset("nas-bench-macro"),
        preset("accel-nasbench"),
        space(WIDE),
    ];
    let mut state = 1_u32;
    for _ in 0..3_000 {
        let text: String = (0..25)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                pieces[(state >> 16) as usize % pieces.len()]
            })
            .collect();
        for space in &spaces {
            for header in ["", "arch,top1\n", "genotype,top1\n", "b0_k,top1\n"] {
                let _ = TrainedTable::parse(&format!("{header}{text}"), space, &truth(&["top1"]));
            }
        }
    }
}
