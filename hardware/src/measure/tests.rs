//! Measuring a fake engine by a fake clock.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::clock::fake::FakeClock;
use crate::engine::{self, EngineDescription, Sample};

/// A machine that takes as many milliseconds for a network as its name says, and for the first run after another network twice as long.
#[derive(Default)]
struct Machine {
    clock: FakeClock,
    /// Networks in the order in which they ran.
    log: Mutex<Vec<String>>,
    /// All takes this many times as long from so many runs on.
    slower: Option<(usize, u64)>,
    /// A network whose first session never comes to rest: each run takes half of the network's time more than the one before, from twice as long as it should on.
    unlucky: Option<&'static str>,
    /// Sessions by their network, in the order in which they began.
    sessions: Mutex<Vec<String>>,
}

struct FakeEngine<'a>(&'a Machine);

struct FakeSession {
    machine: &'static Machine,
    name: String,
    /// Runs of a session that never comes to rest.
    unlucky: Option<u64>,
}

impl Engine for FakeEngine<'static> {
    fn description(&self) -> EngineDescription {
        EngineDescription {
            name: "fake".into(),
            version: Some("1".into()),
            detail: None,
            conditions: engine::Conditions::default(),
            sample: Sample::Run,
        }
    }

    fn load(&self, model: &Model, _: &dyn Clock) -> Result<Box<dyn Session>, EngineError> {
        if model.name() == "unloadable" {
            return Err(EngineError::Model {
                engine: "fake".into(),
                model: "unloadable".into(),
                reason: "no".into(),
            });
        }
        let name = model.name().to_owned();
        let mut sessions = self.0.sessions.lock().unwrap();
        let is_first = !sessions.contains(&name);
        sessions.push(name.clone());
        Ok(Box::new(FakeSession {
            machine: self.0,
            unlucky: (is_first && self.0.unlucky == Some(&*name)).then_some(0),
            name,
        }))
    }
}

impl Session for FakeSession {
    fn run(&mut self, count: usize, _: &dyn Clock) -> Result<Vec<f64>, EngineError> {
        if self.name == "broken" {
            return Err(EngineError::Run {
                engine: "fake".into(),
                model: self.name.clone(),
                reason: "it broke".into(),
            });
        }
        let own: u64 = self.name.parse().unwrap();
        let mut log = self.machine.log.lock().unwrap();
        let mut seconds = Vec::new();
        for _ in 0..count {
            let slower = self.machine.slower.filter(|(from, _)| log.len() >= *from);
            let factor = slower.map_or(1, |(_, factor)| factor);
            let first = if log.last() == Some(&self.name) { 1 } else { 2 };
            let mut us = 1000 * own * factor * first;
            if let Some(runs) = &mut self.unlucky {
                us = 2 * us + us * *runs / 2;
                *runs += 1;
            }
            self.machine.clock.pass(1000 * us);
            log.push(self.name.clone());
            seconds.push(1e-6 * us as f64);
        }
        Ok(seconds)
    }

    fn initialisation_s(&self) -> Option<f64> {
        Some(0.5)
    }

    fn resident_bytes(&self) -> Option<u64> {
        None
    }
}

#[derive(Default)]
struct Notes {
    visits: Vec<(usize, usize)>,
    /// Networks with their turns, each time that they are told.
    measured: Vec<Vec<(String, usize)>>,
    failed: Vec<String>,
    break_after: Option<usize>,
}

