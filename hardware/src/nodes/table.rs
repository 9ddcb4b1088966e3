//! Node timings as a table: a fit to them can be made again without the machine.

use crate::engine::NodeTiming;

/// The columns. Seconds of one run have all their digits: a fit made again is the same to the last.
const HEADER: [&str; 7] = [
    "network", "threads", "batch", "node", "op_type", "provider", "seconds",
];

/// The nodes of one network at one batch on some threads, in the order of execution.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkNodes {
    /// The network.
    pub network: String,
    /// Threads of the engine.
    pub threads: u32,
    /// Images in one inference.
    pub batch: u64,
    /// What each of its nodes takes.
    pub nodes: Vec<NodeTiming>,
}

/// A table of them, a row for each node.
pub fn write_nodes(networks: &[NetworkNodes]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let row = |writer: &mut csv::Writer<Vec<u8>>, cells: [&str; HEADER.len()]| {
        let written = writer.write_record(cells);
        written.expect("rows of one length go into memory");
    };
    row(&mut writer, HEADER);
    for of in networks {
        let (threads, batch) = (of.threads.to_string(), of.batch.to_string());
        for node in &of.nodes {
            let provider = node.provider.as_deref().unwrap_or_default();
            let seconds = format!("{:e}", node.seconds);
            let cells = [
                &of.network,
                &threads,
                &batch,
                &node.name,
                &node.op_type,
                provider,
                &seconds,
            ];
            row(&mut writer, cells);
        }
    }
    let bytes = writer.into_inner().expect("memory can be written to");
    String::from_utf8(bytes).expect("all cells are text")
}

/// Reads such a table.
///
/// # Errors
/// A sentence that names the line, when the text is no table of these columns, or a cell can't be.
pub fn read_nodes(text: &str) -> Result<Vec<NetworkNodes>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?;
    if header != &csv::StringRecord::from(HEADER.to_vec()) {
        return Err(format!(
            "is no table of node timings that can be gone on with: its columns must be {} (those of earlier versions lack some)",
            HEADER.join(", ")
        ));
    }
    let mut networks: Vec<NetworkNodes> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        // rows of another length are errors of the reader's
        let cell = |place: usize| record.get(place).unwrap_or_default();
        let wrong = |column: &str, value: &str, rule: &str| {
            format!("line {line}: {column} = {value}: must be {rule}")
        };
        let whole = |column: &str, value: &str| {
            let number: Option<u32> = value.parse().ok().filter(|&number| number > 0);
            number.ok_or_else(|| wrong(column, value, "a whole number above 0"))
        };
        let threads = whole("threads", cell(1))?;
        let batch = u64::from(whole("batch", cell(2))?);
        let seconds: Option<f64> = cell(6).parse().ok();
        let seconds = seconds.filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0);
        let seconds =
            seconds.ok_or_else(|| wrong("seconds", cell(6), "a number of seconds, 0 or more"))?;
        let node = NodeTiming {
            name: cell(3).to_owned(),
            op_type: cell(4).to_owned(),
            provider: Some(cell(5).to_owned()).filter(|provider| !provider.is_empty()),
            seconds,
        };
        match networks.last_mut() {
            Some(last)
                if last.network == cell(0) && (last.threads, last.batch) == (threads, batch) =>
            {
                last.nodes.push(node);
            }
            _ => networks.push(NetworkNodes {
                network: cell(0).to_owned(),
                threads,
                batch,
                nodes: vec![node],
            }),
        }
    }
    Ok(networks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks() -> Vec<NetworkNodes> {
        let node = |name: &str, provider: Option<&str>, seconds: f64| NodeTiming {
            name: name.to_owned(),
            op_type: "Conv".to_owned(),
            provider: provider.map(str::to_owned),
            seconds,
        };
        let of = |network: &str, threads, batch, nodes| NetworkNodes {
            network: network.to_owned(),
            threads,
            batch,
            nodes,
        };
        vec![
            of("a", 1, 1, vec![node("/x, \"y\"", None, 12.25e-6)]),
            of(
                "a",
                4,
                8,
                vec![node("", Some("CPU"), 0.0), node("n", None, 0.1 + 0.2)],
            ),
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let text = write_nodes(&networks());
        let read = read_nodes(&text).unwrap();
        assert_eq!(read, networks());
    }

    #[test]
    fn what_can_not_be_is_named_with_its_line() {
        let text = write_nodes(&networks());
        let other = text.replace("1.225e-5", "NaN");
        let error = read_nodes(&other).unwrap_err();
        assert!(error.contains("line 2: seconds = NaN"), "{error}");
        let other = text.replace("a,4,8,n", "a,0,8,n");
        let error = read_nodes(&other).unwrap_err();
        assert!(error.contains("line 4: threads = 0"), "{error}");
        let other = text.replace("a,4,8,n", "a,4,none,n");
        let error = read_nodes(&other).unwrap_err();
        assert!(error.contains("line 4: batch = none"), "{error}");
        assert!(read_nodes("a,b\n1,2\n").unwrap_err().contains("columns"));
        let cut = &text[..text.len() - 25];
        assert!(read_nodes(cut).is_err(), "{cut}");
    }
}
