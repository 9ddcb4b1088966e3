//! Experiment files: reading them, overriding keys, and spreading a matrix into runs.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use crate::config::ExperimentConfig;
use crate::error::Error;

/// A key and the value it is set to, such as `constraints.latency_ms=2.5` on the command line.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The key, with dots between tables.
    pub key: String,
    /// The value.
    pub value: Value,
}

impl Setting {
    /// The key without the tables that it stands in, but with the target that it is of.
    pub(crate) fn short_key(&self) -> Vec<&str> {
        let parts: Vec<&str> = self.key.split('.').collect();
        match parts[..] {
            ["target", .., last] if parts.len() == 3 => vec![parts[1], last],
            [.., last] => vec![last],
            [] => Vec::new(),
        }
    }
}

impl std::str::FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected =
            || format!("\"{text}\" is not KEY=VALUE, such as constraints.latency_ms=2.5");
        let (key, value) = text.split_once('=').ok_or_else(expected)?;
        let key = key.trim();
        if key.is_empty() || key.split('.').any(str::is_empty) {
            return Err(expected());
        }
        // a value that is not TOML is a string that lacks its quotes
        let parsed = toml::from_str::<Table>(&format!("value = {value}")).ok();
        let parsed = parsed
            .filter(|table| table.len() == 1)
            .and_then(|mut table| table.remove("value"));
        Ok(Self {
            key: key.to_owned(),
            value: parsed.unwrap_or_else(|| Value::String(value.trim().to_owned())),
        })
    }
}

/// One run of an experiment: the whole of it, or one combination of its matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The combination's folder within the batch; empty where there is no matrix.
    pub folder: PathBuf,
    /// The matrix's values for this run.
    pub settings: Vec<Setting>,
    /// The configuration, not yet checked.
    pub config: ExperimentConfig,
}

/// An experiment file with the runs it asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentFile {
    /// The file's name, for messages.
    pub file: String,
    /// The experiment's name.
    pub name: String,
    /// The experiment as it was asked for, settings and matrix among it, as TOML.
    pub asked: String,
    /// Its runs: one, or one for every combination of the matrix.
    pub runs: Vec<Planned>,
}

/// Combinations that a matrix can have; more are more likely a mistake.
const MOST_RUNS: usize = 10_000;
/// Tables that a key can stand in: more than any key has, and few enough for what walks nested tables by recursion.
const DEEPEST: usize = 16;

impl ExperimentFile {
    /// Reads an experiment, with these settings in the place of what the file says.
    ///
    /// # Errors
    /// When the file can't be read, is not an experiment, or has a matrix that makes no sense.
    pub fn read(path: &Path, settings: &[Setting]) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::read(path, source))?;
        Self::parse(&text, &path.display().to_string(), settings)
    }

    /// The same for a text that stands in `file`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(text: &str, file: &str, settings: &[Setting]) -> Result<Self, Error> {
        let syntax = |error: toml::de::Error| Error::Syntax {
            file: file.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        };
        // the text itself first: its errors show line and column
        let plain: ExperimentConfig = toml::from_str(text).map_err(syntax)?;
        let mut table: Table = toml::from_str(text).map_err(syntax)?;
        apply(&mut table, settings, file)?;
        settle(&mut table, settings);
        let base = config(&table, file, "--set", settings)?;
        let name = base.name.clone();
        let runs = if base.matrix.is_empty() {
            let whole = if settings.is_empty() { plain } else { base };
            vec![Planned {
                folder: PathBuf::new(),
                settings: Vec::new(),
                config: whole,
            }]
        } else {
            combinations(&table, &base, file)?
        };
        Ok(Self {
            file: file.to_owned(),
            name,
            asked: table.to_string(),
            runs,
        })
    }

    /// Whether it has a matrix.
    pub fn is_batch(&self) -> bool {
        self.runs.iter().any(|run| !run.settings.is_empty())
    }
}

/// The keys that an entry of a matrix names: one, or several that vary together, with commas between.
fn together(key: &str) -> impl Iterator<Item = &str> {
    key.split(',').map(str::trim)
}

