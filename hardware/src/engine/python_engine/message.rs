//! What is asked and answered.

use serde::{Deserialize, Serialize};

/// What is asked for; networks are named by a number.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub(super) enum Request<'a> {
    Load {
        load: u64,
        path: &'a str,
        /// A folder for what a conversion writes.
        scratch: &'a str,
    },
    Run {
        run: u64,
        count: usize,
    },
    Nodes {
        nodes: u64,
        count: usize,
    },
    Drop {
        drop: u64,
    },
}

impl Request<'_> {
    /// The request with its number, as a line.
    pub(super) fn line(&self, number: u64) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Numbered<'a> {
            #[serde(rename = "request")]
            number: u64,
            #[serde(flatten)]
            asked: &'a Request<'a>,
        }
        let asked = self;
        Ok(serde_json::to_string(&Numbered { number, asked })? + "\n")
    }
}

/// An answer. Which fields it has depends on what was asked.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    /// The number of the request.
    pub(super) request: u64,
    /// Why it can't be done.
    pub(super) error: Option<String>,
    /// Which package can't be imported.
    pub(super) missing: Option<String>,
    pub(super) version: Option<String>,
    pub(super) python: Option<String>,
    pub(super) initialisation_s: Option<f64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) seconds: Option<Vec<f64>>,
    /// Name, operator, what executes it, and seconds.
    pub(super) nodes: Option<Vec<(String, String, String, f64)>>,
}

/// What a process says when it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Greeting {
    /// The package's version.
    pub(super) version: String,
    /// The interpreter's path.
    pub(super) python: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_lines() {
        let load = Request::Load {
            load: 3,
            path: "a \"b\"\n.onnx",
            scratch: "/tmp/x",
        };
        assert_eq!(
            load.line(7).unwrap(),
            "{\"request\":7,\"load\":3,\"path\":\"a \\\"b\\\"\\n.onnx\",\"scratch\":\"/tmp/x\"}\n"
        );
        let run = Request::Run { run: 3, count: 20 };
        assert_eq!(
            run.line(8).unwrap(),
            "{\"request\":8,\"run\":3,\"count\":20}\n"
        );
        let nodes = Request::Nodes { nodes: 3, count: 9 };
        assert_eq!(
            nodes.line(9).unwrap(),
            "{\"request\":9,\"nodes\":3,\"count\":9}\n"
        );
        let drop = Request::Drop { drop: 3 };
        assert_eq!(drop.line(10).unwrap(), "{\"request\":10,\"drop\":3}\n");
    }
}
