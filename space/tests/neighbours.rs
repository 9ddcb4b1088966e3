//! The networks one move away.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use roofnas_space::{Genotype, SearchSpace, presets};

const AWKWARD: &str = include_str!("awkward.toml");

fn space(text: &str) -> SearchSpace {
    SearchSpace::new(toml::from_str(text).unwrap()).unwrap()
}

fn sample(space: &SearchSpace, seed: u64) -> Genotype {
    space.sample(&mut Xoshiro256PlusPlus::seed_from_u64(seed))
}

fn neighbours(space: &SearchSpace, genotype: &Genotype, room: &mut Genotype) -> Vec<Genotype> {
    let mut visited = Vec::new();
    space.neighbours(genotype, room, &mut |neighbour| {
        visited.push(neighbour.clone());
    });
    visited
}

#[test]
fn neighbours_are_other_networks_of_the_space() {
    let presets = presets::NAMES.map(|name| presets::text(name).unwrap());
    for text in presets.into_iter().chain([AWKWARD]) {
        let space = space(text);
        for seed in 0..50 {
            let genotype = sample(&space, seed);
            let visited = neighbours(&space, &genotype, &mut genotype.clone());
            assert!(!visited.is_empty());
            for neighbour in &visited {
                assert!(space.contains(neighbour), "{neighbour:?}");
                assert_ne!(*neighbour, genotype);
            }
            // what the room held before changes nothing
            let mut room = sample(&space, seed + 1);
            assert_eq!(neighbours(&space, &genotype, &mut room), visited);
        }
    }
}

#[test]
fn one_network_has_these_neighbours() {
    let space = space(
        r#"
        resolution = [32, 64]
        [stem]
        channels = 16
        [[stage]]
        block = "inverted_bottleneck"
        depth = [1, 2, 3]
        channels = [16, 24, 32, 40]
        kernel = [3, 5]
        expand = [3, 6]
        se = [0, 0.25]
        per_layer = ["kernel", "expand"]
        "#,
    );
    let genotype = space.parse("r32/s16/24:k3e3se0,k5e6se0").unwrap();
    let visited = neighbours(&space, &genotype, &mut genotype.clone());
    let texts: Vec<String> = visited.iter().map(|g| space.format(g)).collect();
    assert_eq!(
        texts,
        [
            "r64/s16/24:k3e3se0,k5e6se0",
            "r32/s16/16:k3e3se0,k5e6se0",
            "r32/s16/32:k3e3se0,k5e6se0",
            "r32/s16/40:k3e3se0,k5e6se0",
            "r32/s16/24:k3e3se0",
            "r32/s16/24:k3e3se0,2*k5e6se0",
            "r32/s16/24:k3e6se0,k5e6se0",
            "r32/s16/24:k5e3se0,k5e6se0",
            "r32/s16/24:k3e3se0,k3e6se0",
            "r32/s16/24:k3e3se0,k5e3se0",
            "r32/s16/24:k3e3se0.25,k5e6se0.25",
        ]
    );
}

/// How many networks neighbours of neighbours lead to.
fn reached(space: &SearchSpace) -> usize {
    let start = sample(space, 1);
    let mut room = start.clone();
    let mut seen = BTreeSet::from([start.clone()]);
    let mut open = vec![start];
    while let Some(genotype) = open.pop() {
        space.neighbours(&genotype, &mut room, &mut |neighbour| {
            if seen.insert(neighbour.clone()) {
                open.push(neighbour.clone());
            }
        });
    }
    seen.len()
}

#[test]
fn neighbours_of_neighbours_are_the_whole_space() {
    let layers_differ = r#"
        resolution = [32, 64, 96]
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
    let families = r#"
        resolution = 32
        [stem]
        channels = [24, 40]
        [[stage]]
        block = ["basic", { kind = "bottleneck", expand = [0.25, 0.5] }, "grouped_shuffle"]
        depth = [1, 3]
        channels = [24, 40, 48]
        kernel = [3, 5]
        groups = [1, 3, 5]
        per_layer = ["kernel"]
        [[stage]]
        block = "large_kernel_depthwise"
        depth = 1
        channels = [32, 40]
        activation = ["gelu", "swish"]
    "#;
    for text in [
        presets::text("nas-bench-macro").unwrap(),
        layers_differ,
        families,
    ] {
        let space = space(text);
        assert_eq!(space.size(), reached(&space).into());
    }
}