/// What one value of a matrix's entry sets; nothing where it doesn't fit the entry's keys.
fn settings_of(keys: &[&str], value: &Value) -> Option<Vec<Setting>> {
    let setting = |key: &str, value: &Value| Setting {
        key: key.to_owned(),
        value: value.clone(),
    };
    match (keys, value) {
        ([key], value) => Some(vec![setting(key, value)]),
        (keys, Value::Array(values)) if values.len() == keys.len() => {
            let pairs = keys.iter().zip(values);
            Some(pairs.map(|(key, value)| setting(key, value)).collect())
        }
        _ => None,
    }
}

/// Every combination of a matrix, the last key changing fastest.
fn combinations(table: &Table, base: &ExperimentConfig, file: &str) -> Result<Vec<Planned>, Error> {
    let error = |key: &str, value: String, rule: &str| Error::Value {
        file: file.to_owned(),
        key: format!("matrix.\"{key}\""),
        value,
        rule: rule.to_owned(),
    };
    if let Some(refine) = &base.refine {
        return Err(Error::Value {
            file: file.to_owned(),
            key: "refine.engine".to_owned(),
            value: format!("\"{}\"", refine.engine.name()),
            rule: "a matrix's runs share the machine, and measuring needs it for itself; refine without the matrix, then run the matrix with the \
                   platform.toml that comes of it as platform.profile"
                .to_owned(),
        });
    }
    let mut all: Vec<Vec<Setting>> = vec![Vec::new()];
    for (key, values) in &base.matrix {
        if values.is_empty() {
            return Err(error(key, "[]".to_owned(), "needs at least one value"));
        }
        let together: Vec<&str> = together(key).collect();
        if together
            .iter()
            .any(|key| *key == "name" || key.starts_with("matrix"))
        {
            let rule = "a matrix varies the seed or keys of platform, space, objectives, quality, constraints, search and output";
            return Err(error(key, "[...]".to_owned(), rule));
        }
        if together.iter().any(|key| key.is_empty()) {
            let rule = "has a comma without a key beside it";
            return Err(error(key, "[...]".to_owned(), rule));
        }
        if let Some(twice) = (1..together.len()).find(|&at| together[..at].contains(&together[at]))
        {
            let rule = format!("{} stands there twice", together[twice]);
            return Err(error(key, "[...]".to_owned(), &rule));
        }
        let is_set = |key: &&str| all[0].iter().any(|setting| setting.key == *key);
        if let Some(twice) = together.iter().find(|key| is_set(key)) {
            let rule = format!("{twice} is varied by another entry of the matrix too");
            return Err(error(key, "[...]".to_owned(), &rule));
        }
        let next: Vec<Vec<Setting>> = values
            .iter()
            .map(|value| {
                settings_of(&together, value).ok_or_else(|| {
                    let rule = format!(
                        "these keys vary together: each of the values is a list of {}, one for each key",
                        together.len()
                    );
                    error(key, value.to_string(), &rule)
                })
            })
            .collect::<Result<_, _>>()?;
        if let Some(again) = (1..values.len())
            .find(|&at| values[..at].iter().any(|value| is_same(value, &values[at])))
        {
            let rule = "stands there twice, and each combination is run once";
            return Err(error(key, values[again].to_string(), rule));
        }
        if all.len() * values.len() > MOST_RUNS {
            let rule = "a matrix can have at most 10000 combinations";
            return Err(error(key, format!("{} values", values.len()), rule));
        }
        all = all
            .iter()
            .flat_map(|before| {
                next.iter()
                    .map(move |next| [&before[..], &next[..]].concat())
            })
            .collect();
    }
    let digits = all.len().to_string().len();
    let planned = all.into_iter().enumerate().map(|(index, settings)| {
        let mut table = table.clone();
        table.remove("matrix");
        apply(&mut table, &settings, file)?;
        Ok(Planned {
            folder: format!("{:0digits$}{}", index + 1, label(&settings)).into(),
            config: config(&table, file, "matrix", &settings)?,
            settings,
        })
    });
    planned.collect()
}

