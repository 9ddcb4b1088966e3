//! Exact search against the whole of a small space, and bounds that nothing found by other means is below.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroU64;
use std::ops::ControlFlow;

use rand::SeedableRng;
use roofnas::{BackboneProblem, Certified, Experiment, ExperimentFile, Proof, prove};
use roofnas_hardware::Profiles;
use roofnas_search::{
    Costs, Individual, Limits, Nsga2, Nsga2Settings, ParetoFront, Problem, Search, SearchRng,
};
use roofnas_space::{Genotype, Lattice};

fn experiment(platform: &str, tables: &str) -> Experiment {
    let text = format!("name = \"proof\"\n[platform]\nprofile = \"{platform}\"\n{tables}\n");
    let mut file = ExperimentFile::parse(&text, "proof.toml", &[]).unwrap();
    let config = file.runs.remove(0).config;
    Experiment::new(config, "proof.toml", &Profiles::default()).unwrap()
}

/// What a short search finds.
fn search(problem: &BackboneProblem, evaluations: u64) -> (ParetoFront<Genotype>, Genotype) {
    let settings = Nsga2Settings::new(64, 0.9).unwrap();
    let mut search = Search::new(Nsga2::new(settings, 1));
    let limits = Limits::new(NonZeroU64::new(evaluations).unwrap());
    search.run(problem, &limits, &|| 0.0, |_| ControlFlow::Continue(()));
    let nearest = search.nearest().unwrap().genotype.clone();
    (search.front().clone(), nearest)
}

fn proof(problem: &BackboneProblem, front: &ParetoFront<Genotype>, nearest: &Genotype) -> Proof {
    let proof = prove(problem, front, nearest, |_| ControlFlow::Continue(()));
    proof.unwrap().unwrap()
}

/// Every network of a small space.
fn all(experiment: &Experiment) -> Vec<Genotype> {
    let lattice = Lattice::new(&experiment.space);
    let mut paths = vec![(0, Vec::new())];
    for position in 0..lattice.positions() {
        let mut longer = Vec::new();
        for (state, choices) in paths {
            lattice.steps(position, state, |step| {
                let mut choices: Vec<u32> = choices.clone();
                choices.push(step.choice);
                longer.push((step.next, choices));
            });
        }
        paths = longer;
    }
    paths
        .iter()
        .map(|(_, choices)| lattice.genotype(choices))
        .collect()
}

fn individual(problem: &BackboneProblem, genotype: Genotype) -> Individual<Genotype> {
    Individual {
        evaluation: problem.evaluate(&genotype),
        genotype,
    }
}

fn costs(front: &ParetoFront<Genotype>) -> Vec<[f64; 2]> {
    front.iter().map(|m| [m.costs()[0], m.costs()[1]]).collect()
}

/// A front held against a proof.
fn certified(proof: Proof, front: &ParetoFront<Genotype>) -> Certified {
    let costs = front.iter().map(|m| m.costs().iter().copied().collect());
    Certified::new(proof, &costs.collect::<Vec<Costs>>())
}

/// Whether one of these is as low in both costs, to rounding.
fn is_reached(point: &[f64; 2], found: &[[f64; 2]]) -> bool {
    let slack = |i: usize| 1e-6 * point[i].abs().max(1.0);
    let reaches = |other: &[f64; 2]| (0..2).all(|i| other[i] <= point[i] + slack(i));
    found.iter().any(reaches)
}

const TARGET: &str = "[target.server]\nprofile = \"epyc-7742-ncnn-1-thread\"\nbatch = 2\n";

