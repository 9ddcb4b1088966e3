//! Timings one can trust, of many networks on one engine.
//!
//! - Networks are measured in groups, and within a group in turn: each round runs every network for a moment, in an order drawn anew, so that
//!   whatever drifts (clock, heat, other programs) hits all alike. A group is as large as memory allows, since others may have a machine for seconds
//!   on end: on two cores of a virtual Xeon, all programs took 1.6 times as long for four seconds out of forty, and the same 66 networks, measured twice,
//!   differed by 6.3 % in groups of 12 with ten turns of 20 ms, by 3.4 % in one group, a common factor aside.
//! - A network is warmed up when it is loaded, and runs once untimed at the start of each visit: the networks before it have taken its place in the caches.
//! - Free memory that lies in small pieces is held meanwhile ([`Ballast`]): a network that was loaded into it would be slower for good.
//! - A network that is far more restless than the others of its group is loaded anew when these are done, and has all its turns once more beside some of them: the quicker time counts, if
//!   these take what they took.
//! - Its latency is a low quantile of all its runs ([`NetworkTiming::latency_s`]): what disturbs only makes slower. Median, 95th and 99th percentile and the
//!   spread stand beside it.
//! - Some networks, the *anchors*, are measured again in every group, and in every run of the tool if they are named again: how much they differ says how far
//!   groups and runs can be compared at all.
//! - How often others were at work on the machine is looked up, and said.
//!
//! Time is a parameter, and what is measured is behind the trait [`Session`]: a fake engine on a fake clock tests all of it.

mod background;
mod ballast;
mod group;
mod machine;
mod protocol;
mod restless;
mod table;
mod timing;
mod visit;
mod warnings;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::clock::Clock;
use crate::engine::{Engine, EngineError, Model, Session};

pub use background::Background;
pub use ballast::Ballast;
use group::Group;
pub use machine::{Machine, Others, pin};
pub use protocol::{Cadence, Protocol, Situation, Weights};
pub use table::{Conditions, HEADER, done_before, row, rows_before};
pub use timing::NetworkTiming;
pub use warnings::{busy, doubts};

/// What is told while measuring. Breaking off ends it after the visit or the round; what was measured in a group that has had less than half of its rounds is lost.
pub trait Observer {
    /// A network is about to be loaded, which may take a while. Breaking off leaves its group unmeasured.
    fn loading(&mut self, network: &str) -> ControlFlow<()> {
        let _ = network;
        ControlFlow::Continue(())
    }

    /// A network was visited: so many visits are done, of so many there will be.
    fn visited(&mut self, done: usize, all: usize) -> ControlFlow<()>;

    /// A group is finished, or has had another of the later half of its rounds: what it has by now takes the place of what it had.
    fn measured(&mut self, timings: &[NetworkTiming]) -> ControlFlow<()>;

    /// A network can't be measured.
    fn failed(&mut self, network: &str, error: EngineError);
}

/// All that was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Measuring {
    /// The networks, in the order given; the anchors first, with the samples of all groups.
    pub timings: Vec<NetworkTiming>,
    /// For each group, or each half of the rounds of a single one, how much longer the anchors took than in all: 1 for no difference. Empty where there is no
    /// anchor.
    pub anchors: Vec<f64>,
    /// Whether it was broken off.
    pub is_interrupted: bool,
}