/// Whether two values of a matrix ask for the same: `2` is `2.0`.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Integer(whole), Value::Float(float))
        | (Value::Float(float), Value::Integer(whole)) => *whole as f64 == *float,
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| is_same(a, b))
        }
        (one, other) => one == other,
    }
}

/// What tells a combination from the others, fit for a folder's name: `-latency_ms-2.5-seed-1`.
fn label(settings: &[Setting]) -> String {
    let parts = settings.iter().map(|setting| {
        let key = setting.short_key().join("-");
        let value = match &setting.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        // whatever else stands between is one dash: `["latency", "macs"]` is latency-macs
        let says = |word: &&str| word.chars().any(|c| c != '-');
        let words = value.split(|c| !plain(c)).filter(says);
        let value: String = words.collect::<Vec<_>>().join("-");
        let value: String = value.chars().take(40).collect();
        format!("-{key}-{value}")
    });
    let label: String = parts.collect();
    // file systems take names of 255 bytes; the number before it tells runs apart
    label.chars().take(200).collect()
}

fn apply(table: &mut Table, settings: &[Setting], file: &str) -> Result<(), Error> {
    for setting in settings {
        let mut parts: Vec<&str> = setting.key.split('.').collect();
        let last = parts.pop().unwrap_or_default();
        if parts.len() > DEEPEST {
            return Err(Error::Value {
                file: file.to_owned(),
                key: shortened(&setting.key),
                value: setting.value.to_string(),
                rule: format!("no key stands in more than {DEEPEST} tables"),
            });
        }
        let mut inner = &mut *table;
        for part in parts {
            let entry = inner
                .entry(part)
                .or_insert_with(|| Value::Table(Table::new()));
            lengthen(part, entry);
            let Value::Table(next) = entry else {
                return Err(Error::Value {
                    file: file.to_owned(),
                    key: setting.key.clone(),
                    value: setting.value.to_string(),
                    rule: format!("{part} is not a table, so it has no keys to set"),
                });
            };
            inner = next;
        }
        inner.insert(last.to_owned(), setting.value.clone());
    }
    Ok(())
}

/// A key as a message has it, however long it is.
fn shortened(key: &str) -> String {
    const MOST: usize = 60;
    match key.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &key[..end]),
        None => key.to_owned(),
    }
}

/// `quality = "AE3"` is short for a table, whose keys can be set.
fn lengthen(key: &str, value: &mut Value) {
    if key == "quality" && value.is_str() {
        let short = std::mem::replace(value, Value::Table(Table::new()));
        if let Value::Table(table) = value {
            table.insert("score".to_owned(), short);
        }
    }
}

/// What is set on the command line is settled: a matrix doesn't vary it any more. Of keys that vary together, the others still do.
fn settle(table: &mut Table, settings: &[Setting]) {
    let Some(Value::Table(matrix)) = table.get_mut("matrix") else {
        return;
    };
    let is_settled = |key: &str| settings.iter().any(|setting| setting.key == key);
    let entries = std::mem::take(matrix);
    for (key, values) in entries {
        let keys: Vec<&str> = together(&key).collect();
        let left: Vec<usize> = (0..keys.len())
            .filter(|&index| !is_settled(keys[index]))
            .collect();
        if left.len() == keys.len() {
            matrix.insert(key, values);
        } else if !left.is_empty() {
            let names: Vec<&str> = left.iter().map(|&index| keys[index]).collect();
            matrix.insert(names.join(","), picked(values, &left));
        }
    }
}

/// The values at these places of each list, each once; a single one without its list.
fn picked(values: Value, places: &[usize]) -> Value {
    let pick = |value: Value| match value {
        Value::Array(list) => {
            let at = |&place: &usize| list.get(place).cloned();
            match places {
                [place] => at(place).unwrap_or_else(|| Value::Array(list.clone())),
                places => Value::Array(places.iter().filter_map(at).collect()),
            }
        }
        other => other,
    };
    match values {
        Value::Array(values) => {
            let mut picked: Vec<Value> = Vec::new();
            for value in values.into_iter().map(pick) {
                // lists that differed in what is settled now ask for the same
                if !picked.iter().any(|earlier| is_same(earlier, &value)) {
                    picked.push(value);
                }
            }
            Value::Array(picked)
        }
        other => other,
    }
}

