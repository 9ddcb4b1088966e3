//! `roofnas rank`.

use serde_json::Value;

use crate::support::{Desk, Table};

/// Networks of NAS-Bench-Macro, each with one block more than the one before: every term rises, and so do accuracy and latency.
fn ladder() -> String {
    let mut table = "arch,acc1,acc2,ms,images\n".to_owned();
    for blocks in 0..=8 {
        let arch = format!("{}{}", "1".repeat(blocks), "0".repeat(8 - blocks));
        let accuracy = 80.0 + blocks as f64;
        // where a stage has more than one block left, its identities commute
        table += &format!(
            "{arch},{accuracy},{},{},{}\n",
            accuracy + 0.5,
            1 + blocks,
            1000 / (1 + blocks)
        );
    }
    table
}

fn desk(table: &str) -> Desk {
    let desk = Desk::new();
    desk.write("trained.csv", table);
    desk
}

const BASE: [&str; 7] = [
    "rank",
    "--space",
    "nas-bench-macro",
    "--table",
    "trained.csv",
    "--truth",
    "acc1",
];

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    base.iter().chain(more).copied().collect()
}

fn json(desk: &Desk, args: &[&str]) -> Value {
    let args = with(args, &["--format", "json"]);
    serde_json::from_str(&desk.roofnas(&args).ends(0).stdout).unwrap()
}

fn term<'v>(ranking: &'v Value, name: &str) -> &'v Value {
    let terms = ranking["terms"].as_array().unwrap();
    terms.iter().find(|term| term["name"] == name).unwrap()
}

