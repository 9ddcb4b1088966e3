//! What every page of ours is wrapped in: one file that asks for nothing from outside.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A whole page under a title.
pub(super) fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "roofnas: " (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                h1 { (title) }
                (body)
                script { (PreEscaped(include_str!("script.js"))) }
            }
        }
    };
    page.into_string()
}