/// Measures networks. The first [`Protocol::anchors`] of them are the anchors.
pub fn measure(
    engine: &dyn Engine,
    models: &[Model],
    protocol: &Protocol,
    clock: &dyn Clock,
    observer: &mut dyn Observer,
) -> Measuring {
    let _background = Background::start(protocol.situation.background);
    let mut ballast = match protocol.holds_pieces {
        true => Ballast::of_pieces(),
        false => Ballast::default(),
    };
    let anchors = protocol.anchors.min(models.len());
    let (anchors, others) = models.split_at(anchors);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(protocol.seed);
    let mut done = Vec::new();
    let mut progress = Progress {
        done: 0,
        all: 0,
        observer,
    };
    let mut is_interrupted = false;
    let mut waiting = others;
    loop {
        let group = load_group(
            engine,
            anchors,
            waiting,
            protocol,
            &mut ballast,
            clock,
            &mut progress,
        );
        let Some((loaded, left)) = group else {
            is_interrupted = true;
            break;
        };
        waiting = left;
        // the rest is taken for one group until it shows that memory doesn't hold it
        let next = if waiting.is_empty() {
            0
        } else {
            waiting.len() + anchors.len()
        };
        progress.all = progress.done + (loaded.len() + next) * protocol.rounds as usize;
        let number = done.len();
        let mut runner = Runner {
            engine,
            number,
            protocol,
            clock,
            random: &mut random,
            ballast: &mut ballast,
            progress: &mut progress,
        };
        let (group, flow) = runner.run(loaded);
        let told = match group.timings.is_empty() {
            true => ControlFlow::Continue(()),
            false => progress.observer.measured(&group.timings),
        };
        done.push(group);
        if flow.is_break() || told.is_break() {
            is_interrupted = true;
            break;
        }
        if waiting.is_empty() {
            break;
        }
    }
    let names: Vec<&str> = anchors.iter().map(Model::name).collect();
    let (timings, anchors) = group::join(done, &names);
    Measuring {
        timings,
        anchors,
        is_interrupted,
    }
}

struct Progress<'a> {
    done: usize,
    all: usize,
    observer: &'a mut dyn Observer,
}

struct Loaded<'m> {
    model: &'m Model,
    session: Box<dyn Session>,
    timing: NetworkTiming,
}

/// Loads the anchors and those that wait, until the group is full. Returns those that still wait, too; nothing if it was broken off.
fn load_group<'m>(
    engine: &dyn Engine,
    anchors: &'m [Model],
    waiting: &'m [Model],
    protocol: &Protocol,
    ballast: &mut Ballast,
    clock: &dyn Clock,
    progress: &mut Progress<'_>,
) -> Option<(Vec<Loaded<'m>>, &'m [Model])> {
    let mut all = Vec::new();
    let mut taken = 0;
    let next = &waiting[..waiting.len().min(protocol.group.max(1))];
    for (place, model) in anchors.iter().chain(next).enumerate() {
        // one network beside the anchors at least: else there would be no end
        if place > anchors.len() && !has_room(protocol, ballast) {
            break;
        }
        if progress.observer.loading(model.name()).is_break() {
            return None;
        }
        ballast.top_up();
        match engine.load(model, clock) {
            Ok(session) => all.push(Loaded::new(model, session)),
            Err(error) => progress.observer.failed(model.name(), error),
        }
        taken = (place + 1).saturating_sub(anchors.len());
    }
    Some((all, &waiting[taken..]))
}

/// Whether there is memory for another network, beside what is held out of the way.
fn has_room(protocol: &Protocol, ballast: &Ballast) -> bool {
    let Some(least) = protocol.least_available else {
        return true;
    };
    machine::available_memory().is_none_or(|available| available + ballast.bytes() > least)
}

impl<'m> Loaded<'m> {
    fn new(model: &'m Model, session: Box<dyn Session>) -> Self {
        Self {
            timing: NetworkTiming::new(model.name()),
            model,
            session,
        }
    }
}

/// Networks at rest that run beside restless ones when these are measured once more, at most.
const COMPANIONS: usize = 5;

/// Measures one group.
struct Runner<'r, 'p> {
    engine: &'r dyn Engine,
    /// Which group it is.
    number: usize,
    protocol: &'r Protocol,
    clock: &'r dyn Clock,
    random: &'r mut Xoshiro256PlusPlus,
    ballast: &'r mut Ballast,
    progress: &'r mut Progress<'p>,
}

impl Runner<'_, '_> {
    /// Measures the group. Broken off, it is empty if it has had less than half of its rounds.
    fn run(&mut self, mut loaded: Vec<Loaded<'_>>) -> (Group, ControlFlow<()>) {
        let (mut timings, mut flow) = self.rounds(&mut loaded, true);
        let restless = restless::among(&timings);
        // a command begins anew for each turn
        let lasts = !self.protocol.warm_up.is_zero();
        if flow.is_continue() && lasts && !restless.is_empty() {
            flow = self.progress.observer.measured(&timings);
        }
        if flow.is_continue() && lasts && !restless.is_empty() {
            flow = self.again(loaded, &restless, &mut timings);
        }
        (Group { timings }, flow)
    }