impl Observer for Notes {
    fn visited(&mut self, done: usize, all: usize) -> ControlFlow<()> {
        self.visits.push((done, all));
        if self.break_after == Some(done) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn measured(&mut self, timings: &[NetworkTiming]) -> ControlFlow<()> {
        let turns = timings
            .iter()
            .map(|timing| (timing.network.clone(), timing.visits.len()));
        self.measured.push(turns.collect());
        ControlFlow::Continue(())
    }

    fn failed(&mut self, network: &str, error: EngineError) {
        self.failed.push(format!("{network}: {error}"));
    }
}

fn networks(names: &[&str], turns: usize) -> Vec<(String, usize)> {
    let names = names.iter();
    names.map(|name| ((*name).to_owned(), turns)).collect()
}

fn models(names: &[&str]) -> Vec<Model> {
    let names = names.iter();
    names.map(|name| Model::from_bytes(*name, [])).collect()
}

fn protocol() -> Protocol {
    Protocol {
        rounds: 4,
        group: 3,
        anchors: 1,
        ..Protocol::default()
    }
}

fn run(
    machine: Machine,
    names: &[&str],
    protocol: &Protocol,
    notes: &mut Notes,
) -> (Measuring, &'static Machine) {
    let machine: &'static Machine = Box::leak(Box::new(machine));
    let engine = FakeEngine(machine);
    let measuring = measure(&engine, &models(names), protocol, &machine.clock, notes);
    (measuring, machine)
}

#[test]
fn each_network_takes_what_it_takes() {
    let mut notes = Notes::default();
    let names = ["7", "1", "30", "2", "3"];
    let (measuring, _) = run(Machine::default(), &names, &protocol(), &mut notes);
    let found: BTreeMap<&str, f64> = measuring
        .timings
        .iter()
        .map(|timing| (timing.network.as_str(), timing.latency_s()))
        .collect();
    for name in names {
        let expected = 1e-3 * name.parse::<f64>().unwrap();
        assert!((found[name] - expected).abs() < 1e-12, "{name}: {found:?}");
    }
    // the untimed run of a turn swallows what the change costs
    assert!(
        measuring
            .timings
            .iter()
            .all(|timing| timing.spread() == 0.0)
    );
    // at least one run a turn, and 10 ms
    let runs = |name: &str| {
        measuring
            .timings
            .iter()
            .find(|t| t.network == name)
            .unwrap()
    };
    assert_eq!((runs("30").runs(), runs("1").runs()), (4, 40));
    // the anchor was measured in both groups, and counts once
    assert_eq!(runs("7").visits.len(), 8);
    // each group from half of its rounds on
    let told = [&["7", "1", "30", "2"][..], &["7", "3"]];
    let told = told.map(|names| [2, 3, 4].map(|turns| networks(names, turns)));
    assert_eq!(notes.measured, told.concat());
    assert_eq!(measuring.anchors, [1.0, 1.0]);
    assert_eq!(notes.visits.last(), Some(&(24, 24)));
    assert!(notes.failed.is_empty() && !measuring.is_interrupted);
    assert!(doubts(&measuring).is_empty());
    assert_eq!(runs("1").initialisation_s, Some(0.5));
}

#[test]
fn turns_are_interleaved_and_the_order_changes() {
    let single = Protocol {
        runs: (1, 1),
        warm_up: Duration::from_nanos(1),
        ..protocol()
    };
    let (_, machine) = run(
        Machine::default(),
        &["1", "2", "3"],
        &single,
        &mut Notes::default(),
    );
    // after one run each to warm up, rounds of two runs each
    let log = machine.log.lock().unwrap();
    let turns: Vec<&str> = log[3..].iter().step_by(2).map(String::as_str).collect();
    let mut orders: Vec<&[&str]> = turns.chunks(3).collect();
    for order in &orders {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, ["1", "2", "3"], "{turns:?}");
    }
    orders.dedup();
    assert!(orders.len() > 1, "{turns:?}");
    let (_, again) = run(
        Machine::default(),
        &["1", "2", "3"],
        &single,
        &mut Notes::default(),
    );
    assert_eq!(*log, *again.log.lock().unwrap());
}

#[test]
fn a_machine_that_changes_is_found_out() {
    let mut notes = Notes::default();
    let machine = Machine {
        slower: Some((80, 2)),
        ..Machine::default()
    };
    let (measuring, _) = run(
        machine,
        &["10", "4", "5", "6", "7"],
        &protocol(),
        &mut notes,
    );
    assert_eq!(measuring.anchors.len(), 2);
    assert!(measuring.anchors[1] > 1.5, "{:?}", measuring.anchors);
    let doubts = doubts(&measuring);
    assert!(
        doubts.iter().any(|doubt| doubt.contains("changed")),
        "{doubts:?}"
    );
}

