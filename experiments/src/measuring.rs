//! Measuring where somebody watches: progress, results that are saved as they come, ctrl-C.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};
use roofnas::{Error, write_whole};
use roofnas_hardware::SystemClock;
use roofnas_hardware::engine::{
    Conditions as EngineConditions, Engine, EngineDescription, EngineError, Model,
};
use roofnas_hardware::measure::{
    self, Conditions, HEADER, Machine, Measuring, NetworkTiming, Observer, Others, Protocol,
};

use crate::progress::is_stopped;

/// How often a plain line is printed.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// A table of measurements that grows.
pub(crate) struct Table {
    conditions: Conditions,
    path: Option<PathBuf>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty one, written to this path where there is one.
    pub(crate) fn new(conditions: Conditions, path: Option<PathBuf>) -> Self {
        Self {
            conditions,
            path,
            rows: Vec::new(),
        }
    }

    /// Takes up a table that is there, and returns the networks it holds with the engine's conditions, all of which must be among these.
    pub(crate) fn resume(
        &mut self,
        text: &str,
        among: &[EngineConditions],
    ) -> Result<Vec<(String, EngineConditions)>, Error> {
        let path = self.path.clone().unwrap_or_default();
        let unusable = |problem: String| Error::Unusable {
            path: path.clone(),
            problem,
        };
        let networks = measure::done_before(text, &self.conditions, among);
        let networks = networks.map_err(unusable)?;
        self.rows
            .extend(measure::rows_before(text).map_err(unusable)?);
        Ok(networks)
    }

    /// The networks that it holds.
    pub(crate) fn networks(&self) -> BTreeSet<String> {
        let place = HEADER.iter().position(|column| *column == "network");
        let names = self.rows.iter().filter_map(|row| row.get(place?).cloned());
        names.collect()
    }

    /// Whether it holds a network at a batch on some threads.
    pub(crate) fn holds(&self, network: &str, conditions: &EngineConditions) -> bool {
        let (threads, batch) = (conditions.threads.to_string(), conditions.batch.to_string());
        let wanted = [
            ("network", network),
            ("threads", &threads),
            ("batch", &batch),
        ];
        self.rows.iter().any(|row| {
            let cells = || HEADER.iter().zip(row);
            wanted.iter().all(|(column, value)| {
                cells().any(|(known, cell)| known == column && cell == value)
            })
        })
    }

    /// Turns to another engine, or the same one under other conditions, in a measuring run of its own.
    pub(crate) fn turn_to(&mut self, engine: EngineDescription, run: String) {
        self.conditions.engine = engine;
        self.conditions.run = run;
    }

    /// Takes these up as rows of its own, whatever is measured next.
    pub(crate) fn keep(&mut self, timings: &[NetworkTiming]) {
        let rows = timings.iter();
        let rows = rows.map(|timing| measure::row(timing, &self.conditions));
        self.rows.extend(rows);
    }

    /// The table as CSV.
    fn csv(&self, more: &[NetworkTiming]) -> anyhow::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(HEADER)?;
        for row in &self.rows {
            writer.write_record(row)?;
        }
        for timing in more {
            writer.write_record(measure::row(timing, &self.conditions))?;
        }
        Ok(writer.into_inner()?)
    }

    /// Writes what it holds and these.
    pub(crate) fn save(&self, more: &[NetworkTiming]) -> anyhow::Result<()> {
        if let Some(path) = &self.path {
            write_whole(path, &self.csv(more)?)?;
        }
        Ok(())
    }
}

/// Saves what is measured by now. First called with something: an empty table would only be in the way.
pub(crate) type Save<'a> = &'a dyn Fn(&[NetworkTiming]) -> anyhow::Result<()>;

/// What came of measuring.
pub(crate) struct Measured {
    pub(crate) measuring: Measuring,
    /// Networks that could not be measured.
    pub(crate) failed: usize,
}