/// All 6,561 networks of NAS-Bench-Macro: the exact front is the front of all, whatever is optimised and limited, wherever both are sums.
#[test]
fn the_exact_front_of_a_small_space_is_that_of_all_its_networks() {
    let space = "[space]\npreset = \"nas-bench-macro\"\n";
    let throughput = "[objectives]\nminimize = []\nmaximize = [\"quality\", \"throughput\"]\n";
    let tables = [
        format!("{space}[constraints]\nlatency_ms = 12"),
        format!("{space}[quality]\nscore = \"S+NSC\"\n"),
        format!(
            "{space}[quality]\nscore = \"st_la\"\n[objectives]\nmaximize = [\"quality\"]\nminimize = [\"params\"]"
        ),
        format!(
            "{space}[objectives]\nmaximize = [\"quality\"]\nminimize = [\"weights\"]\n[constraints]\nlatency_ms = 10"
        ),
        format!("{space}[constraints]\npeak_memory_mib = 0.6\n"),
        format!("{space}[quality]\nscore = \"MAE-DET\"\n[constraints]\nlatency_ms = 12"),
        format!("{space}[quality]\nscore = \"DeepMAD\"\n"),
        format!(
            "{space}[quality.terms]\nS = 1.0\nst_la = 0.5\nMAE-DET = 1.0\nDeepMAD = 0.25\nMACs = -0.5\n"
        ),
        format!("{space}[quality.terms]\nDeepMAD = 1.0\nNSC = -1.0\n"),
        format!("{space}[constraints]\nlatency_ms = 12\n{TARGET}latency_ms = 1.4\n"),
        format!("{space}{TARGET}[objectives]\nminimize = [\"latency@server\"]\n"),
        format!(
            "{space}{TARGET}[objectives]\nminimize = []\nmaximize = [\"quality\", \"throughput\"]\n"
        ),
        format!(
            "{space}{TARGET}latency_ms = 100\n[objectives]\nminimize = []\nmaximize = [\"quality\", \"throughput@server\"]\n"
        ),
        // more limits than there is room for
        format!(
            "{space}[constraints]\nlatency_ms = 30\nmacs = 1_000_000_000\nparams = 100_000_000\nweights_mib = 400\nrho = 100\n{TARGET}latency_ms = 100\n\
             [target.board]\nprofile = \"raspberry-pi-4-ncnn-4-threads\"\nlatency_ms = 100\n[target.phone]\nprofile = \
             \"snapdragon-855-plus-ncnn-4-threads\"\nlatency_ms = 100\n"
        ),
        // batches to choose from: without limits, with limits that large networks keep at small batches alone, and with one on what is no objective
        format!("batch = [1, 2, 8]\n{space}{throughput}"),
        format!(
            "batch = [1, 2, 8]\n{space}{throughput}[constraints]\nlatency_ms = 40\npeak_memory_mib = 1.5\n"
        ),
        format!(
            "batch = [8, 1]\n{space}{throughput}[constraints]\nlatency_ms = 40\n{TARGET}latency_ms = 1.4\n"
        ),
    ];
    // a limit on what is no objective is bounded by lines
    let bounded = [3, 9, 13, 16];
    for (index, tables) in tables.iter().enumerate() {
        let experiment = experiment("raspberry-pi-4-ncnn-1-thread", tables);
        let problem = BackboneProblem::new(&experiment);
        let everything: Vec<_> = all(&experiment)
            .into_iter()
            .map(|g| individual(&problem, g))
            .collect();
        assert_eq!(everything.len(), 6_561);
        let truth = ParetoFront::from(everything);
        let (front, nearest) = search(&problem, 128);
        let proof = proof(&problem, &front, &nearest);
        let mut found = front.clone();
        for member in &proof.members {
            found.insert(&individual(&problem, member.clone()));
        }
        assert!(truth.len() > 3, "{index}: a front of {}", truth.len());
        assert_eq!(proof.is_attained, !bounded.contains(&index), "{index}");
        // to rounding: sums along a lattice are added in another order, and networks of one quality that differ in their last digits are
        // points of the front that the better of them stands for
        let truth_front = truth;
        let (truth, found) = (costs(&truth_front), costs(&found));
        if proof.is_attained {
            for point in &truth {
                assert!(is_reached(point, &found), "{index}: {point:?} is missing");
            }
        }
        let certified = certified(proof, &truth_front);
        let certificate = certified.certificate.unwrap();
        assert!(
            // first objectives count to nine digits
            certificate.relative_hypervolume <= 1.0 + 1e-8,
            "{index}: {certificate:?}"
        );
        if certified.proof.is_attained {
            assert!(
                certificate.relative_hypervolume > 1.0 - 1e-5,
                "{index}: {certificate:?}"
            );
            let scale = truth
                .iter()
                .fold(100.0_f64, |most, [_, y]| most.max(y.abs()));
            assert!(
                certificate.worst_gap < 1e-6 * scale,
                "{index}: {certificate:?}"
            );
        }
    }
}