#[test]
fn a_restless_network_is_loaded_anew() {
    let mut notes = Notes::default();
    let unlucky = || Machine {
        unlucky: Some("7"),
        ..Machine::default()
    };
    let one_group = Protocol {
        group: 10,
        ..protocol()
    };
    let names = ["7", "30", "2", "3"];
    let (measuring, machine) = run(unlucky(), &names, &one_group, &mut notes);
    let of = |measuring: &Measuring| measuring.timings[0].clone();
    assert!((of(&measuring).latency_s() - 0.007).abs() < 1e-12);
    assert!(of(&measuring).spread() < 1e-9);
    assert_eq!(of(&measuring).visits.len(), 4);
    let sessions = machine.sessions.lock().unwrap().clone();
    assert_eq!(sessions, ["7", "30", "2", "3", "30", "2", "3", "7"]);
    // progress knows of the turns that are added
    assert_eq!(notes.visits.last(), Some(&(32, 32)));
    assert_eq!(measuring.timings.len(), 4);
    // where the others take something else by then, it is another machine
    let slower = Machine {
        slower: Some((115, 2)),
        ..unlucky()
    };
    let mut notes = Notes::default();
    let (measuring, machine) = run(slower, &names, &one_group, &mut notes);
    let runs = machine.log.lock().unwrap().len();
    assert!(runs > 115 && of(&measuring).latency_s() > 0.014, "{runs}");
    assert_eq!(machine.sessions.lock().unwrap().len(), 8);
    // a command begins anew for each turn anyway
    let command = Protocol {
        warm_up: Duration::ZERO,
        ..one_group.clone()
    };
    let (_, machine) = run(unlucky(), &names, &command, &mut Notes::default());
    assert_eq!(machine.sessions.lock().unwrap().len(), 4);
    // broken off meanwhile, the first timing is kept
    let mut notes = Notes {
        break_after: Some(17),
        ..Notes::default()
    };
    let (measuring, _) = run(unlucky(), &names, &one_group, &mut notes);
    assert!(measuring.is_interrupted);
    assert!(of(&measuring).latency_s() > 0.014);
    assert_eq!(measuring.timings.len(), 4);
}

#[test]
fn where_all_are_restless_it_is_the_machine() {
    let timing = |name: &str, spread: f64| NetworkTiming {
        visits: vec![vec![1.0], vec![1.0 + spread], vec![1.0 + spread]],
        ..NetworkTiming::new(name)
    };
    let among = |spreads: &[f64]| {
        let names = ["a", "b", "c", "d"];
        let timings: Vec<NetworkTiming> = names
            .iter()
            .zip(spreads)
            .map(|(name, spread)| timing(name, *spread))
            .collect();
        let restless = restless::among(&timings);
        restless.into_iter().collect::<Vec<String>>()
    };
    assert_eq!(among(&[]), [""; 0]);
    assert_eq!(among(&[0.01, 0.02, 0.14, 0.1]), [""; 0]);
    assert_eq!(among(&[0.01, 0.02, 0.16, 0.01]), ["c"]);
    assert_eq!(among(&[0.3, 0.4, 0.5, 0.5]), [""; 0]);
    assert_eq!(among(&[0.3, 0.3, 0.9, 0.3]), ["c"]);
}

#[test]
fn what_fails_keeps_nothing_else_away() {
    let mut notes = Notes::default();
    let names = ["4", "unloadable", "broken", "5"];
    let (measuring, _) = run(Machine::default(), &names, &protocol(), &mut notes);
    let measured: Vec<&str> = measuring
        .timings
        .iter()
        .map(|t| t.network.as_str())
        .collect();
    assert_eq!(measured, ["4", "5"]);
    assert_eq!(notes.failed.len(), 2, "{:?}", notes.failed);
    assert!(notes.failed[1].contains("it broke"), "{:?}", notes.failed);
    let (nothing, _) = run(Machine::default(), &["broken"], &protocol(), &mut notes);
    assert!(nothing.timings.is_empty());
    let (nothing, _) = run(Machine::default(), &[], &protocol(), &mut notes);
    assert!(nothing.timings.is_empty() && !nothing.is_interrupted);
}

#[test]
fn breaking_off_keeps_finished_groups() {
    let mut notes = Notes {
        break_after: Some(18),
        ..Notes::default()
    };
    let names = ["7", "1", "30", "2", "3"];
    let (measuring, _) = run(Machine::default(), &names, &protocol(), &mut notes);
    assert!(measuring.is_interrupted);
    assert_eq!(notes.measured.len(), 3);
    assert_eq!(measuring.timings.len(), 4);
}

