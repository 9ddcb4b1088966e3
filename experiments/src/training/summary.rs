//! What a training budget came to.

use super::candidate::{Forecast, TrainingResult, TrainingRow};

/// Every network that was handed to the user's command, with what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSummary {
    /// The networks, in the order in which they were proposed.
    pub rows: Vec<TrainingRow>,
    /// The command.
    pub command: String,
    /// Results that were known before this attempt: from the cache, or from before an interruption.
    pub known: usize,
}

/// How forecasts of one round compare with what was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForecastCheck {
    /// Networks that have both.
    pub networks: usize,
    /// Those measured inside the 90 % interval.
    pub inside: usize,
    /// Mean absolute difference, in points of accuracy.
    pub mean_error: f64,
    /// Mean of measured less expected, in points: below 0, the surrogate hopes for too much.
    pub bias: f64,
}

impl TrainingSummary {
    /// Networks that were trained.
    pub fn trained(&self) -> usize {
        let measured = self.rows.iter().filter_map(|row| row.result.measured());
        measured.count()
    }

    /// Networks whose training failed.
    pub fn failed(&self) -> usize {
        self.rows.len() - self.trained()
    }

    /// Rounds.
    pub fn rounds(&self) -> usize {
        self.rows.last().map_or(0, |row| row.candidate.round + 1)
    }

    /// What the trainings cost by their own account, in seconds; nothing where none says so.
    pub fn cost_s(&self) -> Option<f64> {
        let measured = self.rows.iter().filter_map(|row| row.result.measured());
        measured
            .filter_map(|measured| measured.cost_s)
            .reduce(|sum, cost| sum + cost)
    }

    /// All that in a sentence.
    pub fn sentence(&self) -> String {
        let cost = self.cost_s().map_or_else(String::new, |cost| {
            format!("; they cost {cost:.1} s by their own account")
        });
        format!(
            "{} of {} networks trained in {} rounds, {} failed{cost}",
            self.trained(),
            self.rows.len(),
            self.rounds(),
            self.failed()
        )
    }

    /// How the forecasts of a round held; nothing where it had none.
    pub fn forecasts(&self, round: usize) -> Option<ForecastCheck> {
        let of_round = self.rows.iter().filter(|row| row.candidate.round == round);
        let pairs: Vec<(Forecast, f64)> = of_round
            .filter_map(|row| Some((row.candidate.forecast?, row.result.measured()?.accuracy)))
            .collect();
        if pairs.is_empty() {
            return None;
        }
        let mean = |figure: fn(f64) -> f64| {
            let differences = pairs.iter().map(|(f, accuracy)| accuracy - f.accuracy());
            differences.map(figure).sum::<f64>() / pairs.len() as f64
        };
        let inside = |(forecast, accuracy): &&(Forecast, f64)| {
            (forecast.lower()..=forecast.upper()).contains(accuracy)
        };
        Some(ForecastCheck {
            networks: pairs.len(),
            inside: pairs.iter().filter(inside).count(),
            mean_error: mean(f64::abs),
            bias: mean(|difference| difference),
        })
    }
}

impl TrainingResult {
    /// The status in tables.
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Trained { .. } => "trained",
            Self::Failed { .. } => "failed",
        }
    }
}
