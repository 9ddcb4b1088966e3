//! Every row of two public benchmark tables, where they are at hand: `../shared/data` beside the
//! repository, or the folder that `ROOFNAS_DATA` names. Skipped loudly otherwise.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use roofnas_cost::{Fusion, NetworkCost};
use roofnas_space::{SearchSpace, presets};

fn table(path: &str) -> Option<csv::Reader<std::fs::File>> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let folder = std::env::var_os("ROOFNAS_DATA").map_or_else(|| beside.into(), PathBuf::from);
    let file = folder.join(path);
    if !file.exists() {
        eprintln!(
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

#[test]
fn every_row_of_nas_bench_macro() {
    let Some(mut table) = table("nasbench_macro/accuracy.csv") else {
        return;
    };
    let space = space("nas-bench-macro");
    let mut rows = 0;
    for row in table.records() {
        let row = row.unwrap();
        let label = |digit| match digit {
            '0' => "id",
            '1' => "ibk3e3",
            _ => "ibk5e6",
        };
        let layers: Vec<&str> = row[0].chars().map(label).collect();
        let (a, b, c) = (
            layers[..2].join(","),
            layers[2..5].join(","),
            layers[5..].join(","),
        );
        let published = (row[6].parse().unwrap(), row[7].parse().unwrap());
        let counted = counts(&space, &format!("r32/s32/64:{a}/128:{b}/256:{c}/h1280"));
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
        let mut genotype = "r224/s32".to_owned();
        for (stage, channels) in [16, 24, 40, 80, 112, 192, 320].into_iter().enumerate() {
            let gene = |offset: usize| row[1 + 4 * stage + offset].parse::<usize>().unwrap();
            let se = if gene(3) == 1 { "0.25" } else { "0" };
            genotype += &format!("/{channels}:{}*k{}e{}se{se}", gene(2), gene(1), gene(0));
        }
        let (params, _) = counts(&space, &format!("{genotype}/h1280"));
        let published: f64 = row[30].parse().unwrap();
        assert_eq!(params, (1e6 * published).round() as u64, "{}", &row[0]);
        rows += 1;
    }
    assert!(rows >= 2570, "{rows} rows");
}
