//! The reports in a real browser. Everything else needs only cargo, so this has to be asked for: `ROOFNAS_BROWSER=1 cargo test` takes a chromium that is on the
//! path, `ROOFNAS_BROWSER=PROGRAM` that program.
//!
//! `browser.js` loads a report at the width of a desk and of a phone, with everything from outside forbidden, points at marks, taps them, walks along them with the
//! arrow keys, and says what it saw.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::support::{Desk, TINY};

/// What `browser.js` saw at one width.
#[derive(Debug, Deserialize)]
struct Seen {
    /// Errors, and whatever was asked for from outside.
    problems: Vec<String>,
    /// Width of the window and of what is in it, in pixels.
    width: f64,
    content: f64,
    /// Marks that can be seen.
    marks: usize,
    /// What the card said, by how it was asked for.
    cards: BTreeMap<String, String>,
    /// Texts of pictures that reach out of these.
    clipped: Vec<String>,
    /// Cards that reached out of the window.
    outside: Vec<String>,
    /// Whether the card went away.
    hidden: bool,
}

#[test]
fn the_page_of_a_run_works_in_a_browser() {
    let Some(browser) = browser() else {
        return;
    };
    let desk = Desk::with_run();
    for seen in look(&browser, &desk, "run/report.html") {
        sound(&seen);
        let front = desk.table("run/pareto.csv");
        let first = &front.rows[0];
        for (how, card) in &seen.cards {
            assert!(card.contains("latency"), "{how}: {card}");
        }
        let focused = &seen.cards["focus"];
        assert!(focused.starts_with(&first["id"]), "{focused}");
        assert!(focused.contains(&first["genotype"]), "{focused}");
        assert_ne!(seen.cards["arrow"], seen.cards["focus"]);
        assert_eq!(seen.cards["hover"], seen.cards["focus"]);
        assert_eq!(seen.cards["tap"], seen.cards["focus"]);
    }
}

#[test]
fn the_page_of_a_batch_works_in_a_browser() {
    let Some(browser) = browser() else {
        return;
    };
    let desk = Desk::new();
    let platforms = "\"platform.profile\" = [\"intel-i9-10980xe\", \"nvidia-v100\"]";
    desk.write("batch.toml", format!("{TINY}[matrix]\n{platforms}\n"));
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    for seen in look(&browser, &desk, "out/report.html") {
        sound(&seen);
        assert!(!seen.cards["focus"].is_empty());
    }
}

#[track_caller]
fn sound(seen: &Seen) {
    assert!(seen.problems.is_empty(), "{seen:?}");
    assert!(seen.content <= seen.width, "it scrolls sideways: {seen:?}");
    assert!(seen.marks > 20, "{seen:?}");
    assert!(seen.clipped.is_empty(), "{seen:?}");
    assert!(seen.outside.is_empty(), "{seen:?}");
    assert!(seen.hidden, "{seen:?}");
}

/// Opens a report at two widths.
fn look(browser: &str, desk: &Desk, report: &str) -> Vec<Seen> {
    // as a string of JavaScript that no tag in it can end
    let text = serde_json::to_string(&desk.read(report)).unwrap();
    let text = text.replace("</", "<\\/").replace("<!--", "<\\!--");
    let script = include_str!("browser.js");
    let page = format!(
        "<!doctype html><meta charset=\"utf-8\"><body><script>const REPORT = {text};\n{script}</script>"
    );
    desk.write("look.html", page);
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args(["--window-size=1300,1000", "--virtual-time-budget=20000"])
        .arg(format!(
            "--user-data-dir={}",
            desk.path("profile").display()
        ))
        .arg(format!("file://{}", desk.path("look.html").display()))
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    let seen = dom.split("<pre id=\"seen\">").nth(1);
    let seen = seen.unwrap_or_else(|| panic!("it says nothing: {}", tail(&dom)));
    let seen = seen.split("</pre>").next().unwrap();
    let seen = seen
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    serde_json::from_str(&seen).unwrap_or_else(|error| panic!("{error}: {seen}"))
}

fn tail(text: &str) -> &str {
    let from = text.len().saturating_sub(2000);
    text.get(from..).unwrap_or_default()
}

/// The browser, if the suite is asked for and there is one.
fn browser() -> Option<String> {
    let asked = std::env::var("ROOFNAS_BROWSER").unwrap_or_default();
    let names = match asked.as_str() {
        "" | "0" => return skipped("and ROOFNAS_BROWSER=1"),
        "1" => vec!["chromium", "chromium-browser", "google-chrome", "chrome"],
        program => vec![program],
    };
    let runs = |name: &&str| {
        let version = Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        version.is_ok_and(|status| status.success())
    };
    match names.iter().copied().find(runs) {
        Some(name) => Some(name.to_owned()),
        None => skipped("and there is none"),
    }
}

fn skipped(reason: &str) -> Option<String> {
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: reports were not opened in a browser: needs chromium, {reason}"
    );
    None
}
