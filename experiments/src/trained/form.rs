//! How a table writes networks down.

use roofnas_space::{Genotype, SearchSpace};

use super::error::TrainedError;
use super::genes::GeneColumns;
use super::layers::LayerChoices;
use super::table::{Record, Table};

/// Columns of whole networks, the first that is there.
const WHOLE: [&str; 3] = ["genotype", "arch", "architecture"];

/// How a table writes networks down.
pub(super) enum Form<'a> {
    /// A column of genotypes' text.
    Text {
        /// The space.
        space: &'a SearchSpace,
        /// The column.
        place: usize,
        /// Its name.
        column: &'a str,
    },
    /// A column of one option for each layer.
    Layers {
        /// The space.
        space: &'a SearchSpace,
        /// Its layers.
        layers: LayerChoices<'a>,
        /// The column.
        place: usize,
        /// Its name.
        column: &'a str,
    },
    /// A column for each gene.
    Genes(GeneColumns<'a>),
}

impl<'a> Form<'a> {
    /// The form of a table: that of the column named, or else what the header shows.
    pub(super) fn find(
        table: &'a Table,
        space: &'a SearchSpace,
        named: Option<&str>,
        taken: &[usize],
    ) -> Result<Self, TrainedError> {
        if let Some(named) = named {
            return Self::whole(table, space, table.place(named)?);
        }
        for column in WHOLE {
            if let Some(place) = table.find(column)? {
                return Self::whole(table, space, place);
            }
        }
        let genes = GeneColumns::find(table, space, taken)?;
        let genes = genes.map(Self::Genes);
        genes.ok_or_else(|| TrainedError::NoArchitectures(table.columns.clone()))
    }

    /// A column of genotypes has slashes in them; one of layers has none.
    fn whole(table: &'a Table, space: &'a SearchSpace, place: usize) -> Result<Self, TrainedError> {
        let column = table.columns[place].as_str();
        let mut cells = table.records.iter().map(|record| record.cell(place));
        if cells.any(|cell| cell.contains('/')) {
            return Ok(Self::Text {
                space,
                place,
                column,
            });
        }
        let layers = LayerChoices::new(space).map_err(|problem| TrainedError::Column {
            column: column.to_owned(),
            problem,
        })?;
        Ok(Self::Layers {
            space,
            layers,
            place,
            column,
        })
    }

    /// The network of a row.
    pub(super) fn genotype(&self, record: &Record) -> Result<Genotype, TrainedError> {
        let parse = |space: &SearchSpace, text: &str, column: &str| {
            space.parse(text).map_err(|source| TrainedError::Genotype {
                line: record.line,
                column: column.to_owned(),
                source,
            })
        };
        match self {
            Self::Text {
                space,
                place,
                column,
            } => parse(space, record.cell(*place), column),
            Self::Layers {
                space,
                layers,
                place,
                column,
            } => {
                let cell = record.cell(*place);
                let text = layers.genotype(cell).map_err(|rule| TrainedError::Cell {
                    line: record.line,
                    column: (*column).to_owned(),
                    value: cell.to_owned(),
                    rule,
                })?;
                parse(space, &text, column)
            }
            Self::Genes(genes) => genes.genotype(record),
        }
    }
}
