//! Every row of two public benchmark tables, where they are at hand: `../shared/data` beside the
//! repository, or the folder that `ROOFNAS_DATA` names. Skipped loudly otherwise.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use roofnas_cost::{Fusion, NetworkCost, Normalisation, QualityTerms, Score, Term};
use roofnas_space::{SearchSpace, presets};

fn table(path: &str) -> Option<csv::Reader<std::fs::File>> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let folder = std::env::var_os("ROOFNAS_DATA").map_or_else(|| beside.into(), PathBuf::from);
    let file = folder.join(path);
    if !file.exists() {
        // past the capture of a passing test: a skip must be seen
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {} is not there; set ROOFNAS_DATA to the folder with the public tables",
            file.display()
        );
        return None;
    }
    Some(csv::Reader::from_path(&file).unwrap())
}

fn space(name: &str) -> SearchSpace {
    SearchSpace::new(presets::definition(name).unwrap()).unwrap()
}

fn counts(space: &SearchSpace, genotype: &str) -> (u64, u64) {
    let network = space.decode(&space.parse(genotype).unwrap());
    let cost = NetworkCost::new(&network, &Fusion::default());
    (cost.params, cost.macs)
}

/// The genotype of NAS-Bench-Macro's eight digits.
fn nas_bench_macro(architecture: &str) -> String {
    let label = |digit| match digit {
        '0' => "id",
        '1' => "ibk3e3",
        _ => "ibk5e6",
    };
    let layers: Vec<&str> = architecture.chars().map(label).collect();
    let stage = |from: usize, to: usize| layers[from..to].join(",");
    format!(
        "r32/s32/64:{}/128:{}/256:{}/h1280",
        stage(0, 2),
        stage(2, 5),
        stage(5, 8)
    )
}

/// The genotype of a row of Accel-NASBench.
fn accel_nasbench(row: &csv::StringRecord) -> String {
    let mut genotype = "r224/s32".to_owned();
    for (stage, channels) in [16, 24, 40, 80, 112, 192, 320].into_iter().enumerate() {
        let gene = |offset: usize| row[1 + 4 * stage + offset].parse::<usize>().unwrap();
        let se = if gene(3) == 1 { "0.25" } else { "0" };
        genotype += &format!("/{channels}:{}*k{}e{}se{se}", gene(2), gene(1), gene(0));
    }
    genotype + "/h1280"
}

#[test]
fn every_row_of_nas_bench_macro() {
    let Some(mut table) = table("nasbench_macro/accuracy.csv") else {
        return;
    };
    let space = space("nas-bench-macro");
    let mut rows = 0;
    for row in table.records() {
        let row = row.unwrap();
        let published = (row[6].parse().unwrap(), row[7].parse().unwrap());
        let counted = counts(&space, &nas_bench_macro(&row[0]));
        assert_eq!(counted, published, "{}", &row[0]);
        rows += 1;
    }
    assert_eq!(rows, 6561);
}

#[test]
fn every_row_of_accel_nasbench() {
    let Some(mut table) = table("accel_nasbench/networks.csv") else {
        return;
    };
    let space = space("accel-nasbench");
    let mut rows = 0;
    for row in table.records() {
        let row = row.unwrap();
        let (params, _) = counts(&space, &accel_nasbench(&row));
        let published: f64 = row[30].parse().unwrap();
        assert_eq!(params, (1e6 * published).round() as u64, "{}", &row[0]);
        rows += 1;
    }
    assert!(rows >= 2570, "{rows} rows");
}

/// What the README says of each score, or what was measured where it says nothing: Kendall's tau-b over a table, and its mean over ten groups of equal MACs.
struct Expected {
    score: Score,
    tau: f64,
    band: f64,
}

const fn expected(score: Score, tau: f64, band: f64) -> Expected {
    Expected { score, tau, band }
}

/// Kendall's tau-b.
fn tau(pairs: &[(f64, f64)]) -> f64 {
    let (mut agreement, mut ties) = (0_i64, [0_i64; 2]);
    for (index, a) in pairs.iter().enumerate() {
        for b in &pairs[..index] {
            let sign = |x: f64, y: f64| x.partial_cmp(&y).unwrap() as i64;
            let (x, y) = (sign(a.0, b.0), sign(a.1, b.1));
            agreement += x * y;
            ties[0] += i64::from(x == 0);
            ties[1] += i64::from(y == 0);
        }
    }
    let all = (pairs.len() * (pairs.len() - 1) / 2) as i64;
    agreement as f64 / (((all - ties[0]) * (all - ties[1])) as f64).sqrt()
}