/// More than two objectives: all 6,561 networks of NAS-Bench-Macro that keep the limits are above the planes, and their own front is not far from them.
#[test]
fn planes_bound_every_network_of_a_small_space() {
    let space = "[space]\npreset = \"nas-bench-macro\"\n";
    let objectives = |minimize: &str, maximize: &str| {
        format!("[objectives]\nminimize = [{minimize}]\nmaximize = [{maximize}]\n")
    };
    let three = objectives("\"latency\", \"params\"", "\"quality\"");
    let served = objectives("\"params\"", "\"quality\", \"throughput\"");
    // with the largest gap of the true front, as a share of its range, and the least share of the hypervolume: a space this small is less convex than
    // large ones, and next to its smallest networks, and to limits on what is no objective, planes are far below it
    let tables = [
        (format!("{space}{three}"), (0.2, 0.95)),
        (
            format!("{space}{three}[quality]\nscore = \"st_la\"\n"),
            (0.41, 0.94),
        ),
        (
            format!("{space}{three}[quality]\nscore = \"DeepMAD\"\n"),
            (0.1, 0.96),
        ),
        (
            format!("{space}{three}[constraints]\nlatency_ms = 12\nparams = 2_000_000\n"),
            (0.33, 0.88),
        ),
        (
            format!("{space}{three}[constraints]\nlatency_ms = 12\nconfidence = 0.95\n"),
            (0.37, 0.83),
        ),
        (
            format!("{space}{three}[constraints]\nlatency_ms = 12\n{TARGET}latency_ms = 1.4\n"),
            (1.3, 0.48),
        ),
        (
            format!(
                "{space}{TARGET}{}",
                objectives("\"latency\", \"params\", \"latency@server\"", "\"quality\"")
            ),
            (0.2, 0.93),
        ),
        (
            format!("batch = [1, 2, 8]\n{space}{served}[constraints]\nlatency_ms = 40\n"),
            (0.21, 0.95),
        ),
    ];
    for (index, (tables, (most, least))) in tables.iter().enumerate() {
        let experiment = experiment("raspberry-pi-4-ncnn-1-thread", tables);
        let problem = BackboneProblem::new(&experiment);
        let everything: Vec<_> = all(&experiment)
            .into_iter()
            .map(|genotype| individual(&problem, genotype))
            .filter(|one| one.evaluation.is_feasible())
            .collect();
        let (front, nearest) = search(&problem, 2_000);
        let proof = proof(&problem, &front, &nearest);
        assert!(!proof.bound.is_empty() && !proof.is_attained, "{index}");
        let last = experiment.objectives.len() - 1;
        for one in &everything {
            let costs = one.evaluation.costs();
            let reach: Vec<f64> = costs.iter().map(|cost| cost + 1e-9 * cost.abs()).collect();
            let floor = proof.bound.at(&reach[..last]);
            assert!(
                costs[last] >= floor - 1e-6,
                "{index}: {costs:?} below {floor}"
            );
        }
        let truth = ParetoFront::from(everything);
        for member in &proof.members {
            assert!(problem.evaluate(member).is_feasible(), "{index}");
        }
        let quality = truth.iter().map(|m| m.costs()[last]);
        let range = quality.clone().fold(f64::NEG_INFINITY, f64::max)
            - quality.fold(f64::INFINITY, f64::min);
        let true_gap = certified(proof.clone(), &truth).certificate.unwrap();
        let share = true_gap.worst_gap / range;
        assert!(
            (-1e-6..=*most).contains(&share),
            "{index}: {share} in {true_gap:?}"
        );
        let volume = true_gap.relative_hypervolume;
        assert!(
            (*least..=1.0 + 1e-9).contains(&volume),
            "{index}: {true_gap:?}"
        );
        // a front with less has a larger gap, by what it lacks
        let found_gap = certified(proof, &front).certificate.unwrap();
        assert!(found_gap.worst_gap >= true_gap.worst_gap - 1e-6, "{index}");
    }
}

