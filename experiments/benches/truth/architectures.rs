//! The networks of NAS-Bench-Macro, by the eight digits of its authors.

use roofnas_space::{BlockKind, Genotype, SearchSpace};

/// Where stages begin and end.
const STAGES: [std::ops::Range<usize>; 3] = [0..2, 2..5, 5..8];

/// The genotype, in words, of eight digits.
pub(crate) fn genotype(digits: &str) -> String {
    let label = |digit| match digit {
        '0' => "id",
        '1' => "ibk3e3",
        _ => "ibk5e6",
    };
    let layers: Vec<&str> = digits.chars().map(label).collect();
    let [first, second, third] = STAGES.map(|stage| layers[stage].join(","));
    format!("r32/s32/64:{first}/128:{second}/256:{third}/h1280")
}

/// The digits by which a network goes whose identities stand last in their stage: those that build it are many, since an identity that is not first
/// in its stage does nothing wherever it stands.
pub(crate) fn canonical(digits: &str) -> String {
    let stage = |stage: std::ops::Range<usize>| {
        let (first, later) = digits[stage].split_at(1);
        let (some, none): (String, String) = later.chars().partition(|&digit| digit != '0');
        format!("{first}{some}{none}")
    };
    STAGES.map(stage).concat()
}

/// The canonical digits of a genotype.
pub(crate) fn digits(space: &SearchSpace, genotype: &Genotype) -> String {
    let digit = |kind, kernel| match (kind, kernel) {
        (BlockKind::Identity, _) => '0',
        (_, 3) => '1',
        _ => '2',
    };
    let blocks = space.blocks(genotype);
    let digits: String = blocks
        .map(|b| digit(b.block.kind, b.block.kernel))
        .collect();
    canonical(&digits)
}

/// Every distinct network, in the order of its digits.
pub(crate) fn distinct() -> Vec<String> {
    let all = (0..3_u32.pow(8)).map(|number| {
        let digit = |place: u32| char::from(b'0' + (number / 3_u32.pow(7 - place) % 3) as u8);
        (0..8).map(digit).collect::<String>()
    });
    all.filter(|digits| *digits == canonical(digits)).collect()
}