/// Holds the scores of networks with known accuracies against what the README says.
fn ranks(networks: &[(QualityTerms, f64)], table: &[Expected]) {
    let terms: Vec<QualityTerms> = networks.iter().map(|(terms, _)| *terms).collect();
    let z = Normalisation::new(&terms);
    let mut by_macs: Vec<&(QualityTerms, f64)> = networks.iter().collect();
    by_macs.sort_by(|a, b| a.0.macs.total_cmp(&b.0.macs));
    for expected in table {
        let pair =
            |(terms, accuracy): &(QualityTerms, f64)| (expected.score.of(terms, &z), *accuracy);
        let overall = tau(&networks.iter().map(pair).collect::<Vec<_>>());
        let groups = (0..10).map(|group| {
            let edge = |group: usize| group * by_macs.len() / 10;
            let group: Vec<(f64, f64)> = by_macs[edge(group)..edge(group + 1)]
                .iter()
                .copied()
                .map(pair)
                .collect();
            tau(&group)
        });
        let band = groups.sum::<f64>() / 10.0;
        let name = expected.score.name();
        assert!((overall - expected.tau).abs() < 0.006, "{name}: {overall}");
        assert!(
            (band - expected.band).abs() < 0.011,
            "{name} in bands: {band}"
        );
    }
}

#[test]
fn scores_rank_nas_bench_macro_as_the_readme_says() {
    let Some(mut table) = table("nasbench_macro/accuracy.csv") else {
        return;
    };
    let space = space("nas-bench-macro");
    // identities after a stage's first layer commute: a network's accuracy is the mean of its genotypes'
    let mut distinct: BTreeMap<String, (String, f64, f64)> = BTreeMap::new();
    for row in table.records() {
        let row = row.unwrap();
        let canonical: String = [(0, 2), (2, 5), (5, 8)]
            .map(|(from, to)| {
                let (first, rest) = row[0][from..to].split_at(1);
                let blocks = rest.replace('0', "");
                format!("{first}{blocks:0<width$}", width = rest.len())
            })
            .concat();
        let entry = distinct
            .entry(canonical)
            .or_insert((row[0].to_owned(), 0.0, 0.0));
        entry.1 += row[4].parse::<f64>().unwrap();
        entry.2 += 1.0;
    }
    assert_eq!(distinct.len(), 3969);
    let networks: Vec<(QualityTerms, f64)> = distinct
        .values()
        .map(|(architecture, sum, count)| {
            let network = space.decode(&space.parse(&nas_bench_macro(architecture)).unwrap());
            (QualityTerms::new(&network), sum / count)
        })
        .collect();
    ranks(
        &networks,
        &[
            expected(Score::Raw(Term::Macs), 0.55, 0.12),
            expected(Score::Raw(Term::Activations), 0.71, 0.56),
            expected(Score::Raw(Term::Params), 0.22, -0.31),
            expected(Score::S_NSC, 0.43, -0.07),
            expected(Score::AE3, 0.53, 0.14),
            expected(Score::Raw(Term::MaeDet), 0.56, 0.31),
            expected(Score::Raw(Term::DeepMad), 0.56, 0.30),
        ],
    );
}

#[test]
fn scores_rank_accel_nasbench_as_the_readme_says() {
    let Some(mut table) = table("accel_nasbench/networks.csv") else {
        return;
    };
    let space = space("accel-nasbench");
    let networks: Vec<(QualityTerms, f64)> = table
        .records()
        .map(|row| {
            let row = row.unwrap();
            let network = space.decode(&space.parse(&accel_nasbench(&row)).unwrap());
            (QualityTerms::new(&network), row[29].parse().unwrap())
        })
        .collect();
    ranks(
        &networks,
        &[
            expected(Score::Raw(Term::Macs), 0.47, 0.10),
            expected(Score::Raw(Term::Activations), 0.20, -0.37),
            expected(Score::Raw(Term::Params), 0.62, 0.53),
            expected(Score::S_NSC, 0.67, 0.53),
            expected(Score::AE3, 0.68, 0.54),
            expected(Score::Raw(Term::MaeDet), 0.53, 0.36),
            expected(Score::Raw(Term::DeepMad), 0.52, 0.34),
        ],
    );
}