/// A network takes the batch of its highest throughput among those at which it keeps the limits, as its figures at each batch alone tell.
#[test]
fn each_network_takes_the_best_of_its_batches() {
    let tables = "[space]\npreset = \"nas-bench-macro\"\n[objectives]\nminimize = []\nmaximize = [\"quality\", \"throughput\"]\n\
                  [constraints]\nlatency_ms = 40\nconfidence = 0.9\n";
    let platform = "raspberry-pi-4-ncnn-1-thread";
    let chosen = experiment(platform, &format!("batch = [2, 8, 1]\n{tables}"));
    let alone = [1, 2, 8].map(|batch| experiment(platform, &format!("batch = {batch}\n{tables}")));
    let problem = BackboneProblem::new(&chosen);
    let mut taken = [0; 3];
    for genotype in all(&chosen).into_iter().step_by(7) {
        let own = chosen.appraise(&genotype);
        let mut best: Option<(usize, roofnas::Metrics)> = None;
        for (place, experiment) in alone.iter().enumerate() {
            let metrics = experiment.appraise(&genotype);
            let keeps = metrics.latency.upper_ms(0.9) <= 40.0;
            let is_faster = |best: &roofnas::Metrics| {
                metrics.timing().images_per_s() > best.timing().images_per_s()
            };
            if keeps && best.is_none_or(|(_, best)| is_faster(&best)) {
                best = Some((place, metrics));
            }
        }
        let name = chosen.space.format(&genotype);
        let by_blocks = problem.evaluate(&genotype);
        let Some((place, best)) = best else {
            // it breaks the limit least where the least is to be done
            assert_eq!(own.batch, 1, "{name}");
            assert!(!by_blocks.is_feasible(), "{name}");
            continue;
        };
        // figures of targets that aren't there are no numbers, which equal nothing
        assert_eq!(format!("{own:?}"), format!("{best:?}"), "{name}");
        let expected = chosen.evaluation(&best);
        assert!(by_blocks.is_feasible(), "{name}");
        for (a, b) in by_blocks.costs().iter().zip(expected.costs()) {
            assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{name}: {a}, {b}");
        }
        taken[place] += 1;
    }
    assert!(taken.iter().all(|&count| count > 3), "{taken:?}");
}

/// Resolutions and strides to choose from, so that networks have three to five levels, and channels that may fall; 4,608 networks.
const LEVELS: &str = r#"
[space]
resolution = [32, 40]
[space.stem]
channels = [8, 16]
[[space.stage]]
block = ["identity", "inverted_bottleneck"]
depth = 1
channels = [16, 24]
stride = [1, 2]
expand = [2, 4]
[[space.stage]]
block = "inverted_bottleneck"
depth = [1, 2]
channels = [16, 32]
stride = [1, 2]
expand = 3
[[space.stage]]
block = "inverted_bottleneck"
depth = 1
channels = [24, 40]
stride = 2
kernel = [3, 5]
expand = 3
[space.head]
channels = [32, 64]
classes = 10
"#;

/// The number of levels differs from network to network: the exact front is still that of all networks.
#[test]
fn the_exact_front_of_a_space_whose_networks_have_different_numbers_of_levels() {
    let tables = [
        "[quality]\nscore = \"MAE-DET\"\n",
        "[quality]\nscore = \"DeepMAD\"\n",
        "[quality.terms]\nst_la = 1.0\nMAE-DET = 1.0\nDeepMAD = -0.5\n",
        "[constraints]\nmonotone_channels = true\n",
        "[quality]\nscore = \"DeepMAD\"\n[constraints]\nmonotone_channels = true\nparams = 60000\n",
    ];
    for (index, tables) in tables.iter().enumerate() {
        let experiment = experiment("raspberry-pi-4-ncnn-1-thread", &format!("{LEVELS}{tables}"));
        let problem = BackboneProblem::new(&experiment);
        let everything: Vec<_> = all(&experiment)
            .into_iter()
            .map(|g| individual(&problem, g))
            .collect();
        assert!(everything.len() > 1_000, "{}", everything.len());
        let feasible = everything.iter().filter(|e| e.is_feasible()).count();
        assert_eq!(feasible < everything.len(), index > 2, "{feasible}");
        let truth = ParetoFront::from(everything);
        let (front, nearest) = search(&problem, 128);
        let proof = proof(&problem, &front, &nearest);
        let mut found = front.clone();
        for member in &proof.members {
            found.insert(&individual(&problem, member.clone()));
        }
        let (truth, found) = (costs(&truth), costs(&found));
        assert!(truth.len() > 3, "{index}: a front of {}", truth.len());
        // no network is below the bound
        for [x, y] in &truth {
            let covers = |p: &&[f64; 2]| p[0] <= x * (1.0 + 1e-9) && p[1] <= y + 1e-6 * y.abs();
            assert!(
                proof.bound.points().iter().any(|p| covers(&p)),
                "{index}: {x}, {y}"
            );
        }
        if index == 4 {
            continue;
        }
        assert!(proof.is_attained, "{index}");
        for point in &truth {
            assert!(is_reached(point, &found), "{index}: {point:?} is missing");
        }
    }
}

