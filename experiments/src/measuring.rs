//! Measuring where somebody watches: progress, a table that is saved as it comes, ctrl-C.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};
use roofnas::{Error, write_whole};
use roofnas_hardware::SystemClock;
use roofnas_hardware::engine::{Engine, EngineError, Model};
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

    /// Takes up a table that is there, and returns the networks it holds.
    pub(crate) fn resume(&mut self, text: &str) -> Result<Vec<String>, Error> {
        let path = self.path.clone().unwrap_or_default();
        let unusable = |problem: String| Error::Unusable {
            path: path.clone(),
            problem,
        };
        let networks = measure::done_before(text, &self.conditions).map_err(unusable)?;
        let records = csv::Reader::from_reader(text.as_bytes()).into_records();
        for record in records {
            let record = record.map_err(|error| unusable(error.to_string()))?;
            self.rows.push(record.iter().map(str::to_owned).collect());
        }
        Ok(networks)
    }

    /// Whether it holds a network.
    pub(crate) fn holds(&self, network: &str) -> bool {
        // the second of its columns
        self.rows
            .iter()
            .any(|row| row.get(1).is_some_and(|name| name == network))
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
    fn save(&self, more: &[NetworkTiming]) -> anyhow::Result<()> {
        if let Some(path) = &self.path {
            write_whole(path, &self.csv(more)?)?;
        }
        Ok(())
    }
}

/// What came of measuring.
pub(crate) struct Measured {
    pub(crate) measuring: Measuring,
    /// Networks that could not be measured.
    pub(crate) failed: usize,
}

/// Measures models, shows how it goes, saves each group, and says what casts doubt on the timings.
pub(crate) fn measure(
    engine: &dyn Engine,
    models: &[Model],
    protocol: &Protocol,
    table: &Table,
) -> anyhow::Result<Measured> {
    let machine = Machine::here();
    let others = Others::watch(&machine);
    let mut show = Show::new(models.len(), table);
    let measuring = measure::measure(engine, models, protocol, &SystemClock::new(), &mut show);
    show.finish();
    let failed = show.failed;
    if let Some(problem) = show.unsaved {
        return Err(problem);
    }
    table.save(&measuring.timings)?;
    let is_told = protocol.situation.background == 0 && !measuring.timings.is_empty();
    let busy = others.share().filter(|_| is_told);
    for doubt in measure::doubts(&measuring)
        .into_iter()
        .chain(busy.and_then(measure::busy))
    {
        eprintln!("warning: {doubt}");
    }
    Ok(Measured { measuring, failed })
}

struct Show<'a> {
    bar: Option<ProgressBar>,
    networks: usize,
    table: &'a Table,
    finished: Vec<NetworkTiming>,
    failed: usize,
    began: Instant,
    printed: Instant,
    unsaved: Option<anyhow::Error>,
}

impl<'a> Show<'a> {
    fn new(networks: usize, table: &'a Table) -> Self {
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
            table,
            finished: Vec::new(),
            failed: 0,
            began: Instant::now(),
            printed: Instant::now(),
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
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }
}

impl Observer for Show<'_> {
    fn visited(&mut self, done: usize, all: usize) -> ControlFlow<()> {
        if let Some(bar) = &self.bar {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        } else if self.printed.elapsed() > LINE_EVERY {
            self.printed = Instant::now();
            let left = self.began.elapsed().as_secs_f64() * (all - done) as f64 / done as f64;
            eprintln!("{done} of {all} turns, {left:.0} s left");
        }
        if is_stopped() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn finished(&mut self, timings: &[NetworkTiming]) -> ControlFlow<()> {
        for timing in timings {
            let is_new = !self
                .finished
                .iter()
                .any(|old| old.network == timing.network);
            if is_new {
                self.finished.push(timing.clone());
            }
        }
        if let Some(bar) = &self.bar {
            let (done, all) = (self.finished.len() + self.failed, self.networks);
            bar.set_message(format!("{done} of {all} networks"));
        }
        match self.table.save(&self.finished) {
            Ok(()) => ControlFlow::Continue(()),
            Err(problem) => {
                self.unsaved = Some(problem);
                ControlFlow::Break(())
            }
        }
    }

    fn failed(&mut self, _: &str, error: &EngineError) {
        self.failed += 1;
        self.say(&format!("error: {error}"));
    }
}

/// This second, as a name for a measuring run, and the day.
pub(crate) fn now() -> (String, String) {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let day = now.split('T').next().unwrap_or(&now).to_owned();
    (now, day)
}
