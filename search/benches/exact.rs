//! How long the exact front of a space as large as one of networks takes, and how exact it is.
//!
//! Prints a table: blocks that share a stage's width, blocks that need not, and a limit on
//! parameters. Epsilons are in units of the front's range of quality. `cargo bench --bench exact --
//! loose=1 epsilon=1e-3 labels=100000 talk=1` tries other settings and tells of the progress.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Instant;

use rand::RngExt;
use roofnas_search::{
    ExactSettings, Layered, LogSum, SearchRng, Transition, exact_front, random_stream,
    relaxed_bound,
};

const STAGES: usize = 5;
const BLOCKS: usize = 5;
const WIDTHS: usize = 12;
const CLASSES: usize = 5;

type Way = (u32, usize, [f64; 4]);

/// Five stages of up to five blocks. A state is the width of a stage and the class of the genes its
/// blocks share; each block has a kernel and an expansion, or is left out. Latency, minus
/// quality, an amount gathered by stage, and parameters, all irregular by some per cent.
struct Stages {
    layers: Vec<Vec<Vec<Way>>>,
    limit: f64,
}

impl Stages {
    fn new(seed: u64, limit: f64, sharing: Sharing) -> Self {
        let mut rng = random_stream(seed, 0, 0);
        let layers = (0..STAGES * BLOCKS).map(|position| {
            let states = if position == 0 { 1 } else { WIDTHS * CLASSES };
            let layer = (0..states).map(|state| ways(position, state, sharing, &mut rng));
            layer.collect()
        });
        Self {
            layers: layers.collect(),
            limit,
        }
    }
}

/// Whether blocks of a stage share their width and class, or each may pass to a neighbour.
#[derive(Clone, Copy, PartialEq)]
enum Sharing {
    Shared,
    Loose,
}

fn ways(position: usize, state: usize, sharing: Sharing, rng: &mut SearchRng) -> Vec<Way> {
    let (width, class) = (state % WIDTHS, state / WIDTHS);
    let stage = position / BLOCKS;
    let mut ways = Vec::new();
    if position.is_multiple_of(BLOCKS) {
        for wider in width..(width + 4).min(WIDTHS) {
            for class in 0..CLASSES {
                let costs = block(stage, width, wider, class, ways.len() % 9, rng);
                ways.push((ways.len() as u32, class * WIDTHS + wider, costs));
            }
        }
    } else {
        ways.push((0, state, [0.0; 4])); // the block is left out
        let wider = (width + 1).min(WIDTHS - 1);
        let other = (class + 1) % CLASSES;
        let nexts = [
            (width, class),
            (width, other),
            (wider, class),
            (wider, other),
        ];
        let reach = if sharing == Sharing::Shared { 1 } else { 4 };
        for (to, class) in &nexts[..reach] {
            for option in 0..9 {
                let costs = block(stage, width, *to, *class, option, rng);
                ways.push((ways.len() as u32, class * WIDTHS + to, costs));
            }
        }
    }
    ways
}

fn block(
    stage: usize,
    from: usize,
    to: usize,
    class: usize,
    option: usize,
    rng: &mut SearchRng,
) -> [f64; 4] {
    let mut irregular = || rng.random_range(0.9..1.1);
    let channels = |width: usize| 8.0 * (1 + width) as f64 * f64::from(1 << stage).sqrt();
    let pixels = (64.0 / f64::from(1 << stage)).powi(2);
    let expansion = 1.0 + (option % 3) as f64 + 0.5 * class as f64;
    let kernel = (3 + 2 * (option / 3)) as f64;
    let weights = channels(from) * expansion * (channels(from) + channels(to) + kernel * kernel);
    let latency = 0.02 + 2e-8 * weights * pixels * irregular();
    let gathered = channels(to) * expansion * kernel * irregular();
    let quality = 0.08 * (weights * kernel).ln() * irregular();
    [latency, -quality, gathered, 1e-6 * weights]
}