#[test]
fn what_rises_together_ranks_perfectly() {
    let desk = desk(&ladder());
    let ranking = json(
        &desk,
        &with(&BASE, &["--latency", "ms", "--throughput", "images"]),
    );
    assert_eq!(
        (&ranking["rows"], &ranking["distinct"]),
        (&9.into(), &9.into())
    );
    assert_eq!(ranking["truth"], serde_json::json!(["acc1"]));
    let names: Vec<&str> = ranking["terms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|term| term["name"].as_str().unwrap())
        .collect();
    for expected in [
        "AE3",
        "S+NSC",
        "S",
        "NSC",
        "st_la",
        "params",
        "MACs",
        "activations",
    ] {
        assert!(names.contains(&expected), "{expected} in {names:?}");
    }
    for name in ["AE3", "S", "params", "MACs", "activations"] {
        let term = term(&ranking, name);
        assert_eq!(
            (term["tau"].as_f64(), term["spearman"].as_f64()),
            (Some(1.0), Some(1.0)),
            "{name}"
        );
        assert_eq!(
            (term["regret"].as_f64(), term["regret_best5"].as_f64()),
            (Some(0.0), Some(0.0))
        );
        // nine networks make no ten groups, and their top fifth is one network
        assert!(term["tau_band"].is_null() && term["tau_top_fifth"].is_null());
        assert_eq!(term["devices"].as_array().unwrap().len(), 2);
    }
    let devices = ranking["devices"].as_array().unwrap();
    assert_eq!(
        (&devices[0]["column"], &devices[0]["kind"]),
        (&"ms".into(), &"latency".into())
    );
    assert_eq!(devices[1]["kind"], "throughput");
    // of latencies 1 to 9 the quantile q is 1 + 8 q
    let budgets: Vec<f64> = devices[0]["budgets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|budget| budget.as_f64().unwrap())
        .collect();
    assert!(
        (budgets[0] - 1.4).abs() < 1e-9 && (budgets[9] - 8.6).abs() < 1e-9,
        "{budgets:?}"
    );
    assert!(ranking.get("floor").is_none() && ranking.get("surrogate").is_none());
}

#[test]
fn what_falls_as_the_terms_rise_ranks_upside_down() {
    let mut rows = ladder();
    for blocks in 0..=8 {
        rows = rows.replace(&format!(",{},", 80 + blocks), &format!(",{},", 70 - blocks));
    }
    let ranking = json(&desk(&rows), &with(&BASE, &["--latency", "ms"]));
    let params = term(&ranking, "params");
    assert_eq!(params["tau"].as_f64(), Some(-1.0));
    // each budget 1 + 8 q admits floor(1 + 8 q) networks, of which the last is picked and the first is best: 0 1 2 2 3 4 5 6 6 7 points lost, and with the
    // last five trained 0 0 0 0 0 0 1 2 2 3
    let regret = params["regret"].as_f64().unwrap();
    assert!((regret - 3.6).abs() < 1e-9, "{regret}");
    let best = params["regret_best5"].as_f64().unwrap();
    assert!((best - 0.8).abs() < 1e-9, "{best}");
}

#[test]
fn seeds_give_a_floor() {
    let desk = desk(&ladder());
    let args = with(&BASE[..6], &["acc1,acc2", "--latency", "ms"]);
    let ranking = json(&desk, &args);
    let floor = &ranking["floor"];
    assert_eq!(
        (&floor["from"], &floor["seeds"], &floor["networks"]),
        (&"seeds".into(), &2.into(), &9.into())
    );
    // the second seed is the first plus a half: both have one order
    assert_eq!(
        (floor["tau"].as_f64(), floor["regret"].as_f64()),
        (Some(1.0), Some(0.0))
    );
}

#[test]
fn a_deviation_gives_a_floor_that_is_the_same_each_time() {
    let desk = desk(&ladder());
    let floor = |more: &[&str]| {
        let args = with(&BASE, &["--latency", "ms", "--truth-std", "2"]);
        json(&desk, &with(&args, more))["floor"].clone()
    };
    let first = floor(&["--threads", "1"]);
    assert_eq!(
        (&first["from"], &first["std"], &first["draws"]),
        (&"deviation".into(), &2.0.into(), &200.into())
    );
    let tau = first["tau"].as_f64().unwrap();
    assert!(tau > 0.4 && tau < 0.9, "{tau}");
    assert!(first["regret"].as_f64().unwrap() > 0.1);
    assert_eq!(floor(&["--threads", "2"]), first);
    assert_ne!(floor(&["--seed", "2"]), first);
    let both = with(&BASE[..6], &["acc1,acc2", "--truth-std", "0.3"]);
    desk.roofnas(&both)
        .ends(2)
        .says(&["--truth-std", "single column"]);
    for bad in ["-1", "0", "nan", "many"] {
        let args = with(&BASE, &["--truth-std", bad]);
        desk.roofnas(&args)
            .ends(2)
            .says(&["--truth-std", "above 0"]);
    }
}

#[test]
fn columns_of_genes_and_genotypes() {
    let header = (0..7).map(|stage| format!("b{stage}_e,b{stage}_k,b{stage}_l,b{stage}_se"));
    let header: Vec<String> = header.collect();
    let mut genes = format!("network,{},val_top1,fps\n", header.join(","));
    let mut genotypes = "genotype,val_top1,fps\n".to_owned();
    for place in 0..24 {
        let depth =
            |stage: usize| 1 + (place >> (stage % 5)) % 2 + usize::from(stage == 6 && place > 15);
        let cells: Vec<String> = (0..7)
            .map(|stage| format!("4,3,{},0", depth(stage)))
            .collect();
        let top1 = 60.0 + (place * 7 % 24) as f64 / 10.0;
        genes += &format!("n{place},{},{top1},{}\n", cells.join(","), 900 - place);
        let channels = [16, 24, 40, 80, 112, 192, 320];
        let stages: Vec<String> = (0..7)
            .map(|stage| format!("{}:{}*k3e4se0", channels[stage], depth(stage)))
            .collect();
        genotypes += &format!(
            "\"r224/s32/{}/h1280\",{top1},{}\n",
            stages.join("/"),
            900 - place
        );
    }
    let desk = Desk::new();
    desk.write("genes.csv", genes);
    desk.write("genotypes.csv", genotypes);
    let args = |table| {
        let args = [
            "rank",
            "--space",
            "accel-nasbench",
            "--truth",
            "val_top1",
            "--throughput",
            "fps",
            "--table",
        ];
        with(&args, &[table])
    };
    let by_genes = json(&desk, &args("genes.csv"));
    let by_genotypes = json(&desk, &args("genotypes.csv"));
    assert_eq!(by_genes["distinct"], 24);
    assert_eq!(by_genes["terms"], by_genotypes["terms"]);
    let term = term(&by_genes, "AE3");
    for figure in ["tau", "spearman", "tau_band", "tau_top_fifth", "regret"] {
        assert!(term[figure].is_number(), "{figure}: {term}");
    }
    let by_params = json(&desk, &with(&args("genes.csv"), &["--band", "params"]));
    assert_eq!(by_params["band"], "params");
    assert_eq!(by_params["terms"][0]["tau"], by_genes["terms"][0]["tau"]);
}

#[test]
fn the_other_formats() {
    let desk = desk(&ladder());
    let args = with(
        &BASE[..6],
        &["acc1,acc2", "--latency", "ms", "--throughput", "images"],
    );
    let text = desk.roofnas(&args).ends(0).stdout;
    for part in [
        "9 different networks of the space nas-bench-macro; truth: acc1, acc2, mean of 2 seeds",
        "| AE3 ",
        "| floor ",
        "tau in bands of MACs",
        "best of five",
        "ten budgets",
        "One of 2 seeds is the score",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let csv = desk
        .roofnas(&with(&args, &["--format", "csv"]))
        .ends(0)
        .stdout;
    let csv = Table::parse(&csv);
    assert_eq!(
        csv.columns,
        [
            "name",
            "device",
            "tau",
            "spearman",
            "tau_band",
            "tau_top_fifth",
            "regret",
            "regret_best5"
        ]
    );
    // for each term and the floor a row for both devices, and one for each
    let devices = csv.text("device");
    assert_eq!(devices[..3], ["", "ms", "images"]);
    assert_eq!(csv.text("name").last(), Some(&"floor"));
    assert_eq!(csv.text("tau")[..3], ["1.0", "", ""]);
}

#[test]
fn rows_that_say_nothing_are_told() {
    // the last row's network is that of the row before
    let mut table = ladder().replace("11111111,88,", "11111111,,");
    table += "11011010,87.5,88,,\n11011001,85.5,86,,\n";
    let desk = desk(&table);
    let args = with(&BASE, &["--latency", "ms", "--format", "json"]);
    let ended = desk.roofnas(&args).ends(0);
    assert!(
        ended
            .stderr
            .contains("1 of 11 rows is left out for want of an accuracy: line 10"),
        "{}",
        ended.stderr
    );
    assert!(
        ended
            .stderr
            .contains("1 of 9 networks is left out of the regret for want of a number in ms"),
        "{}",
        ended.stderr
    );
    let ranking: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (
            &ranking["rows"],
            &ranking["distinct"],
            &ranking["rows_without_truth"]
        ),
        (&10.into(), &9.into(), &1.into())
    );
    assert_eq!(
        (
            &ranking["devices"][0]["networks"],
            &ranking["devices"][0]["left_out"]
        ),
        (&8.into(), &1.into())
    );
}

#[test]
fn rows_of_one_network_can_be_kept_apart() {
    let table = ladder() + "11011010,87.5,88,7,125\n11011001,85.5,86,7,125\n";
    let desk = desk(&table);
    let merged = json(&desk, &BASE);
    assert_eq!(
        (&merged["networks"], &merged["distinct"]),
        (&10.into(), &10.into())
    );
    let kept = with(&BASE, &["--duplicates", "keep"]);
    let text = desk.roofnas(&kept).ends(0).stdout;
    assert!(
        text.starts_with("11 networks, of which 10 differ, of the space"),
        "{text}"
    );
    let kept = json(&desk, &kept);
    assert_eq!(
        (&kept["networks"], &kept["distinct"]),
        (&11.into(), &10.into())
    );
    // one pair more, which no term can tell apart
    let tau = |ranking: &Value| term(ranking, "params")["tau"].as_f64().unwrap();
    assert!(tau(&kept) < tau(&merged), "{} {}", tau(&kept), tau(&merged));
}

#[track_caller]
fn refused(table: &str, more: &[&str], says: &[&str]) {
    let desk = desk(table);
    let args = with(&BASE, more);
    desk.roofnas(&args).ends(2).says(&["error: "]).says(says);
}

#[test]
fn bad_tables_are_refused_with_file_line_and_column() {
    let ladder = ladder();
    refused(
        &ladder.replace("11100000", "11300000"),
        &[],
        &[
            "trained.csv: line 5: arch = 11300000",
            "option 3",
            "2 (ibk5e6)",
        ],
    );
    refused(
        &ladder.replace(",83,", ",830,"),
        &[],
        &["trained.csv: line 5: acc1 = 830", "0 to 100"],
    );
    refused(
        &ladder.replace(",83,", ",-83,"),
        &[],
        &["line 5", "acc1 = -83"],
    );
    refused(
        &ladder.replace(",83,", ",nan,"),
        &[],
        &["line 5", "acc1 = nan"],
    );
    let fractions = ladder.replace(",8", ",0.8");
    refused(
        &fractions,
        &[],
        &[
            "trained.csv: column acc1",
            "from 0 to 1",
            "line 10",
            "multiply",
        ],
    );
    refused(
        &ladder
            .lines()
            .take(6)
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
        &[],
        &[
            "trained.csv: 5 different networks",
            "lines 2 to 6",
            "8 are needed",
        ],
    );
    refused(
        &ladder,
        &["--latency", "nothing"],
        &["column nothing is missing", "arch, acc1, acc2, ms, images"],
    );
    refused(
        &ladder.replace("arch", "net"),
        &[],
        &["no column says which networks", "genotype", "net, acc1"],
    );
    refused(&format!("{ladder}1,2\n"), &[], &["line 11", "2 cells", "5"]);
    refused("", &[], &["trained.csv", "no rows"]);
    let constant = "arch,acc1\n00000000,90\n11111111,90\n";
    refused(
        constant,
        &[],
        &[
            "trained.csv: column acc1: is 90 in all of its 2 rows",
            "line 2",
        ],
    );
    let slow = ladder.replace("83,83.5,4,", "83,83.5,-4,");
    refused(&slow, &["--latency", "ms"], &["line 5: ms = -4", "above 0"]);
}

#[test]
fn bad_arguments_are_refused() {
    let desk = desk(&ladder());
    desk.roofnas(&[
        "rank",
        "--space",
        "nowhere",
        "--table",
        "trained.csv",
        "--truth",
        "acc1",
    ])
    .ends(2)
    .says(&["--space nowhere", "nas-bench-macro"]);
    desk.roofnas(&[
        "rank",
        "--space",
        "nas-bench-macro",
        "--table",
        "gone.csv",
        "--truth",
        "acc1",
    ])
    .ends(2)
    .says(&["gone.csv"]);
    desk.roofnas(&[
        "rank",
        "--space",
        "nas-bench-macro",
        "--table",
        "trained.csv",
    ])
    .ends(2)
    .says(&["--truth"]);
    desk.roofnas(&with(&BASE, &["--architecture", "acc2"]))
        .ends(2)
        .says(&["line 2: acc2 = 80.5"]);
    // a space that has other genes than the table's form can say
    desk.roofnas(&[
        "rank",
        "--space",
        "mobile",
        "--table",
        "trained.csv",
        "--truth",
        "acc1",
    ])
    .ends(2)
    .says(&["trained.csv: column arch", "resolution", "stage0_channels"]);
}

#[test]
fn a_mix_of_ones_own_is_ranked_too() {
    let desk = desk(&ladder());
    let ranking = json(
        &desk,
        &with(&BASE, &["--mix", "S=1,NSC=-0.5", "--mix", "MAE-DET=1"]),
    );
    assert_eq!(term(&ranking, "S - 0.5 NSC")["name"], "S - 0.5 NSC");
    // one term alone ranks as it does without being normalised
    assert_eq!(
        term(&ranking, "z(MAE-DET)")["tau"],
        term(&ranking, "MAE-DET")["tau"]
    );
    for (mix, said) in [
        ("S", "is not TERM=WEIGHT"),
        ("T=1", "DeepMAD"),
        ("S=much", "is not TERM=WEIGHT"),
        ("S=0", "at least one term"),
    ] {
        desk.roofnas(&with(&BASE, &["--mix", mix]))
            .ends(2)
            .says(&[said]);
    }
}