    /// Measures restless networks once more, in other sessions: in one that came to lie badly in memory, or began beside something else, a network may be slow
    /// for good. Some that were at rest run beside them: what they took says whether it is still the same machine.
    fn again(
        &mut self,
        loaded: Vec<Loaded<'_>>,
        restless: &BTreeSet<String>,
        timings: &mut [NetworkTiming],
    ) -> ControlFlow<()> {
        let models = loaded.iter().map(|network| network.model);
        let (open, calm): (Vec<&Model>, Vec<&Model>) =
            models.partition(|model| restless.contains(model.name()));
        // the engine has the memory for as many again only without them
        drop(loaded);
        let mut loaded = Vec::new();
        for model in calm.into_iter().take(COMPANIONS).chain(open) {
            let flow = self.progress.observer.loading(model.name());
            if flow.is_break() {
                return flow;
            }
            self.ballast.top_up();
            // what can't be loaded twice has its first timing
            if let Ok(session) = self.engine.load(model, self.clock) {
                loaded.push(Loaded::new(model, session));
            }
        }
        self.progress.all += loaded.len() * self.protocol.rounds as usize;
        let (again, flow) = self.rounds(&mut loaded, false);
        restless::replace(timings, again, restless);
        flow
    }

    /// Runs networks in turn. Broken off, there is nothing if they have had less than half of their rounds. `are_first`: they aren't there yet, so it is told
    /// what becomes of them.
    fn rounds(
        &mut self,
        loaded: &mut [Loaded<'_>],
        are_first: bool,
    ) -> (Vec<NetworkTiming>, ControlFlow<()>) {
        let (protocol, clock) = (self.protocol, self.clock);
        let mut broken = vec![false; loaded.len()];
        let fail = |network: &str, error: EngineError, progress: &mut Progress<'_>| {
            if are_first {
                progress.observer.failed(network, error);
            }
        };
        for (index, network) in loaded.iter_mut().enumerate() {
            if let Err(error) = visit::warm_up(&mut *network.session, protocol, clock) {
                fail(&network.timing.network, error, self.progress);
                broken[index] = true;
            }
        }
        visit::heat(loaded, &broken, protocol, clock);
        let mut order: Vec<usize> = (0..loaded.len()).collect();
        let mut flow = ControlFlow::Continue(());
        'rounds: for round in 0..protocol.rounds {
            order.shuffle(self.random);
            for &index in &order {
                let network = &mut loaded[index];
                if !broken[index] {
                    match visit::visit(&mut *network.session, protocol, clock) {
                        Ok(seconds) => network.timing.visits.push(seconds),
                        Err(error) => {
                            fail(&network.timing.network, error, self.progress);
                            broken[index] = true;
                        }
                    }
                }
                self.progress.done += 1;
                let (done, all) = (self.progress.done, self.progress.all);
                flow = self.progress.observer.visited(done, all);
                if flow.is_break() {
                    if 2 * round < protocol.rounds {
                        return (Vec::new(), flow);
                    }
                    break 'rounds;
                }
            }
            // should this process come to a sudden end, that much is there to go on with
            if are_first && 2 * (round + 1) >= protocol.rounds && round + 1 < protocol.rounds {
                let timings = timings(self.number, loaded, &broken);
                flow = self.progress.observer.measured(&timings);
                if flow.is_break() {
                    break 'rounds;
                }
            }
        }
        (timings(self.number, loaded, &broken), flow)
    }
}

/// What a group's networks took by now, those that can't be measured left out.
fn timings(group: usize, loaded: &[Loaded<'_>], broken: &[bool]) -> Vec<NetworkTiming> {
    let sound = loaded.iter().zip(broken).filter(|(_, broken)| !**broken);
    sound
        .map(|(network, _)| NetworkTiming {
            group,
            initialisation_s: network.session.initialisation_s(),
            resident_bytes: network.session.resident_bytes(),
            ..network.timing.clone()
        })
        .collect()
}

#[cfg(test)]
mod tests;
