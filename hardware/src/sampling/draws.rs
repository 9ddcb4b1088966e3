//! Networks that stand for a search space.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use roofnas_cost::calibration::Workload;
use roofnas_cost::{Dtype, Fusion, NetworkCost};
use roofnas_space::{Network, SearchSpace};

use super::options::{NamedSpace, PlanOptions};
use super::{PlanError, PlannedNetwork, Purpose};
use crate::fit;

/// Networks that are drawn from a space to choose from: its lighter half of twice as many, since a large network teaches hardly more than a
/// small one of the same layers and takes longer.
const CANDIDATES: usize = 100;

/// Networks that are to be predicted best, of any size.
const TARGETS: usize = 50;

/// Draws for each network that is looked for: a small space runs out of new ones.
const PATIENCE: usize = 8;

/// The networks that stand for the spaces, in turn.
pub(super) fn of_spaces(
    options: &PlanOptions,
    anchors: &[PlannedNetwork],
) -> Result<Vec<PlannedNetwork>, PlanError> {
    let spaces = options.spaces.len();
    let most = CANDIDATES * spaces;
    if spaces == 0 {
        return Err(PlanError::NoSpace);
    }
    if !(1..=most).contains(&options.networks) {
        return Err(PlanError::Networks {
            given: options.networks,
            most,
        });
    }
    let measured: Vec<Vec<Workload>> = anchors.iter().map(|a| works(&a.network)).collect();
    let mut chosen: Vec<_> = (0..spaces)
        .map(|index| {
            let count = (options.networks + spaces - 1 - index) / spaces;
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(options.seed);
            // a stream of its own for each space
            (0..index).for_each(|_| rng.jump());
            choose(&options.spaces[index], count, &measured, &mut rng).into_iter()
        })
        .collect();
    let mut all = Vec::with_capacity(options.networks);
    let rounds = options.networks.div_ceil(spaces);
    for _ in 0..rounds {
        all.extend(chosen.iter_mut().filter_map(Iterator::next));
    }
    Ok(all)
}

fn choose(
    named: &NamedSpace,
    count: usize,
    measured: &[Vec<Workload>],
    rng: &mut Xoshiro256PlusPlus,
) -> Vec<PlannedNetwork> {
    let targets = distinct(&named.space, TARGETS, rng);
    let mut pool = distinct(&named.space, 2 * CANDIDATES, rng);
    pool.sort_by_key(macs);
    // not below what is asked for: a small space is measured whole
    pool.truncate((pool.len() / 2).max(count));
    let all = |networks: &[Network]| networks.iter().map(works).collect::<Vec<_>>();
    let order = fit::plan(&all(&pool), &all(&targets), measured, count);
    let label = file_name(&named.name);
    let planned = order.into_iter().enumerate().map(|(place, row)| {
        let name = format!("space-{label}-{:03}", place + 1);
        let purpose = Purpose::Space(named.name.clone());
        PlannedNetwork::new(name, purpose, pool[row].clone())
    });
    planned.collect()
}

/// Random networks, no two alike.
fn distinct(space: &SearchSpace, count: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<Network> {
    let mut known = BTreeSet::new();
    let mut networks = Vec::with_capacity(count);
    for _ in 0..PATIENCE * count {
        if networks.len() == count {
            break;
        }
        let genotype = space.sample(rng);
        if known.insert(space.format(&genotype)) {
            networks.push(space.decode(&genotype));
        }
    }
    networks
}

fn macs(network: &Network) -> u64 {
    NetworkCost::new(network, &Fusion::default()).macs
}

/// The kernels, where every engine fuses what follows a convolution: what differs between networks matters here, not what an engine does.
fn works(network: &Network) -> Vec<Workload> {
    let cost = NetworkCost::new(network, &Fusion::every_activation());
    Workload::of_network(&cost, 1, Dtype::Fp32)
}

/// A name as part of a file's.
fn file_name(name: &str) -> String {
    let plain = |c: char| {
        let fits = c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if fits { c } else { '-' }
    };
    name.chars().map(plain).collect()
}
