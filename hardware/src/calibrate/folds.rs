//! Which networks are held out together in a cross-validation.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::CalibrateError;

/// How to validate where no network is held out for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrossValidation {
    /// Every network once.
    LeaveOneOut,
    /// So many groups of networks, drawn.
    Folds(usize),
    /// Every family once: networks whose names begin alike.
    Family,
    /// Not at all: somebody else holds the fit against what it has not seen.
    Nothing,
}

/// Rows to fit on and rows held out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fold {
    pub(super) fit: Vec<usize>,
    pub(super) held_out: Vec<usize>,
}

impl CrossValidation {
    /// The folds over rows of these networks. Rows of one network are held out together.
    pub(super) fn folds(self, names: &[&str], seed: u64) -> Result<Vec<Fold>, CalibrateError> {
        let groups: BTreeMap<String, Vec<usize>> = match self {
            Self::LeaveOneOut => group(names, |row| names[row].to_owned()),
            Self::Family => group(names, |row| family(names[row])),
            Self::Nothing => return Ok(Vec::new()),
            Self::Folds(count) => {
                let places = places(names, seed);
                group(names, |row| (places[names[row]] % count.max(2)).to_string())
            }
        };
        if groups.len() < 2 {
            return Err(CalibrateError::OneFamily(names.len()));
        }
        let fold = |held_out: &Vec<usize>| Fold {
            fit: (0..names.len())
                .filter(|row| !held_out.contains(row))
                .collect(),
            held_out: held_out.clone(),
        };
        let folds: Vec<Fold> = groups.values().map(fold).collect();
        // a family may be nearly everything; a network at three batches is still one
        let enough = |fold: &Fold| {
            let networks: BTreeSet<&str> = fold.fit.iter().map(|&row| names[row]).collect();
            networks.len() >= 3
        };
        Ok(folds.into_iter().filter(enough).collect())
    }

    /// In words; none where nothing could be held out.
    pub(super) fn words(self, folds: usize) -> Option<String> {
        (folds > 0).then(|| match self {
            Self::LeaveOneOut => "each network predicted by a fit on all others".to_owned(),
            Self::Folds(_) => format!("cross-validation in {folds} groups of networks"),
            Self::Family => format!("each of {folds} families predicted by a fit on all others"),
            Self::Nothing => "nothing held out".to_owned(),
        })
    }
}

fn group(names: &[&str], key: impl Fn(usize) -> String) -> BTreeMap<String, Vec<usize>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for row in 0..names.len() {
        groups.entry(key(row)).or_default().push(row);
    }
    groups
}

/// A drawn place for each network, whatever the order of the rows.
fn places<'a>(names: &[&'a str], seed: u64) -> BTreeMap<&'a str, usize> {
    let mut pool: Vec<&str> = names.to_vec();
    pool.sort_unstable();
    pool.dedup();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    pool.shuffle(&mut random);
    pool.into_iter()
        .enumerate()
        .map(|(place, name)| (name, place))
        .collect()
}

/// The family of a network: the letters its name begins with.
///
/// ```
/// use roofnas_hardware::family;
///
/// assert_eq!(family("mobilenet_v2_int8"), "mobilenet");
/// assert_eq!(family("ResNet50"), "resnet");
/// ```
pub fn family(name: &str) -> String {
    let letters = name.chars().take_while(|c| c.is_alphabetic());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 8] = [
        "resnet18",
        "resnet50",
        "vgg16",
        "vgg19",
        "mobilenet",
        "mobilenet_v2",
        "vgg16",
        "alexnet",
    ];

    #[test]
    fn every_row_is_held_out_once_with_its_network() {
        for validation in [
            CrossValidation::LeaveOneOut,
            CrossValidation::Folds(3),
            CrossValidation::Family,
        ] {
            let folds = validation.folds(&NAMES, 5).unwrap();
            let mut held_out: Vec<usize> = folds.iter().flat_map(|f| f.held_out.clone()).collect();
            held_out.sort_unstable();
            assert_eq!(held_out, (0..8).collect::<Vec<_>>(), "{validation:?}");
            for fold in &folds {
                assert_eq!(fold.held_out.contains(&2), fold.held_out.contains(&6));
                assert!(fold.fit.iter().all(|row| !fold.held_out.contains(row)));
                assert_eq!(fold.fit.len() + fold.held_out.len(), 8);
            }
        }
        assert_eq!(CrossValidation::Family.folds(&NAMES, 0).unwrap().len(), 4);
        assert_eq!(
            CrossValidation::LeaveOneOut.folds(&NAMES, 0).unwrap().len(),
            7
        );
        assert_eq!(CrossValidation::Folds(3).folds(&NAMES, 0).unwrap().len(), 3);
    }

    #[test]
    fn one_family_can_not_be_predicted_from_others() {
        let error = CrossValidation::Family.folds(&["a1", "a2", "a3", "a4"], 0);
        assert!(matches!(error, Err(CalibrateError::OneFamily(4))));
    }
}
