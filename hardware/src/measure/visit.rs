//! One network's turn.

use std::time::Duration;

use super::protocol::{Cadence, Protocol, Weights};
use super::{Loaded, background};
use crate::clock::Clock;
use crate::engine::{EngineError, Session};

/// Runs a network until it is warm.
pub(super) fn warm_up(
    session: &mut dyn Session,
    protocol: &Protocol,
    clock: &dyn Clock,
) -> Result<(), EngineError> {
    if protocol.warm_up.is_zero() {
        return Ok(());
    }
    let began = clock.now();
    while clock.now().saturating_sub(began) < protocol.warm_up {
        session.run(1, clock)?;
    }
    Ok(())
}

/// Runs all networks in turn for as long as the load is to last before anything counts.
pub(super) fn heat(
    loaded: &mut [Loaded<'_>],
    broken: &[bool],
    protocol: &Protocol,
    clock: &dyn Clock,
) {
    let began = clock.now();
    let is_cold = || clock.now().saturating_sub(began) < protocol.situation.sustained;
    while is_cold() && broken.contains(&false) {
        for (network, broken) in loaded.iter_mut().zip(broken) {
            // what fails here fails again when it counts
            if !broken && is_cold() && network.session.run(1, clock).is_err() {
                return;
            }
        }
    }
}

/// One turn: a run that doesn't count, then runs until the turn has lasted long enough. Returns their seconds.
pub(super) fn visit(
    session: &mut dyn Session,
    protocol: &Protocol,
    clock: &dyn Clock,
) -> Result<Vec<f64>, EngineError> {
    let (least, most) = protocol.runs;
    if protocol.warm_up.is_zero() {
        // a command is started once, and warms up by itself
        return session.run(least, clock);
    }
    one(session, protocol, clock)?;
    let began = clock.now();
    let mut seconds = Vec::new();
    while seconds.len() < least
        || (seconds.len() < most && clock.now().saturating_sub(began) < protocol.turn)
    {
        seconds.push(one(session, protocol, clock)?);
    }
    Ok(seconds)
}

/// One run in its situation.
fn one(
    session: &mut dyn Session,
    protocol: &Protocol,
    clock: &dyn Clock,
) -> Result<f64, EngineError> {
    if protocol.situation.weights == Weights::Cold {
        background::fill_caches();
    }
    let began = clock.now();
    let seconds = session.run(1, clock)?;
    if let Cadence::Every(period) = protocol.situation.cadence {
        let rest = period.saturating_sub(clock.now().saturating_sub(began));
        clock.wait(rest.max(Duration::ZERO));
    }
    Ok(seconds.iter().sum::<f64>() / seconds.len().max(1) as f64)
}