/// With too many channels to tell all values of DeepMAD apart, the bound is below everything, and not far.
#[test]
fn a_rounded_entropy_still_bounds() {
    let tables = "[space]\npreset = \"mobile\"\n[quality]\nscore = \"DeepMAD\"\n[constraints]\nlatency_ms = 40\n";
    let experiment = experiment("raspberry-pi-4-ncnn-1-thread", tables);
    let problem = BackboneProblem::new(&experiment);
    let (front, nearest) = search(&problem, 4_000);
    let proof = proof(&problem, &front, &nearest);
    let (mut everything, _) = search(&problem, 60_000);
    for member in &proof.members {
        everything.insert(&individual(&problem, member.clone()));
    }
    for [x, y] in costs(&everything) {
        let covers = |p: &&[f64; 2]| p[0] <= x * (1.0 + 1e-9) && p[1] <= y + 1e-6 * y.abs();
        assert!(proof.bound.points().iter().any(|p| covers(&p)), "{x}, {y}");
    }
    assert!(!proof.is_attained);
    let certified = certified(proof, &everything);
    let certificate = certified.certificate.unwrap();
    assert!(certificate.relative_hypervolume > 0.9, "{certificate:?}");
}

/// Sums of logarithms are searched only where more is better.
#[test]
fn a_weight_below_0_of_st_la_can_t_be_proven() {
    let tables = "[space]\npreset = \"nas-bench-macro\"\n[quality.terms]\nS = 1.0\nst_la = -1.0\n";
    let experiment = experiment("raspberry-pi-4-ncnn-1-thread", tables);
    let problem = BackboneProblem::new(&experiment);
    let (front, nearest) = search(&problem, 128);
    let unproven = prove(&problem, &front, &nearest, |_| ControlFlow::Continue(()));
    assert!(unproven.unwrap_err().to_string().contains("st_la"));
}