/// The configuration in a table some of whose keys were set from elsewhere.
fn config(
    table: &Table,
    file: &str,
    origin: &str,
    settings: &[Setting],
) -> Result<ExperimentConfig, Error> {
    ExperimentConfig::deserialize(table.clone()).map_err(|error| {
        let set: Vec<String> = settings
            .iter()
            .map(|setting| format!("{}={}", setting.key, setting.value))
            .collect();
        Error::Syntax {
            file: file.to_owned(),
            message: format!(
                "with {} from {origin}: {}",
                set.join(", "),
                error.to_string().trim_end()
            ),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
name = "x"
[platform]
profile = "nvidia-v100"
[space]
preset = "mobile"
[constraints]
latency_ms = 2.0
"#;

    fn parse(text: &str, settings: &[&str]) -> Result<ExperimentFile, Error> {
        let settings: Vec<Setting> = settings.iter().map(|s| s.parse().unwrap()).collect();
        ExperimentFile::parse(text, "x.toml", &settings)
    }

    #[test]
    fn settings_take_the_place_of_the_files() {
        let set = [
            "constraints.latency_ms=1.5",
            "seed=7",
            "platform.profile=intel-i9-10980xe",
            "objectives.minimize=[\"latency\", \"params\"]",
        ];
        let file = parse(TEXT, &set).unwrap();
        let config = &file.runs[0].config;
        assert_eq!(config.constraints.latency_ms, Some(1.5));
        assert_eq!(config.seed, 7);
        assert_eq!(config.platform.profile, "intel-i9-10980xe");
        assert_eq!(config.objectives.minimize.len(), 2);
        assert!(!file.is_batch());
    }

    #[test]
    fn a_matrix_is_every_combination() {
        let matrix = "[matrix]\n\"constraints.latency_ms\" = [2.0, 5.0]\nseed = [1, 2, 3]\n";
        let file = parse(&format!("{TEXT}{matrix}"), &[]).unwrap();
        let folders: Vec<String> = file
            .runs
            .iter()
            .map(|run| run.folder.display().to_string())
            .collect();
        assert_eq!(folders.len(), 6);
        assert_eq!(folders[0], "1-latency_ms-2.0-seed-1");
        assert_eq!(folders[5], "6-latency_ms-5.0-seed-3");
        assert_eq!(file.runs[4].config.constraints.latency_ms, Some(5.0));
        assert_eq!(file.runs[4].config.seed, 2);
        assert!(file.runs[4].config.matrix.is_empty());
    }

    #[test]
    fn folders_have_names_one_can_read() {
        let long = "a".repeat(300);
        let matrix = format!(
            "[matrix]\n\"objectives.minimize\" = [[\"latency\", \"macs\"]]\n\"platform.profile\" = [\"ü/x  - y.toml\"]\n\"space.preset\" = [\"{long}\"]\n"
        );
        let file = parse(&format!("{TEXT}{matrix}"), &[]).unwrap();
        let folder = file.runs[0].folder.display().to_string();
        assert!(folder.contains("-minimize-latency-macs-"), "{folder}");
        assert!(folder.contains("-profile-x-y.toml-"), "{folder}");
        assert!(folder.len() < 255, "{folder}");
    }

    #[test]
    fn keys_with_commas_between_vary_together() {
        let matrix = "[matrix]\n\"platform.profile, constraints.latency_ms\" = [[\"nvidia-v100\", 0.5], [\"intel-i9-10980xe\", 3.0]]\nseed = [1, 2]\n";
        let file = parse(&format!("{TEXT}{matrix}"), &[]).unwrap();
        let found = file.runs.iter().map(|run| {
            let config = &run.config;
            (
                config.platform.profile.as_str(),
                config.constraints.latency_ms,
                config.seed,
            )
        });
        let (gpu, cpu) = (("nvidia-v100", Some(0.5)), ("intel-i9-10980xe", Some(3.0)));
        let expected = [(gpu, 1), (gpu, 2), (cpu, 1), (cpu, 2)];
        assert_eq!(
            found.collect::<Vec<_>>(),
            expected.map(|((profile, budget), seed)| (profile, budget, seed))
        );
        assert_eq!(
            file.runs[3].folder.display().to_string(),
            "4-profile-intel-i9-10980xe-latency_ms-3.0-seed-2"
        );
        // what is set is settled; the other key still varies
        let file = parse(
            &format!("{TEXT}{matrix}"),
            &["constraints.latency_ms=9", "seed=4"],
        )
        .unwrap();
        let budgets: Vec<_> = file
            .runs
            .iter()
            .map(|run| run.config.constraints.latency_ms)
            .collect();
        assert_eq!(budgets, [Some(9.0), Some(9.0)]);
        assert_eq!(file.runs[1].config.platform.profile, "intel-i9-10980xe");
        // lists that differed in what is settled are one
        let pairs = "[matrix]\n\"seed,constraints.latency_ms\" = [[1, 2], [2, 2.0], [3, 5]]\n";
        let file = parse(&format!("{TEXT}{pairs}"), &["seed=4"]).unwrap();
        assert_eq!(file.runs.len(), 2);
        let twice = "[matrix]\nseed = [1]\n\"seed,constraints.latency_ms\" = [[1, 2]]\n";
        let error = parse(&format!("{TEXT}{twice}"), &[]).unwrap_err();
        assert!(error.to_string().contains("another entry"), "{error}");
        for bad in ["[[\"nvidia-v100\"]]", "[\"nvidia-v100\"]", "[[1, 2, 3]]"] {
            let text =
                format!("{TEXT}[matrix]\n\"platform.profile,constraints.latency_ms\" = {bad}\n");
            let error = parse(&text, &[]).unwrap_err().to_string();
            assert!(error.contains("a list of 2"), "{error}");
        }
        let same = "[matrix]\n\"seed, seed\" = [[1, 2]]\n";
        let error = parse(&format!("{TEXT}{same}"), &[]).unwrap_err();
        assert!(error.to_string().contains("seed stands there twice"));
        let error = parse(&format!("{TEXT}[matrix]\n\"seed,\" = [[1, 2]]\n"), &[]).unwrap_err();
        assert!(error.to_string().contains("comma"));
    }

    #[test]
    fn a_value_stands_in_a_matrix_once() {
        for (values, again) in [
            ("seed = [1, 2, 1]", "1"),
            ("\"constraints.latency_ms\" = [2, 5, 2.0]", "2.0"),
            (
                "\"seed,constraints.latency_ms\" = [[1, 2], [1, 3], [1, 2.0]]",
                "[1, 2.0]",
            ),
        ] {
            let error = parse(&format!("{TEXT}[matrix]\n{values}\n"), &[]).unwrap_err();
            let said = error.to_string();
            assert!(
                said.contains(&format!("{again}: stands there twice")),
                "{said}"
            );
        }
    }

    #[test]
    fn errors_say_where() {
        let error = |text: &str, settings: &[&str]| parse(text, settings).unwrap_err().to_string();
        let typo = error(&TEXT.replace("latency_ms", "latency"), &[]);
        assert!(typo.contains("x.toml") && typo.contains("line 8"), "{typo}");
        assert!(typo.contains("unknown field `latency`, expected one of `latency_ms`"));
        let set = error(TEXT, &["search.populaton=5"]);
        assert!(set.contains("search.populaton=5 from --set"), "{set}");
        assert!(set.contains("unknown field `populaton`"), "{set}");
        let matrix = error(
            &format!("{TEXT}[matrix]\n\"constraints.latncy\" = [1]\n"),
            &[],
        );
        assert!(
            matrix.contains("constraints.latncy=1 from matrix"),
            "{matrix}"
        );
        assert!(error(&format!("{TEXT}[matrix]\nseed = []\n"), &[]).contains("at least one value"));
        assert!(error(TEXT, &["name.x=1"]).contains("name is not a table"));
        assert!("=3".parse::<Setting>().is_err());
        assert!("seed".parse::<Setting>().is_err());
    }
}
