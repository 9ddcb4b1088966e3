//! Timings one can trust, of many networks on one engine.
//!
//! - Networks are measured in groups, and within a group in turn: each round runs every network for a moment, in an order drawn anew, so that
//!   whatever drifts (clock, heat, other programs) hits all alike.
//! - A network is warmed up when it is loaded, and runs once untimed at the start of each visit: the networks before it have taken its place in the caches.
//! - Its latency is a low quantile of all its runs ([`NetworkTiming::latency_s`]): what disturbs only makes slower. Median, 95th and 99th percentile and the
//!   spread stand beside it.
//! - Some networks, the *anchors*, are measured again in every group, and in every run of the tool if they are named again: how much they differ says how far
//!   groups and runs can be compared at all.
//! - How often others were at work on the machine is looked up, and said.
//!
//! Time is a parameter, and what is measured is behind the trait [`Session`]: a fake engine on a fake clock tests all of it.

mod background;
mod group;
mod machine;
mod protocol;
mod table;
mod timing;
mod visit;
mod warnings;

use std::ops::ControlFlow;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::clock::Clock;
use crate::engine::{Engine, EngineError, Model, Session};

use background::Background;
use group::Group;
pub use machine::{Machine, Others, pin};
pub use protocol::{Cadence, Protocol, Situation, Weights};
pub use table::{Conditions, HEADER, done_before, row};
pub use timing::NetworkTiming;
pub use warnings::{busy, doubts};

/// What is told while measuring. Breaking off ends it after the visit; what was measured in a group that is not finished is lost.
pub trait Observer {
    /// A network was visited: so many visits are done, of so many there will be.
    fn visited(&mut self, done: usize, all: usize) -> ControlFlow<()>;

    /// A group is finished.
    fn finished(&mut self, timings: &[NetworkTiming]) -> ControlFlow<()>;

    /// A network can't be measured.
    fn failed(&mut self, network: &str, error: EngineError);
}

/// All that was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Measuring {
    /// The networks, in the order given; the anchors first, with the samples of all groups.
    pub timings: Vec<NetworkTiming>,
    /// For each group, how much longer its anchors took than over all groups: 1 for no difference. Empty where there is one group, or no anchor.
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
    let anchors = protocol.anchors.min(models.len());
    let (anchors, others) = models.split_at(anchors);
    let groups: Vec<&[Model]> = match others.is_empty() {
        true => vec![others],
        false => others.chunks(protocol.group.max(1)).collect(),
    };
    let all = (models.len() + anchors.len() * (groups.len() - 1)) * protocol.rounds as usize;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(protocol.seed);
    let mut done = Vec::new();
    let mut progress = Progress {
        done: 0,
        all,
        observer,
    };
    let mut is_interrupted = false;
    for (number, others) in groups.into_iter().enumerate() {
        let loaded = load(engine, anchors.iter().chain(others), clock, &mut progress);
        let group = run_group(number, loaded, protocol, clock, &mut random, &mut progress);
        let (group, flow) = match group {
            Some(group) => (group, ControlFlow::Continue(())),
            None => (Group::default(), ControlFlow::Break(())),
        };
        let flow = match flow {
            ControlFlow::Continue(()) => progress.observer.finished(&group.timings),
            flow @ ControlFlow::Break(()) => flow,
        };
        done.push(group);
        if flow.is_break() {
            is_interrupted = true;
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

struct Loaded {
    session: Box<dyn Session>,
    timing: NetworkTiming,
}

fn load<'a>(
    engine: &dyn Engine,
    models: impl Iterator<Item = &'a Model>,
    clock: &dyn Clock,
    progress: &mut Progress<'_>,
) -> Vec<Loaded> {
    let mut all = Vec::new();
    for model in models {
        match engine.load(model, clock) {
            Ok(session) => all.push(Loaded {
                session,
                timing: NetworkTiming::new(model.name()),
            }),
            Err(error) => progress.observer.failed(model.name(), error),
        }
    }
    all
}

/// Measures a group; nothing if it was broken off.
fn run_group(
    number: usize,
    mut loaded: Vec<Loaded>,
    protocol: &Protocol,
    clock: &dyn Clock,
    random: &mut Xoshiro256PlusPlus,
    progress: &mut Progress<'_>,
) -> Option<Group> {
    let mut broken = vec![false; loaded.len()];
    let fail = |network: &str, error: EngineError, progress: &mut Progress<'_>| {
        progress.observer.failed(network, error);
    };
    for (index, network) in loaded.iter_mut().enumerate() {
        if let Err(error) = visit::warm_up(&mut *network.session, protocol, clock) {
            fail(&network.timing.network, error, progress);
            broken[index] = true;
        }
    }
    visit::heat(&mut loaded, &broken, protocol, clock);
    let mut order: Vec<usize> = (0..loaded.len()).collect();
    for _ in 0..protocol.rounds {
        order.shuffle(random);
        for &index in &order {
            let network = &mut loaded[index];
            if !broken[index] {
                match visit::visit(&mut *network.session, protocol, clock) {
                    Ok(seconds) => network.timing.visits.push(seconds),
                    Err(error) => {
                        fail(&network.timing.network, error, progress);
                        broken[index] = true;
                    }
                }
            }
            progress.done += 1;
            let (done, all) = (progress.done, progress.all);
            if progress.observer.visited(done, all).is_break() {
                return None;
            }
        }
    }
    let timings = loaded.into_iter().zip(broken).filter(|(_, broken)| !broken);
    Some(Group {
        timings: timings
            .map(|(network, _)| NetworkTiming {
                group: number,
                initialisation_s: network.session.initialisation_s(),
                resident_bytes: network.session.resident_bytes(),
                ..network.timing
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests;
