//! The laws of a search space, as properties over every preset and over a space made to be awkward.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use roofnas_space::{Attribute, Genotype, Network, Op, SearchSpace, presets};

/// Groups that seldom divide, strides to choose, shared and per-layer attributes mixed.
const AWKWARD: &str = include_str!("awkward.toml");

fn spaces() -> &'static [SearchSpace] {
    static SPACES: LazyLock<Vec<SearchSpace>> = LazyLock::new(|| {
        let presets = presets::NAMES
            .iter()
            .map(|name| presets::definition(name).unwrap());
        let awkward = toml::from_str(AWKWARD).unwrap();
        presets
            .chain([awkward])
            .map(|definition| SearchSpace::new(definition).unwrap())
            .collect()
    });
    &SPACES
}

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

fn channels_are_lawful(network: &Network) {
    for (index, layer) in network.layers().iter().enumerate() {
        if let Op::Conv(conv) = layer.op {
            let inputs = network.input_shape(layer).channels;
            let name = network.layer_name(index);
            assert_eq!(inputs % conv.groups, 0, "{name}");
            assert_eq!(conv.out_channels % conv.groups, 0, "{name}");
            let squeezed = layer.role == roofnas_space::Role::SqueezeExcite;
            assert!(squeezed || conv.out_channels % 8 == 0, "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_operator_stays_inside_and_decodes(seed: u64) {
        let mut rng = rng(seed);
        for space in spaces() {
            let mother = space.sample(&mut rng);
            let father = space.sample(&mut rng);
            let mut child = mother.clone();
            space.crossover(&mut child, &father, &mut rng);
            let mut mutant = child.clone();
            space.mutate(&mut mutant, &mut rng);
            for genotype in [&mother, &father, &child, &mutant] {
                prop_assert!(space.contains(genotype), "{genotype:?}");
                let network = space.decode(genotype);
                channels_are_lawful(&network);
            }
        }
    }

    #[test]
    fn text_reads_back(seed: u64) {
        for space in spaces() {
            let genotype = space.sample(&mut rng(seed));
            let text = space.format(&genotype);
            prop_assert_eq!(space.parse(&text).unwrap(), genotype, "{}", text);
        }
    }

    #[test]
    fn a_fixed_space_holds_the_same_network(seed: u64) {
        for space in spaces() {
            let genotype = space.sample(&mut rng(seed));
            let text = toml::to_string(&space.fix(&genotype)).unwrap();
            let fixed = SearchSpace::new(toml::from_str(&text).unwrap()).unwrap();
            prop_assert_eq!(fixed.size(), 1_u8.into());
            let (original, again) = (space.decode(&genotype), fixed.decode(&fixed.only()));
            let ops = |network: &Network| -> Vec<_> {
                let layers = network.layers().iter();
                layers.map(|l| (l.name.clone(), l.op.clone(), l.inputs.clone(), l.output)).collect()
            };
            prop_assert_eq!(ops(&original), ops(&again));
            prop_assert_eq!(original.outputs(), again.outputs());
        }
    }

    #[test]
    fn foreign_genes_are_noticed(seed: u64, position: prop::sample::Index, gene in 0_u16..600) {
        // whatever `contains` lets through must decode
        for space in spaces() {
            let genotype = space.sample(&mut rng(seed));
            let mut genes = genotype.genes().to_vec();
            let position = position.index(genes.len());
            genes[position] = gene;
            let text = toml::to_string(&std::collections::BTreeMap::from([("genes", genes)])).unwrap();
            let read: std::collections::BTreeMap<String, Genotype> = toml::from_str(&text).unwrap();
            if space.contains(&read["genes"]) {
                space.decode(&read["genes"]);
            }
        }
    }
}

/// Everything mutation can reach from one sample.
fn reachable(space: &SearchSpace, steps: usize) -> BTreeSet<Genotype> {
    let mut rng = rng(7);
    let mut known: Vec<Genotype> = vec![space.sample(&mut rng)];
    let mut seen = BTreeSet::from_iter(known.clone());
    for step in 0..steps {
        let mut child = known[step % known.len()].clone();
        space.mutate(&mut child, &mut rng);
        if seen.insert(child.clone()) {
            known.push(child);
        }
    }
    seen
}

#[test]
fn size_is_what_mutation_reaches() {
    let small = r#"
        resolution = [32, 64]
        [stem]
        channels = [16, 24]
        [[stage]]
        block = ["conv", "identity"]
        depth = [1, 2]
        channels = [24, 48]
        stride = [1, 2]
        groups = [1, 3, 16]
        per_layer = ["block"]
    "#;
    let small = SearchSpace::new(toml::from_str(small).unwrap()).unwrap();
    // by hand: per input and output, options of the first layer are identity and the conv groups dividing both
    // (16->24: g1; 16->48: g1, g16; 24->24, 24->48: g1, g3); in depth 2 the classes (by groups; identity has
    // the default group of 1) {id, g1}, {g3}, {g16} give 2*2 + 1 (+ 1) ways, where the later layer fits
    let macro_space = SearchSpace::new(presets::definition("nas-bench-macro").unwrap()).unwrap();
    assert_eq!(macro_space.size(), 6561_u32.into());
    // (16->24: 2 + 4) + (16->48: 3 + 5) + (24->24: 3 + 5) + (24->48: 3 + 5) = 30, times 2 strides and 2 resolutions
    assert_eq!(small.size(), 120_u32.into());
    assert_eq!(reachable(&small, 40_000).len(), 120);
}

#[test]
fn mutation_crosses_families() {
    // a basic block has no expansion that a bottleneck's could differ from
    let families = r#"
        resolution = 32
        [stem]
        channels = 16
        [[stage]]
        block = ["basic", { kind = "bottleneck", expand = [0.25, 0.5] }]
        depth = 1
        channels = 32
        kernel = [3, 5]
    "#;
    let families = SearchSpace::new(toml::from_str(families).unwrap()).unwrap();
    assert_eq!(families.size(), 6_u32.into());
    assert_eq!(reachable(&families, 1000).len(), 6);
}

#[test]
fn accel_nasbench_and_mobile_sizes() {
    let size = |name| {
        SearchSpace::new(presets::definition(name).unwrap())
            .unwrap()
            .size()
    };
    // three expansions, two kernels, squeeze-and-excite or not; three depths, four in the sixth stage
    assert_eq!(
        size("accel-nasbench"),
        num_bigint::BigUint::from(36_u64.pow(6) * 48)
    );
    // by hand, stage by stage; 3 kernels x 3 expansions = 9 blocks a layer, at depths 2, 3, 4
    let per_layer = 9_u64.pow(2) + 9_u64.pow(3) + 9_u64.pow(4);
    let expected = num_bigint::BigUint::from(5_u64 * 3) // resolutions, stems
        * (2_u64 * 2)
        * (3 * per_layer)
        * (4 * per_layer * 5)
        * (4 * per_layer * 7)
        * (4 * per_layer * 9)
        * (4 * per_layer * 13)
        * 2_u64;
    assert_eq!(size("mobile"), expected);
}

#[test]
fn samples_cover_every_choice() {
    for space in spaces() {
        let mut rng = rng(3);
        let samples: Vec<Genotype> = (0..4000).map(|_| space.sample(&mut rng)).collect();
        let seen =
            |what: &dyn Fn(&Genotype) -> String| samples.iter().map(what).collect::<BTreeSet<_>>();
        let resolutions = seen(&|genotype| space.resolution(genotype).to_string());
        assert_eq!(resolutions.len(), space.resolutions().len());
        // every value a mutation can bring in, a sample can have: resolution, stem, head, and what each block is
        let mut mutants: Vec<Genotype> = samples[..500].to_vec();
        for mutant in &mut mutants {
            space.mutate(mutant, &mut rng);
        }
        let stems = seen(&|genotype| space.stem_channels(genotype).to_string());
        let heads = seen(&|genotype| format!("{:?}", space.head_channels(genotype)));
        let blocks: BTreeSet<String> = samples.iter().flat_map(|g| blocks(space, g)).collect();
        for mutant in &mutants {
            assert!(stems.contains(&space.stem_channels(mutant).to_string()));
            assert!(heads.contains(&format!("{:?}", space.head_channels(mutant))));
            for block in self::blocks(space, mutant) {
                assert!(blocks.contains(&block), "{block}");
            }
        }
    }
}

/// The values that a genotype has in each stage, one by one.
fn blocks(space: &SearchSpace, genotype: &Genotype) -> Vec<String> {
    let values = space.blocks(genotype).flat_map(|placed| {
        let labels = Attribute::ALL.map(|attribute| placed.block.label(attribute));
        let own = [placed.channels.to_string(), format!("s{}", placed.stride)];
        labels
            .into_iter()
            .chain(own)
            .map(move |value| format!("stage {}: {value}", placed.stage + 1))
    });
    values.collect()
}

#[test]
fn small_steps_are_likelier_than_large() {
    let definition = r#"
        resolution = 32
        [stem]
        channels = 16
        [[stage]]
        block = "identity"
        depth = 1
        channels = { from = 8, to = 256, step = 8 }
    "#;
    let space = SearchSpace::new(toml::from_str(definition).unwrap()).unwrap();
    let middle = space.parse("r32/s16/128:x").unwrap();
    let mut counts = [0_u32; 3];
    let mut rng = rng(5);
    for _ in 0..2000 {
        let mut child = middle.clone();
        space.mutate(&mut child, &mut rng);
        let channels = space.blocks(&child).next().unwrap().channels;
        if let Some(count) = counts.get_mut(channels.abs_diff(128) / 8) {
            *count += 1;
        }
    }
    assert!(counts[1] > counts[2], "{counts:?}");
    assert!(counts[1] > 400, "{counts:?}");
}
