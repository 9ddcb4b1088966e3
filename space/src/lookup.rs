//! What varying a stage's genes asks again and again, answered once for all.

use crate::members::{Fitting, Members};
use crate::nearest::{Nearest, Row};
use crate::options::{Links, OptionId, Options};
use crate::space::{Layout, Stage};

/// A stage's answers. Choices of channels are numbered as in the stage (outputs) and in the stage
/// before it (inputs).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lookup {
    /// Output choices that can follow each input choice, in ascending order.
    outputs: Vec<Box<[u16]>>,
    /// Number of output choices.
    widths: usize,
    /// Number of the stage's genes.
    pub(crate) genes: usize,
    /// By input choice and wanted output choice.
    entries: Vec<Entry>,
    /// Set of the later layers, by output choice.
    later_set: Vec<u32>,
    /// Options of the later layers, class by class.
    later: Vec<Row>,
    nearest: Nearest,
    /// Options of each set.
    fitting: Members,
    /// Options of the classes of each set.
    classes: Members,
    /// Options that differ from each in one attribute.
    near: Vec<Box<[OptionId]>>,
}

/// What follows an input choice when an output choice is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// The nearest output choice that can follow.
    output: u16,
    /// The options of the first layer between the two.
    first: Row,
    /// The set of those options.
    set: u32,
    /// Row of the later layers in the first class; those of other classes follow.
    later: u32,
}

impl Lookup {
    pub(crate) fn new(stage: &Stage) -> Self {
        let (options, links) = (&stage.options, &stage.links);
        let inputs = links.alive_inputs().len();
        let outputs: Vec<Box<[u16]>> = (0..inputs)
            .map(|input| links.outputs(input).map(|output| output as u16).collect())
            .collect();
        let mut rows = Rows::new(options, links);
        let widths = stage.channels.len();
        let mut entries = Vec::with_capacity(inputs * widths);
        for (input, open) in outputs.iter().enumerate() {
            for wanted in 0..widths {
                let (output, set) = nearest_choice(wanted, open)
                    .and_then(|output| Some((output, links.first_set(input, output as usize)?)))
                    .expect("every input choice of a checked space leads on");
                entries.push(Entry {
                    output,
                    first: rows.first(set),
                    set: set as u32,
                    later: rows.later(links.later_set(output as usize)),
                });
            }
        }
        let later_set = (0..widths).map(|output| links.later_set(output) as u32);
        Self {
            later_set: later_set.collect(),
            later: rows.rows,
            nearest: rows.nearest,
            fitting: Members::of_sets(options, links.sets()),
            classes: Members::of_classes(options, links.sets()),
            near: near(options),
            outputs,
            widths,
            genes: Layout::LAYERS + stage.deepest(),
            entries,
        }
    }

    /// The output choices that can follow this input choice, in ascending order.
    pub(crate) fn outputs(&self, input: usize) -> &[u16] {
        &self.outputs[input]
    }

    /// Repairs a stage's genes behind an input choice; returns the output choice.
    #[inline]
    pub(crate) fn repair(&self, stage: &Stage, input: usize, genes: &mut [u16]) -> usize {
        let [channels, depth, _, first, later @ ..] = genes else {
            return input;
        };
        let options = &stage.options;
        let entry = self.entries[input * self.widths + *channels as usize];
        *channels = entry.output;
        *first = self.nearest.to(options, entry.first, *first);
        let class = options.class[*first as usize];
        let row = self.later[entry.later as usize + class as usize];
        let depth = stage.depths[*depth as usize];
        self.nearest.fill(options, row, later, depth - 1);
        entry.output as usize
    }

    /// Options that can stand in the first layer between two choices of channels, or in a later one: of
    /// the classes that serve both.
    #[inline]
    pub(crate) fn fitting(&self, (input, output): (usize, usize), layer: usize) -> Fitting<'_> {
        let first = self.entries[input * self.widths + output].set;
        let set = if layer == 0 {
            first
        } else {
            self.later_set[output]
        };
        Fitting {
            options: self.fitting.row(set as usize),
            classes: self.classes.row(first as usize),
        }
    }

    /// Options that differ from this in one attribute.
    pub(crate) fn near(&self, option: OptionId) -> &[OptionId] {
        &self.near[option as usize]
    }
}

/// The lists of options among which the nearest is asked for, each laid out once.
struct Rows<'a> {
    options: &'a Options,
    links: &'a Links,
    nearest: Nearest,
    /// By set: its options of every class.
    first: Vec<Option<Row>>,
    /// By set: number of the row of its first class.
    later: Vec<Option<u32>>,
    rows: Vec<Row>,
}

impl<'a> Rows<'a> {
    fn new(options: &'a Options, links: &'a Links) -> Self {
        let sets = links.sets().len();
        Self {
            options,
            links,
            nearest: Nearest::new(Nearest::BUDGET),
            first: vec![None; sets],
            later: vec![None; sets],
            rows: Vec::new(),
        }
    }

    fn first(&mut self, set: usize) -> Row {
        *self.first[set].get_or_insert_with(|| {
            let every = self.links.sets()[set].concat();
            self.nearest.push(self.options, &every)
        })
    }

    fn later(&mut self, set: usize) -> u32 {
        *self.later[set].get_or_insert_with(|| {
            let start = self.rows.len() as u32;
            for class in &self.links.sets()[set] {
                self.rows.push(self.nearest.push(self.options, class));
            }
            start
        })
    }
}

/// The open choice nearest to a wanted one, the smaller of two.
fn nearest_choice(wanted: usize, open: &[u16]) -> Option<u16> {
    let distance = |choice: &u16| (*choice as usize).abs_diff(wanted);
    open.iter().copied().min_by_key(distance)
}

fn near(options: &Options) -> Vec<Box<[OptionId]>> {
    let all = 0..options.blocks.len() as OptionId;
    let near = |from| all.clone().filter(move |&to| options.neighbours(from, to));
    all.clone().map(|from| near(from).collect()).collect()
}
