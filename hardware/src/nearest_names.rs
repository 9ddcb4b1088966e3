//! Which names somebody may have meant.

/// Names that are offered.
const OFFERED: usize = 5;

/// Likeness below which a name is not offered.
const LEAST: f64 = 0.3;

/// The names most like a text, the likest first; none where nothing is like it.
pub(crate) fn nearest<'a>(text: &str, names: &'a [String]) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> = names
        .iter()
        .map(|name| (likeness(text, name), name.as_str()))
        .collect();
    // a stable sort: equals stay in their order
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.retain(|(likeness, _)| *likeness >= LEAST);
    scored
        .into_iter()
        .take(OFFERED)
        .map(|(_, name)| name)
        .collect()
}

/// The share of the text's words that the name has, and of the pairs of letters that both have (Dice's coefficient).
fn likeness(text: &str, name: &str) -> f64 {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let (words, others) = (words(&text), words(&name));
    let common = words.iter().filter(|word| others.contains(word)).count();
    common as f64 / words.len().max(1) as f64 + dice(&text, &name)
}

/// Runs of letters, and runs of digits: `pi4` is `pi` and `4`.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for part in text.split(|c: char| !c.is_alphanumeric()) {
        let mut rest = part;
        while let Some(first) = rest.chars().next() {
            let is_other = |c: char| c.is_ascii_digit() != first.is_ascii_digit();
            let (word, after) = rest.split_at(rest.find(is_other).unwrap_or(rest.len()));
            words.push(word);
            rest = after;
        }
    }
    words
}

fn dice(one: &str, other: &str) -> f64 {
    let pairs = |text: &str| -> Vec<(char, char)> {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        let letters: Vec<char> = letters.collect();
        letters.windows(2).map(|pair| (pair[0], pair[1])).collect()
    };
    let (one, mut other) = (pairs(one), pairs(other));
    let all = one.len() + other.len();
    let common = one.iter().filter(|pair| {
        let place = other.iter().position(|own| own == *pair);
        place.map(|place| other.swap_remove(place)).is_some()
    });
    2.0 * common.count() as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_comes_first() {
        let names: Vec<String> = crate::shipped::SHIPPED
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        for (text, meant) in [
            (
                "raspbery-pi-4-ncnn-4-threads",
                "raspberry-pi-4-ncnn-4-threads",
            ),
            ("v100", "nvidia-v100"),
            ("Titan-RTX-batch-64", "titan-rtx-pytorch-batch-64"),
            ("10980xe", "intel-i9-10980xe"),
        ] {
            assert_eq!(nearest(text, &names)[0], meant, "{text}");
        }
        let boards = nearest("pi4", &names);
        assert!(
            boards[..4].iter().all(|name| name.contains("-pi-4-")),
            "{boards:?}"
        );
        for nothing in ["", "abacus", "zzz"] {
            assert!(nearest(nothing, &names).is_empty(), "{nothing}");
        }
        assert_eq!(words("pi4-x86_64"), ["pi", "4", "x", "86", "64"]);
    }
}
