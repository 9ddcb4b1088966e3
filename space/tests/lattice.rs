//! Paths of a lattice are the networks of its space, one for one, and sites along a path are those of the network.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use num_bigint::BigUint;
use roofnas_space::{Genotype, Lattice, SearchSpace, presets};

/// Groups that seldom divide, strides and depths with gaps, shared and per-layer attributes mixed.
const SMALL: &str = r#"
resolution = [32, "64x48"]
features = [4]

[stem]
channels = [8, 24]

[[stage]]
block = ["conv", "identity"]
depth = [1, 3]
channels = [24, 40]
stride = 2
groups = [1, 3, 8]
per_layer = ["kernel"]
kernel = [3, 5]

[[stage]]
block = "depthwise_separable"
depth = [2, 3]
channels = [24, 48]
stride = [1, 2]
se = [0, 0.25]

[[stage]]
block = "conv"
depth = 1
channels = 32
activation = ["relu", "swish"]
"#;

fn spaces() -> Vec<SearchSpace> {
    let presets = presets::NAMES
        .iter()
        .map(|name| presets::definition(name).unwrap());
    let with_head = toml::from_str(&format!("{SMALL}\n[head]\nchannels = [64, 128]\n")).unwrap();
    let all = presets.chain([toml::from_str(SMALL).unwrap(), with_head]);
    all.map(|definition| SearchSpace::new(definition).unwrap())
        .collect()
}

/// Every path from the first position to the last, with the sites on it.
fn paths(lattice: &Lattice) -> Vec<(Vec<u32>, Vec<usize>)> {
    let mut paths = vec![(0, Vec::new(), Vec::new())];
    for position in 0..lattice.positions() {
        let mut longer = Vec::new();
        for (state, choices, sites) in paths {
            lattice.steps(position, state, |step| {
                assert!(step.next < lattice.states(position + 1));
                let mut choices: Vec<u32> = choices.clone();
                choices.push(step.choice);
                let mut sites: Vec<usize> = sites.clone();
                sites.extend(step.site);
                longer.push((step.next, choices, sites));
            });
        }
        paths = longer;
    }
    let whole = paths
        .into_iter()
        .map(|(_, choices, sites)| (choices, sites));
    whole.collect()
}

#[test]
fn paths_are_as_many_as_networks() {
    for space in spaces() {
        let lattice = Lattice::new(&space);
        let mut ways = vec![BigUint::from(1_u8)];
        for position in 0..lattice.positions() {
            let mut next = vec![BigUint::ZERO; lattice.states(position + 1)];
            for (state, ways) in ways
                .iter()
                .enumerate()
                .filter(|(_, ways)| **ways != BigUint::ZERO)
            {
                lattice.steps(position, state, |step| next[step.next] += ways);
            }
            ways = next;
        }
        assert_eq!(ways.iter().sum::<BigUint>(), space.size());
    }
}

#[test]
fn each_path_is_a_network_of_its_own_with_the_same_sites() {
    for space in spaces()
        .into_iter()
        .filter(|space| space.size() < BigUint::from(100_000_u32))
    {
        let lattice = Lattice::new(&space);
        let mut seen: BTreeSet<Genotype> = BTreeSet::new();
        for (choices, sites) in paths(&lattice) {
            let genotype = lattice.genotype(&choices);
            assert!(space.contains(&genotype), "{choices:?}");
            let mut walked = Vec::new();
            lattice.sites().walk(&genotype, |_, site| walked.push(site));
            assert_eq!(sites, walked, "{}", space.format(&genotype));
            seen.insert(genotype);
        }
        assert_eq!(BigUint::from(seen.len()), space.size());
    }
}

/// States know the resolution of what they have built: that of the network's layers there.
#[test]
fn resolutions_only_fall() {
    for space in spaces() {
        let lattice = Lattice::new(&space);
        let mut reached = BTreeSet::from([0]);
        for position in 0..lattice.positions() {
            let mut next = BTreeSet::new();
            for &state in &reached {
                assert!(lattice.resolution(position, state) < lattice.resolutions());
                lattice.steps(position, state, |step| {
                    let (before, after) = (
                        lattice.resolution(position, state),
                        lattice.resolution(position + 1, step.next),
                    );
                    // resolutions are numbered in ascending order, the image's and the output's last
                    assert!(after <= before || after + 1 == lattice.resolutions());
                    next.insert(step.next);
                });
            }
            reached = next;
        }
        assert_eq!(reached, BTreeSet::from([0]));
    }
}
