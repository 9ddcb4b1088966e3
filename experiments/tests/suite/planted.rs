//! Measurements of a machine that is known exactly: the networks, and how long they take.

use std::fmt::Write;

use crate::support::Desk;

const HEADER: &str = "network,layer,op,kernel_h,kernel_w,stride_h,stride_w,dilation,groups,in_channels,in_h,in_w,out_channels,out_h,out_w,activation,bias,inputs";

/// Networks of a table.
pub(crate) const NETWORKS: usize = 24;

/// Two families by name, of every size.
pub(crate) fn network(index: usize) -> String {
    let family = if index.is_multiple_of(2) {
        "even"
    } else {
        "odd"
    };
    format!("{family}{index}")
}

/// Numbers that look drawn, from 0 to 1.
struct Draws(u32);

impl Draws {
    /// Those of this seed: the first ones, which neighbouring seeds share, are passed over.
    fn new(seed: usize) -> Self {
        let mut draws = Self(seed as u32);
        for _ in 0..8 {
            draws.next();
        }
        draws
    }

    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0 >> 8) / f64::from(1 << 24)
    }

    fn choose(&mut self, choices: &[usize]) -> usize {
        choices[(self.next() * choices.len() as f64) as usize]
    }
}

/// Layers of a network, and the time it takes at a batch on a machine of 40 GFLOP/s that needs 0.02 ms for each layer and 0.1 ms for each call.
fn layers_and_ms(index: usize, batch: usize) -> (String, f64) {
    let name = network(index);
    let mut draws = Draws::new(index);
    let mut rows = String::new();
    let mut ms = 0.1;
    let mut layers = 0;
    let mut add = |row: String, flops: usize| {
        writeln!(rows, "{name},{layers},{row}").unwrap();
        layers += 1;
        ms += 0.02 + 1e3 * (batch * flops) as f64 / 40e9;
    };
    let size = draws.choose(&[28, 32, 40, 48]);
    let mut channels = draws.choose(&[16, 24, 32]);
    add(
        format!("conv,3,3,1,1,1,1,3,{size},{size},{channels},{size},{size},relu,0,1"),
        2 * 9 * 3 * channels * size * size,
    );
    for _ in 0..draws.choose(&[2, 3, 4, 6, 8]) {
        let wider = draws.choose(&[32, 64, 96, 128]);
        add(
            format!(
                "conv,3,3,1,1,1,{channels},{channels},{size},{size},{channels},{size},{size},relu,0,1"
            ),
            2 * 9 * channels * size * size,
        );
        add(
            format!("conv,1,1,1,1,1,1,{channels},{size},{size},{wider},{size},{size},,0,1"),
            2 * channels * wider * size * size,
        );
        channels = wider;
    }
    (rows, ms)
}

/// The networks as a table of layers.
pub(crate) fn layers() -> String {
    let rows: String = (0..NETWORKS)
        .map(|index| layers_and_ms(index, 1).0)
        .collect();
    format!("{HEADER}\n{rows}")
}

/// How long a network takes, give or take half a percent.
pub(crate) fn latency_ms(index: usize) -> f64 {
    latency_ms_at(index, 1)
}

/// A table of latencies on these numbers of threads of a machine that shares out arithmetic to four fifths, and lets every layer wait for 5 us. On more than one
/// thread only every so many-th network is timed.
pub(crate) fn latencies_on(threads: &[u32], every: usize) -> String {
    let rows = (0..NETWORKS).flat_map(|index| threads.iter().map(move |&threads| (index, threads)));
    let rows = rows.filter(|(index, threads)| *threads == 1 || index % every == 0);
    let rows = rows.map(|(index, threads)| {
        let (name, one) = (network(index), latency_ms(index));
        let layers = layers_and_ms(index, 1).0.lines().count() as f64;
        let arithmetic = one - 0.1 - 0.02 * layers;
        let ms = match threads {
            1 => one,
            more => 0.1 + 0.025 * layers + arithmetic / (0.8 * f64::from(more)),
        };
        format!("{threads},{name},{ms}\n")
    });
    format!("threads,network,latency_ms\n{}", rows.collect::<String>())
}

/// The same of a batch.
pub(crate) fn latency_ms_at(index: usize, batch: usize) -> f64 {
    let noise = Draws::new(index + 1_000_002 + batch).next() - 0.5;
    layers_and_ms(index, batch).1 * (1.0 + 0.01 * noise)
}

/// A table of latencies at these batches.
pub(crate) fn latencies_at(batches: &[usize]) -> String {
    let rows = (0..NETWORKS).flat_map(|index| batches.iter().map(move |&batch| (index, batch)));
    let rows = rows.map(|(index, batch)| {
        let (name, ms) = (network(index), latency_ms_at(index, batch));
        format!("{batch},{name},{ms}\n")
    });
    format!("batch,network,latency_ms\n{}", rows.collect::<String>())
}

/// A table of latencies, with the columns before `network` as given.
pub(crate) fn latencies(columns: &str, cells: &str) -> String {
    let rows = (0..NETWORKS).map(|index| {
        let (name, ms) = (network(index), latency_ms(index));
        format!("{cells}{name},{ms}\n")
    });
    format!("{columns}network,latency_ms\n{}", rows.collect::<String>())
}

/// A folder with `layers.csv` and `latency.csv`.
pub(crate) fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("layers.csv", layers());
    desk.write("latency.csv", latencies("", ""));
    desk
}

/// What every quick calibration of those is called with.
pub(crate) const QUICK: [&str; 9] = [
    "calibrate",
    "--layers",
    "layers.csv",
    "--latency",
    "latency.csv",
    "--components",
    "1",
    "--priors",
    "none",
];

/// A quick calibration with further arguments.
pub(crate) fn quick<'a>(more: &[&'a str]) -> Vec<&'a str> {
    QUICK.iter().chain(more).copied().collect()
}

/// A folder with a profile `planted.toml` too, fitted on 16 networks.
pub(crate) fn desk_with_profile() -> Desk {
    let desk = desk();
    desk.roofnas(&quick(&["--out", "planted.toml", "--samples", "16"]))
        .ends(0);
    desk
}
