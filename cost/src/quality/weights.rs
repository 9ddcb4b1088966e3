//! Scores as sums of raw terms.

use super::term::Term;

/// A score as a sum of terms as they are, each times a weight.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TermWeights {
    /// What every network has.
    pub constant: f64,
    /// Weight of the trainable parameters.
    pub params: f64,
    /// Weight of the MACs.
    pub macs: f64,
    /// Weight of the activations.
    pub activations: f64,
    /// Weight of S.
    pub s: f64,
    /// Weight of NSC.
    pub nsc: f64,
    /// Weight of st_la, where it counts at all.
    pub st_la: Option<f64>,
    /// Weight of MAE-DET.
    pub mae_det: f64,
    /// Weight of DeepMAD.
    pub deepmad: f64,
}

impl TermWeights {
    pub(super) fn add(&mut self, term: Term, weight: f64) {
        match term {
            Term::S => self.s += weight,
            Term::Nsc => self.nsc += weight,
            Term::StLa => self.st_la = Some(self.st_la.unwrap_or_default() + weight),
            Term::MaeDet => self.mae_det += weight,
            Term::DeepMad => self.deepmad += weight,
            Term::Params => self.params += weight,
            Term::Macs => self.macs += weight,
            Term::Activations => self.activations += weight,
        }
    }
}
