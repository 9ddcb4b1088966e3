//! Networks written as one option for each layer: `12020110`, or the layers' labels one after the other.

use roofnas_space::SearchSpace;

/// Options that one digit can tell apart.
const DIGITS: usize = 10;

/// A space in which nothing is chosen but the blocks of its layers.
pub(super) struct LayerChoices<'a> {
    space: &'a SearchSpace,
    layers: usize,
}

impl<'a> LayerChoices<'a> {
    /// The space's layers, or what else it lets choose.
    pub(super) fn new(space: &'a SearchSpace) -> Result<Self, String> {
        let mut free: Vec<String> = Vec::new();
        let whole = [
            ("resolution", space.resolutions().len()),
            ("stem", space.stem_choices().len()),
            ("head", space.head_channel_choices().len()),
        ];
        free.extend(
            whole
                .iter()
                .filter(|(_, choices)| *choices > 1)
                .map(|(name, _)| (*name).to_owned()),
        );
        let mut layers = 0;
        for stage in 0..space.stages() {
            let choices = space.stage_choices(stage);
            let shape = [
                ("channels", choices.channels),
                ("depth", choices.depths),
                ("stride", choices.strides),
            ];
            free.extend(
                shape
                    .iter()
                    .filter(|(_, choices)| choices.len() > 1)
                    .map(|(name, _)| format!("stage{stage}_{name}")),
            );
            layers += space.deepest(stage);
        }
        if free.is_empty() {
            return Ok(Self { space, layers });
        }
        Err(format!(
            "one option for each layer does not say what the space lets choose beside them: {}; give genotypes such as {}, or a column for each gene",
            free.join(", "),
            space.format(&space.only())
        ))
    }

    /// The genotype's text for a cell, or what would be accepted.
    pub(super) fn genotype(&self, cell: &str) -> Result<String, String> {
        let listed = cell.contains([',', ' ', ';', '|']);
        let options: Vec<&str> = if listed {
            let parts = cell.split([',', ' ', ';', '|']);
            parts.filter(|part| !part.is_empty()).collect()
        } else if cell.bytes().all(|byte| byte.is_ascii_digit()) {
            (0..cell.len()).map(|place| &cell[place..=place]).collect()
        } else {
            vec![cell]
        };
        if options.len() != self.layers {
            return Err(format!(
                "names {} layers, and the networks of the space have {}: must be an option for each layer, all stages one after the other",
                options.len(),
                self.layers
            ));
        }
        let mut options = options.into_iter();
        let space = self.space;
        let mut text = format!("r{}/s{}", space.resolutions()[0], space.stem_choices()[0]);
        for stage in 0..space.stages() {
            let choices = space.stage_choices(stage);
            let labels = options.by_ref().take(space.deepest(stage));
            let labels: Result<Vec<&str>, String> =
                labels.map(|option| label(option, choices.labels)).collect();
            text += &format!("/{}:{}", choices.channels[0], labels?.join(","));
        }
        if let Some(channels) = space.head_channel_choices().first() {
            text += &format!("/h{channels}");
        }
        Ok(text)
    }
}

/// The label of an option, which is its number or the label itself.
fn label<'l>(option: &str, labels: &'l [String]) -> Result<&'l str, String> {
    let numbered = option.parse().ok().and_then(|number: usize| {
        let within = option.len() == 1 && number < DIGITS;
        labels.get(number).filter(|_| within)
    });
    let found = numbered.or_else(|| labels.iter().find(|label| *label == option));
    found.map(String::as_str).ok_or_else(|| {
        let known = labels.iter().enumerate();
        let known: Vec<String> = known
            .map(|(number, label)| match number < DIGITS {
                true => format!("{number} ({label})"),
                false => label.clone(),
            })
            .collect();
        format!(
            "there is no option {option}: a layer here is {}",
            known.join(", ")
        )
    })
}