impl Layered for Stages {
    fn criteria(&self) -> usize {
        4
    }
    fn positions(&self) -> usize {
        self.layers.len()
    }
    fn states(&self, position: usize) -> usize {
        if position == 0 { 1 } else { WIDTHS * CLASSES }
    }
    fn transitions(&self, position: usize, state: usize, visit: &mut dyn FnMut(Transition<'_>)) {
        for (choice, next, costs) in &self.layers[position][state] {
            visit(Transition {
                choice: *choice,
                next: *next,
                costs,
            });
        }
    }
    fn segment(&self, position: usize, _: usize) -> usize {
        position.saturating_sub(1) / BLOCKS
    }
    fn segments(&self) -> usize {
        STAGES
    }
    fn log_sum(&self) -> Option<LogSum> {
        Some(LogSum {
            sum: 2,
            into: 1,
            weight: 1.0,
        })
    }
    fn limit(&self, criterion: usize) -> f64 {
        if criterion == 3 {
            self.limit
        } else {
            f64::INFINITY
        }
    }
}

/// The settings to try, as asked for on the command line.
#[derive(Clone)]
struct Trial {
    epsilon: f64,
    labels: usize,
    beam: usize,
    slopes: usize,
    rounds: usize,
    limit: f64,
    seed: u64,
    sharing: Sharing,
    talk: Talk,
}

/// What to print besides the table.
#[derive(Clone, Copy, PartialEq)]
enum Talk {
    Nothing,
    Progress,
}

const TRIAL: Trial = Trial {
    epsilon: 1e-5,
    labels: 1_000_000,
    beam: 2_000,
    slopes: 128,
    rounds: 20,
    limit: f64::INFINITY,
    seed: 1,
    sharing: Sharing::Shared,
    talk: Talk::Nothing,
};

impl Trial {
    fn set(&mut self, key: &str, value: &str) {
        let number: f64 = value.parse().expect("a setting is a number");
        match key {
            "epsilon" => self.epsilon = number,
            "labels" => self.labels = number as usize,
            "beam" => self.beam = number as usize,
            "slopes" => self.slopes = number as usize,
            "rounds" => self.rounds = number as usize,
            "limit" => self.limit = number,
            "loose" => self.sharing = Sharing::Loose,
            "talk" => self.talk = Talk::Progress,
            "seed" => self.seed = number as u64,
            _ => panic!("no setting is called {key}"),
        }
    }

    fn run(&self) {
        let problem = Stages::new(self.seed, self.limit, self.sharing);
        let mut settings = ExactSettings {
            labels: NonZeroUsize::new(self.labels).expect("room"),
            beam: NonZeroUsize::new(self.beam).expect("room"),
            slopes: self.slopes,
            rounds: self.rounds,
            ..ExactSettings::default()
        };
        let start = Instant::now();
        let relaxed = relaxed_bound(&problem, &settings);
        let relaxing = start.elapsed().as_secs_f64();
        let [left, right] = [
            &relaxed.members[0],
            &relaxed.members[relaxed.members.len() - 1],
        ];
        let range = left.costs[1] - right.costs[1];
        settings.epsilon = self.epsilon * range;
        let front = exact_front(&problem, &settings, &[], &mut |progress| {
            if self.talk == Talk::Progress {
                let seconds = start.elapsed().as_secs_f64();
                eprintln!("{seconds:.2} {progress:?}");
            }
            ControlFlow::Continue(())
        });
        println!(
            "{:8.1e} {:9} {:6} {:6} {:6} {:6.2} | {relaxing:8.3} {:4} {:8.2} {:6} {:9} {:9} {:7} {:9.2e}",
            self.epsilon,
            self.labels,
            self.beam,
            self.slopes,
            self.rounds,
            self.limit,
            relaxed.members.len(),
            start.elapsed().as_secs_f64(),
            front.passes,
            front.peak_labels,
            front.total_labels,
            front.members.len(),
            front.epsilon / range,
        );
    }
}

fn main() {
    println!(
        "{:>8} {:>9} {:>6} {:>6} {:>6} {:>6} | {:>8} {:>4} {:>8} {:>6} {:>9} {:>9} {:>7} {:>9}",
        "epsilon",
        "labels",
        "beam",
        "slopes",
        "rounds",
        "limit",
        "relax s",
        "hull",
        "total s",
        "passes",
        "peak",
        "labels",
        "members",
        "proven"
    );
    let mut trial = TRIAL;
    let mut is_set = false;
    for argument in std::env::args() {
        if let Some((key, value)) = argument.split_once('=') {
            trial.set(key, value);
            is_set = true;
        }
    }
    if is_set {
        return trial.run();
    }
    for (sharing, limit) in [
        (Sharing::Shared, f64::INFINITY),
        (Sharing::Loose, f64::INFINITY),
        (Sharing::Shared, 3.0),
    ] {
        trial.sharing = sharing;
        trial.limit = limit;
        trial.run();
    }
}