/// Nothing that a longer search finds is below what is proven after a short one, however constraints are bounded.
#[test]
fn nothing_is_below_a_bound() {
    let mobile = "[space]\npreset = \"mobile\"\nresolution = 128\n";
    let features =
        "[space]\npreset = \"mobile\"\nresolution = [128, 160]\nfeatures = [8, 16, 32]\n";
    let cases = [
        (
            "raspberry-pi-4-ncnn-1-thread",
            mobile,
            "latency_ms = 24\nconfidence = 0.95",
        ),
        (
            "raspberry-pi-4-ncnn-4-threads",
            mobile,
            "latency_ms = 15\nconfidence = 0.9\nparams = 2500000",
        ),
        (
            "titan-rtx-pytorch-small-images-batch-1",
            mobile,
            "latency_ms = 8\nconfidence = 0.8",
        ),
        (
            "intel-i9-10980xe",
            mobile,
            "params = 2500000\nweights_mib = 9\nmacs = 90000000",
        ),
        ("intel-i9-10980xe", features, "peak_memory_mib = 2\nrho = 6"),
        (
            "raspberry-pi-4-ncnn-1-thread",
            mobile,
            "latency_ms = 30\nrho = 0.45",
        ),
        (
            "raspberry-pi-4-ncnn-4-threads",
            mobile,
            "latency_ms = 15\nconfidence = 0.95\n[target.server]\nprofile = \"epyc-7742-ncnn-1-thread\"\nlatency_ms = 3\n",
        ),
    ];
    for (platform, space, constraints) in cases {
        let experiment = experiment(platform, &format!("{space}[constraints]\n{constraints}\n"));
        let problem = BackboneProblem::new(&experiment);
        let (front, nearest) = search(&problem, 4_000);
        let proof = proof(&problem, &front, &nearest);
        let (longer, _) = search(&problem, 60_000);
        let mut rng = SearchRng::seed_from_u64(5);
        let mut everything = longer;
        for _ in 0..2_000 {
            everything.insert(&individual(&problem, experiment.space.sample(&mut rng)));
        }
        for member in &proof.members {
            let member = individual(&problem, member.clone());
            assert!(member.is_feasible());
            everything.insert(&member);
        }
        assert!(!everything.is_empty(), "{constraints}");
        for [x, y] in costs(&everything) {
            let covers = |p: &&[f64; 2]| p[0] <= x * (1.0 + 1e-9) && p[1] <= y + 1e-6;
            assert!(
                proof.bound.points().iter().any(|p| covers(&p)),
                "{platform}, {constraints}: {x}, {y}"
            );
        }
        // and it says something: the front of the longer search is not far
        let certificate = certified(proof, &everything).certificate.unwrap();
        assert!(
            certificate.relative_hypervolume > 0.8,
            "{platform}, {constraints}: {certificate:?}"
        );
    }
}

/// A budget that nothing keeps is proven to be one.
#[test]
fn infeasibility_is_proven() {
    let tables = "[space]\npreset = \"mobile\"\n[constraints]\nlatency_ms = 0.01";
    let experiment = experiment("raspberry-pi-4-ncnn-1-thread", tables);
    let problem = BackboneProblem::new(&experiment);
    let (front, nearest) = search(&problem, 500);
    assert!(front.is_empty());
    let certified = Certified::new(proof(&problem, &front, &nearest), &[]);
    assert!(certified.is_infeasible());
}

/// So is one that only the mean of the fastest networks keeps, where their bounds have to.
#[test]
fn infeasibility_with_confidence_is_proven() {
    let with = |constraints: &str| {
        let tables = format!("[space]\npreset = \"mobile\"\n[constraints]\n{constraints}\n");
        experiment("raspberry-pi-4-ncnn-1-thread", &tables)
    };
    let free = with("");
    let (front, _) = search(&BackboneProblem::new(&free), 20_000);
    let fastest = free.appraise(&front.members()[0].genotype).latency;
    let (mean, upper) = (fastest.mean_ms, fastest.upper95_ms());
    for (share, is_infeasible) in [(0.7, true), (1.01, false)] {
        let limit = mean + share * (upper - mean);
        let experiment = with(&format!("latency_ms = {limit}\nconfidence = 0.95"));
        let problem = BackboneProblem::new(&experiment);
        let (front, nearest) = search(&problem, 20_000);
        assert_eq!(
            front.is_empty(),
            is_infeasible,
            "{limit} of {mean} to {upper}"
        );
        let certified = certified(proof(&problem, &front, &nearest), &front);
        assert_eq!(certified.is_infeasible(), is_infeasible, "{limit}");
    }
}

/// A sliver that random networks never hit is found: by the search or by the proof.
#[test]
fn a_sliver_is_found() {
    let tables = "[space]\npreset = \"mobile\"\n[constraints]\nparams = 1520000\nlatency_ms = 18.3";
    let experiment = experiment("raspberry-pi-4-ncnn-1-thread", tables);
    let problem = BackboneProblem::new(&experiment);
    let mut rng = SearchRng::seed_from_u64(1);
    let mut hits = 0;
    for _ in 0..20_000 {
        hits += u32::from(
            problem
                .evaluate(&experiment.space.sample(&mut rng))
                .is_feasible(),
        );
    }
    assert_eq!(hits, 0, "no sliver");
    let (front, nearest) = search(&problem, 20_000);
    let proof = proof(&problem, &front, &nearest);
    assert!(!front.is_empty() || !proof.members.is_empty());
}
