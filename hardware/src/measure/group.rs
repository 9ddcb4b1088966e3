//! Networks that were measured in turn with each other, and how groups compare.

use super::timing::NetworkTiming;

/// A group's timings, anchors among them.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) timings: Vec<NetworkTiming>,
}

/// All groups in one: each anchor once, with the samples of all groups. Also how much longer each group's anchors took than those of all, at the median; of a
/// single group, those of its first and of its second half.
pub(super) fn join(groups: Vec<Group>, anchors: &[&str]) -> (Vec<NetworkTiming>, Vec<f64>) {
    let mut all: Vec<NetworkTiming> = Vec::new();
    let of_anchors =
        |group: &Group, latency: &dyn Fn(&NetworkTiming) -> f64| -> Vec<(String, f64)> {
            let timings = group.timings.iter();
            let anchors = timings.filter(|timing| anchors.contains(&timing.network.as_str()));
            anchors
                .map(|timing| (timing.network.clone(), latency(timing)))
                .collect()
        };
    let own: Vec<Vec<(String, f64)>> = match &groups[..] {
        [single] => {
            let half = |timing: &NetworkTiming| timing.visits.len() / 2;
            vec![
                of_anchors(single, &|timing| timing.part(..half(timing)).latency_s()),
                of_anchors(single, &|timing| timing.part(half(timing)..).latency_s()),
            ]
        }
        several => {
            let latency = |group| of_anchors(group, &NetworkTiming::latency_s);
            several.iter().map(latency).collect()
        }
    };
    for timing in groups.into_iter().flat_map(|group| group.timings) {
        let is_anchor = anchors.contains(&timing.network.as_str());
        let known = all
            .iter_mut()
            .find(|known| is_anchor && known.network == timing.network);
        match known {
            Some(known) => known.visits.extend(timing.visits),
            None => all.push(timing),
        }
    }
    let overall = |network: &str| {
        let known = all.iter().find(|timing| timing.network == network);
        known.map(|timing| timing.quantile_s(0.1))
    };
    let ratios: Vec<Vec<f64>> = own
        .iter()
        .map(|group| {
            let anchors = group.iter();
            anchors
                .filter_map(|(network, latency)| Some(latency / overall(network)?))
                // a half may have no turn
                .filter(|ratio| ratio.is_finite())
                .collect()
        })
        .collect();
    let is_told = ratios.len() > 1 && ratios.iter().all(|group| !group.is_empty());
    let anchors = if is_told {
        ratios.into_iter().map(middle).collect()
    } else {
        Vec::new()
    };
    (all, anchors)
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
