//! How networks are timed, and in what situation.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::machine::available_memory;

/// How networks are timed.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocol {
    /// How often each network has its turn.
    pub rounds: u32,
    /// How long a turn lasts at least, the untimed run at its beginning left out.
    pub turn: Duration,
    /// Timed runs in a turn, at least and at most. A command is told the least.
    pub runs: (usize, usize),
    /// How long a network runs at least when it has been loaded, before anything counts.
    pub warm_up: Duration,
    /// Networks loaded and measured at the same time, the anchors apart, at most. The more, the better: a machine that is slower for some
    /// seconds then is so for a turn of each, and not for all turns of some.
    pub group: usize,
    /// A group is full when less memory than this is available, in bytes.
    pub least_available: Option<u64>,
    /// Whether free memory in small pieces is held meanwhile, so that networks don't come to lie in it.
    pub holds_pieces: bool,
    /// How many of the first networks are measured again in every group.
    pub anchors: usize,
    /// Seed of the order in each round.
    pub seed: u64,
    /// What it is like around.
    pub situation: Situation,
}

/// Networks in a group where nothing is known of the machine's memory, and of commands, which are started anew for each turn and save the groups that
/// are finished.
const FEW: usize = 12;

/// Networks in a group, at most.
const MANY: usize = 256;

impl Default for Protocol {
    /// Twenty turns of 10 ms.
    fn default() -> Self {
        Self {
            rounds: 20,
            turn: Duration::from_millis(10),
            runs: (1, 200),
            warm_up: Duration::from_millis(60),
            group: FEW,
            least_available: None,
            holds_pieces: false,
            anchors: 3,
            seed: 1,
            situation: Situation::default(),
        }
    }
}

impl Protocol {
    /// For an engine whose sessions stay: as many networks in turn as half of the available memory holds, where the system says what that is.
    pub fn in_process() -> Self {
        let available = available_memory();
        Self {
            group: available.map_or(FEW, |_| MANY),
            least_available: available.map(|bytes| bytes / 2),
            holds_pieces: true,
            ..Self::default()
        }
    }

    /// For a command, which warms up by itself each time it is started, and takes long to start.
    pub fn for_commands() -> Self {
        Self {
            rounds: 3,
            group: FEW,
            turn: Duration::ZERO,
            runs: (20, 20),
            warm_up: Duration::ZERO,
            ..Self::default()
        }
    }
}

/// What it is like around the network: quiet and in a tight loop if nothing else is said, which deployment seldom is.
#[derive(Debug, Clone, PartialEq)]
pub struct Situation {
    /// CPUs that the engine was kept on; empty if it was free.
    pub pinned: Vec<usize>,
    /// Threads at work beside it.
    pub background: u32,
    /// How runs follow each other.
    pub cadence: Cadence,
    /// Where the weights are when a run begins.
    pub weights: Weights,
    /// How long the networks run, in turn, before anything counts: what a phone gets hot from.
    pub sustained: Duration,
    /// Inferences of the network at the same time, as [`Streams`](crate::engine::Streams) runs them; one of them is timed.
    pub streams: NonZeroUsize,
}

impl Default for Situation {
    /// A quiet machine, a tight loop.
    fn default() -> Self {
        Self {
            pinned: Vec::new(),
            background: 0,
            cadence: Cadence::BackToBack,
            weights: Weights::Warm,
            sustained: Duration::ZERO,
            streams: NonZeroUsize::MIN,
        }
    }
}

/// How runs follow each other.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Cadence {
    /// One after the other.
    #[default]
    BackToBack,
    /// One every so often, and rest between, in which clocks fall.
    Every(Duration),
}

/// Where the weights are when a run begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Weights {
    /// Where the run before left them.
    #[default]
    Warm,
    /// In memory: caches are filled with something else before each run.
    Cold,
}

impl Situation {
    /// In words, for a column or a profile; empty for a quiet machine and a tight loop.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        if self.streams.get() > 1 {
            words.push(format!("{} streams at once", self.streams));
        }
        if !self.pinned.is_empty() {
            let cpus: Vec<String> = self.pinned.iter().map(usize::to_string).collect();
            words.push(format!("pinned to CPU {}", cpus.join(" ")));
        }
        if self.background > 0 {
            let plural = if self.background == 1 { "" } else { "s" };
            words.push(format!("{} thread{plural} at work beside", self.background));
        }
        if let Cadence::Every(period) = self.cadence {
            words.push(format!("one run every {:.3} s", period.as_secs_f64()));
        }
        if self.weights == Weights::Cold {
            words.push("cold weights".to_owned());
        }
        if !self.sustained.is_zero() {
            let seconds = self.sustained.as_secs_f64();
            words.push(format!("after {seconds:.0} s under load"));
        }
        words.join("; ")
    }
}