/// Measures models, shows how it goes, saves what there is from half of a group's turns on, and says what casts doubt on the timings.
pub(crate) fn measure(
    engine: &dyn Engine,
    models: &[Model],
    protocol: &Protocol,
    save: Save<'_>,
) -> anyhow::Result<Measured> {
    let machine = Machine::here();
    let others = Others::watch(&machine);
    let mut show = Show::new(models.len(), save);
    let measuring = measure::measure(engine, models, protocol, &SystemClock::new(), &mut show);
    show.finish();
    let (failed, has_saved) = (show.failed.len(), show.has_saved);
    if let Some(problem) = show.unsaved {
        return Err(problem);
    }
    if has_saved || !measuring.timings.is_empty() {
        save(&measuring.timings)?;
    }
    let situation = &protocol.situation;
    let is_alone = situation.background == 0 && situation.streams.get() == 1;
    let is_told = is_alone && !measuring.timings.is_empty();
    let busy = others.share().filter(|_| is_told);
    for doubt in measure::doubts(&measuring)
        .into_iter()
        .chain(busy.and_then(measure::busy))
    {
        note!("warning: {doubt}");
    }
    Ok(Measured { measuring, failed })
}

struct Show<'a> {
    bar: Option<ProgressBar>,
    networks: usize,
    save: Save<'a>,
    finished: Vec<NetworkTiming>,
    failed: BTreeSet<String>,
    began: Instant,
    printed: Instant,
    has_saved: bool,
    unsaved: Option<anyhow::Error>,
}

impl<'a> Show<'a> {
    fn new(networks: usize, save: Save<'a>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let style = "measuring {wide_bar} {pos}/{len} turns, {msg}, ETA {eta}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar
        });
        Self {
            bar,
            networks,
            save,
            finished: Vec::new(),
            failed: BTreeSet::new(),
            began: Instant::now(),
            printed: Instant::now(),
            has_saved: false,
            unsaved: None,
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// A line that the bar doesn't run over.
    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note!("{line}")),
            None => note!("{line}"),
        }
    }
}

impl Observer for Show<'_> {
    fn loading(&mut self, network: &str) -> ControlFlow<()> {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("loading {network}"));
        } else if self.printed.elapsed() > LINE_EVERY {
            self.printed = Instant::now();
            note!("loading {network}");
        }
        if is_stopped() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn visited(&mut self, done: usize, all: usize) -> ControlFlow<()> {
        if let Some(bar) = &self.bar {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        } else if self.printed.elapsed() > LINE_EVERY {
            self.printed = Instant::now();
            let left = self.began.elapsed().as_secs_f64() * (all - done) as f64 / done as f64;
            note!("{done} of {all} turns, {left:.0} s left");
        }
        if is_stopped() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn measured(&mut self, timings: &[NetworkTiming]) -> ControlFlow<()> {
        for timing in timings {
            let mut known = self.finished.iter_mut();
            match known.find(|known| known.network == timing.network) {
                Some(known) if known.group == timing.group => *known = timing.clone(),
                // an anchor, of which its first group is kept until all are put together
                Some(_) => {}
                None => self.finished.push(timing.clone()),
            }
        }
        if let Some(bar) = &self.bar {
            let failed = self.failed.len();
            bar.set_message(match failed {
                0 => format!("networks: {}", self.networks),
                _ => format!("networks: {}, {failed} of them can't be run", self.networks),
            });
        }
        if self.finished.is_empty() && !self.has_saved {
            return ControlFlow::Continue(());
        }
        self.has_saved = true;
        match (self.save)(&self.finished) {
            Ok(()) => ControlFlow::Continue(()),
            Err(problem) => {
                self.unsaved = Some(problem);
                ControlFlow::Break(())
            }
        }
    }

    fn failed(&mut self, network: &str, error: EngineError) {
        // what it had by then may be saved: that is written over
        self.finished.retain(|timing| timing.network != network);
        // an anchor fails in every group
        if self.failed.insert(network.to_owned()) {
            self.say(&format!("error: {error}"));
        }
    }
}

/// This second, as a name for a measuring run, and the day.
pub(crate) fn now() -> (String, String) {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let day = now.split('T').next().unwrap_or(&now).to_owned();
    (now, day)
}