#[test]
fn breaking_off_keeps_a_group_that_has_had_half_its_rounds() {
    // one group of five, four rounds
    let all = Protocol {
        group: 10,
        ..protocol()
    };
    let names = ["7", "1", "30", "2", "3"];
    let broken_off = |after: usize| {
        let mut notes = Notes {
            break_after: Some(after),
            ..Notes::default()
        };
        let (measuring, _) = run(Machine::default(), &names, &all, &mut notes);
        assert!(measuring.is_interrupted);
        assert_eq!(notes.measured.is_empty(), measuring.timings.is_empty());
        measuring.timings
    };
    assert_eq!(broken_off(10), []);
    let kept = broken_off(12);
    assert_eq!(kept.len(), 5);
    assert!(kept.iter().all(|timing| timing.visits.len() >= 2));
}

#[test]
fn a_group_is_full_when_memory_is_short() {
    let short = Protocol {
        least_available: Some(u64::MAX),
        ..protocol()
    };
    let names = ["7", "1", "30"];
    let mut notes = Notes::default();
    let (measuring, _) = run(Machine::default(), &names, &short, &mut notes);
    // where the system doesn't say what is available, it is taken to suffice
    let expected = match machine::available_memory() {
        Some(_) => vec![networks(&["7", "1"], 4), networks(&["7", "30"], 4)],
        None => vec![networks(&names, 4)],
    };
    let whole: Vec<_> = notes.measured.into_iter().skip(2).step_by(3).collect();
    assert_eq!(whole, expected);
    assert_eq!(measuring.timings.len(), 3);
    let (done, all) = *notes.visits.last().unwrap();
    assert_eq!(done, all);
}

#[test]
fn a_cadence_leaves_time_between_runs() {
    let paced = Protocol {
        situation: Situation {
            cadence: Cadence::Every(Duration::from_millis(50)),
            ..Situation::default()
        },
        turn: Duration::ZERO,
        ..protocol()
    };
    let (measuring, machine) = run(Machine::default(), &["5"], &paced, &mut Notes::default());
    assert!((measuring.timings[0].latency_s() - 0.005).abs() < 1e-12);
    // 4 turns of one untimed and one timed run, 50 ms each, after the warm-up
    let warm_up = 60_000_000;
    let expected = Duration::from_nanos(warm_up + 8 * 50_000_000);
    assert_eq!(machine.clock.now(), expected);
    assert_eq!(paced.situation.words(), "one run every 0.050 s");
}

#[test]
fn rows_read_back() {
    let (measuring, machine) = run(
        Machine::default(),
        &["7", "3"],
        &protocol(),
        &mut Notes::default(),
    );
    let conditions = Conditions {
        platform: "a, b".into(),
        engine: FakeEngine(machine).description(),
        situation: Situation::default(),
        run: "r1".into(),
        date: "2026-01-02".into(),
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADER).unwrap();
    for timing in &measuring.timings {
        writer.write_record(row(timing, &conditions)).unwrap();
    }
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    let read = crate::read_measurements(&text, &crate::Selection::default()).unwrap();
    assert!(read.problems.is_empty(), "{:?}", read.problems);
    assert_eq!(read.rows.len(), 2);
    assert_eq!(
        (read.rows[0].latency_ms, read.rows[0].threads),
        (7.0, Some(1))
    );
    assert_eq!(read.rows[0].run.as_deref(), Some("r1/0"));
    let whole = |number| std::num::NonZeroUsize::new(number).unwrap();
    let under = |threads: usize, batch: usize| engine::Conditions {
        threads: whole(threads),
        batch: whole(batch),
        ..engine::Conditions::default()
    };
    let one = [under(1, 1)];
    let done = [("7".to_owned(), one[0]), ("3".to_owned(), one[0])];
    assert_eq!(done_before(&text, &conditions, &one).unwrap(), done);
    let among = [under(1, 8), under(4, 1), under(1, 1)];
    assert_eq!(done_before(&text, &conditions, &among).unwrap(), done);
    let problem = done_before(&text, &conditions, &[under(1, 8), under(1, 32)]).unwrap_err();
    assert!(
        problem.contains("batch = 1, and 8 or 32 was asked for"),
        "{problem}"
    );
    let problem = done_before(&text, &conditions, &[under(2, 1)]).unwrap_err();
    assert!(
        problem.contains("threads = 1, and 2 was asked for"),
        "{problem}"
    );
    let problem = done_before(&text, &conditions, &[under(2, 1), under(1, 8)]).unwrap_err();
    assert!(
        problem.contains("batch = 1 on 1 threads, which was not asked for"),
        "{problem}"
    );
    assert!(done_before("a,b\n1,2\n", &conditions, &one).is_err());
}
