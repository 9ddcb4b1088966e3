//! Whether networks of two runs can be compared: the same space, and scores that mean the same.

use crate::difference::{Difference, differences};
use crate::experiment::Experiment;

/// Whether networks of one run can be priced and ranked among those of another: scores mean the same, and latencies are of one batch, without which they
/// say nothing beside each other.
pub(crate) fn can_be_compared(one: &Experiment, other: &Experiment) -> bool {
    !one.chooses_batch() && !other.chooses_batch() && have_the_same_scores(one, other)
}

/// Whether scores of one run mean the same in another.
pub(crate) fn have_the_same_scores(one: &Experiment, other: &Experiment) -> bool {
    one.resolved.space == other.resolved.space
        && one.head == other.head
        && one.appraiser.quality == other.appraiser.quality
        && recipe(one) == recipe(other)
}

/// That networks which choose their batch can't be compared.
pub(super) fn one_batch_rule(run: &Experiment) -> String {
    format!(
        "each of its networks runs at a batch of its own ({}), and latencies are compared at one: search with one batch, or with platform.batch under [matrix]",
        run.appraiser.batches()
    )
}

/// What decides a measured accuracy beside the network: the command, the recipe and the training's seed.
fn recipe(experiment: &Experiment) -> Option<(&str, &str, u64)> {
    let external = experiment.resolved.quality.external.as_ref()?;
    Some((&external.command, &external.recipe, external.training_seed))
}

/// Why networks of two runs can't be compared, by the key that says most; nothing where they can.
pub(crate) fn what_differs(one: &Experiment, other: &Experiment) -> Option<String> {
    if can_be_compared(one, other) {
        return None;
    }
    let matters = |change: &&Difference| {
        change.key.starts_with("space.") || change.key.starts_with("quality.")
    };
    if let Some(choosing) = [one, other].into_iter().find(|run| run.chooses_batch()) {
        return Some(one_batch_rule(choosing));
    }
    if one.resolved.space == other.resolved.space && one.head != other.head {
        return Some("their fixed heads differ".to_owned());
    }
    // a key of the user's before what is drawn from the space
    let is_drawn = |change: &&Difference| change.key.starts_with("quality.normalisation");
    let changes = differences(&one.to_toml(), &other.to_toml());
    let first = changes.iter().filter(matters).min_by_key(is_drawn);
    Some(first.map_or_else(
        || "the networks that accuracy was learnt from differ".to_owned(),
        |change| {
            let value = |text: &str| match text {
                "" => "nothing".to_owned(),
                text => text.to_owned(),
            };
            format!(
                "{} is {} there and {} here",
                change.key,
                value(&change.before),
                value(&change.after)
            )
        },
    ))
}
