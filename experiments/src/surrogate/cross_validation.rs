//! How well trained networks are predicted from the others.

use roofnas_cost::spearman;
use roofnas_cost::surrogate::{Surrogate, TopOne, Trained};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranking::kendall_tau;

/// How well trained networks are predicted from the others, a fifth of them held out at a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossValidated {
    /// Trained networks.
    pub networks: usize,
    /// Kendall's tau-b of predicted and measured accuracies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tau: Option<f64>,
    /// Spearman's rank correlation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spearman: Option<f64>,
    /// Root mean square error, in points of top-1.
    pub rmse_points: f64,
    /// Share of networks inside their 90 % interval. Deviations are widened until errors are as large as they say, so that it says less of networks to come than
    /// the others do.
    pub coverage_90: f64,
    /// Mean width of that interval, in points.
    pub width_90_points: f64,
}

impl CrossValidated {
    /// Of a surrogate and what it was fitted to, in that order.
    pub fn new(surrogate: &Surrogate, trained: &[Trained]) -> Self {
        let held_out = surrogate.held_out();
        let predicted: Vec<f64> = held_out.iter().map(TopOne::median).collect();
        let measured: Vec<f64> = trained.iter().map(|t| t.accuracy).collect();
        let pairs = predicted.iter().zip(&measured);
        let squares: f64 = pairs.map(|(p, m)| (p - m).powi(2)).sum();
        let count = trained.len() as f64;
        let intervals: Vec<[f64; 2]> = held_out.iter().map(|p| p.interval(0.9)).collect();
        let pairs = intervals.iter().zip(&measured);
        let inside = pairs.filter(|([low, high], m)| (low..=high).contains(m));
        Self {
            networks: trained.len(),
            tau: kendall_tau(&predicted, &measured),
            spearman: spearman(&predicted, &measured),
            rmse_points: (squares / count).sqrt(),
            coverage_90: inside.count() as f64 / count,
            width_90_points: intervals.iter().map(|[low, high]| high - low).sum::<f64>() / count,
        }
    }

    /// In a sentence.
    pub fn sentence(&self) -> String {
        let or_unknown = |figure: Option<f64>| {
            figure.map_or_else(|| "unknown".to_owned(), |figure| format!("{figure:.3}"))
        };
        format!(
            "{} trained networks, each predicted from the others (a fifth held out at a time): Kendall's tau {}, Spearman {}, RMSE {:.2} points, \
             {:.0} % inside the 90 % interval, which is {:.2} points wide",
            self.networks,
            or_unknown(self.tau),
            or_unknown(self.spearman),
            self.rmse_points,
            100.0 * self.coverage_90,
            self.width_90_points,
        )
    }
}
