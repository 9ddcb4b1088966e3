//! Requests and their answers, whatever carries them.

use std::io;
use std::time::Duration;

use thiserror::Error;

use super::message::{Answer, Greeting, Request};

/// How many characters of an answer that can't be read a message shows.
const CHARACTERS_SHOWN: usize = 200;

/// How long a process has to end by itself, once nothing comes from it any more: how it does tells what happened.
const FAREWELL: Duration = Duration::from_secs(2);

/// A line to a process and back.
pub(super) trait Wire {
    /// Sends a line.
    fn send(&mut self, line: &str) -> io::Result<()>;

    /// The next line that comes back within this time.
    fn receive(&mut self, timeout: Duration) -> Result<String, Silence>;

    /// Ends what is at the other end if it doesn't within this time, and says how it did.
    fn end(self: Box<Self>, within: Duration) -> End;
}

/// Why no line comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// Time is up.
    TimedOut,
    /// None will come any more.
    Closed,
}

/// The end of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// How it ended by itself, in words; nothing if it was ended.
    pub(super) status: Option<String>,
    /// The last lines that it printed.
    pub(super) tail: String,
}

/// What starts a process.
pub(super) type Start = Box<dyn Fn() -> io::Result<Box<dyn Wire>>>;

/// Why there is no answer. Fragments that fit behind "openvino can't run net: ".
#[derive(Debug, Error)]
pub(super) enum ServerError {
    #[error("it can't be started: {0}")]
    Start(io::Error),
    #[error("{0}")]
    Missing(String),
    /// The engine's own words: it lives on.
    #[error("{0}")]
    Refused(String),
    #[error("its process was ended after {seconds} s, the time it is given{}", said(.tail))]
    TimedOut { seconds: f64, tail: String },
    #[error("its process ended{}{}", how(.end), said(&.end.tail))]
    Ended { end: End },
    #[error("its process answered with what is no answer to what it was asked: {0}")]
    Garbage(String),
}

fn how(end: &End) -> String {
    let status = end.status.as_ref();
    status.map_or_else(String::new, |status| format!(" ({status})"))
}

fn said(tail: &str) -> String {
    match tail {
        "" => "; it printed nothing".to_owned(),
        tail => format!("; it printed: {tail}"),
    }
}

/// A process that answers requests, and another one when that is gone.
pub(super) struct Server {
    start: Start,
    timeout: Duration,
    wire: Option<Box<dyn Wire>>,
    /// How many processes there have been.
    generation: u64,
    /// Number of the last request to this process.
    request: u64,
    /// Networks that have been numbered.
    networks: u64,
}

impl Server {
    /// Nothing is started yet. No answer may take longer than the time-out.
    pub(super) fn new(start: Start, timeout: Duration) -> Self {
        Self {
            start,
            timeout,
            wire: None,
            generation: 0,
            request: 0,
            networks: 0,
        }
    }

    /// Starts a process, in the place of one that is there, and waits until it is ready.
    pub(super) fn greeting(&mut self) -> Result<Greeting, ServerError> {
        self.wire = Some((self.start)().map_err(ServerError::Start)?);
        self.generation += 1;
        self.request = 0;
        let answer = self.answer()?;
        if let Some(missing) = answer.missing {
            self.wire = None;
            return Err(ServerError::Missing(missing));
        }
        match (answer.version, answer.python) {
            (Some(version), Some(python)) => Ok(Greeting { version, python }),
            _ => Err(self.garbage("a greeting without a version")),
        }
    }

    /// A number for a network.
    pub(super) const fn number(&mut self) -> u64 {
        self.networks += 1;
        self.networks
    }

    /// Which process answers: what was loaded into another has to be loaded again. One is started where there is none.
    pub(super) fn generation(&mut self) -> Result<u64, ServerError> {
        if self.wire.is_none() {
            self.greeting()?;
        }
        Ok(self.generation)
    }

    /// Whether this process is there.
    pub(super) fn is_at(&self, generation: u64) -> bool {
        self.wire.is_some() && self.generation == generation
    }

    /// What is answered.
    pub(super) fn ask(&mut self, request: Request<'_>) -> Result<Answer, ServerError> {
        self.generation()?;
        self.request += 1;
        let line = request.line(self.request);
        let line = line.map_err(|error| ServerError::Refused(error.to_string()))?;
        let sent = self.wire.as_mut().map(|wire| wire.send(&line));
        if let Some(Err(_)) = sent {
            return Err(self.ended());
        }
        let answer = self.answer()?;
        match answer.error {
            Some(words) => Err(ServerError::Refused(words)),
            None => Ok(answer),
        }
    }

    /// The answer to the last request. A process that doesn't give it is ended.
    fn answer(&mut self) -> Result<Answer, ServerError> {
        let timeout = self.timeout;
        let received = match &mut self.wire {
            Some(wire) => wire.receive(timeout),
            None => Err(Silence::Closed),
        };
        match received {
            Ok(line) => match serde_json::from_str::<Answer>(&line) {
                Ok(answer) if answer.request == self.request => Ok(answer),
                _ => Err(self.garbage(&line)),
            },
            Err(Silence::TimedOut) => Err(ServerError::TimedOut {
                seconds: timeout.as_secs_f64(),
                tail: self.end(Duration::ZERO).tail,
            }),
            Err(Silence::Closed) => Err(self.ended()),
        }
    }

    /// Ends the process for an answer that isn't one: whatever it says next would be taken for another's.
    pub(super) fn garbage(&mut self, answer: &str) -> ServerError {
        self.end(Duration::ZERO);
        let answer = answer.trim_end();
        let shown: String = answer.chars().take(CHARACTERS_SHOWN).collect();
        let more = if shown.len() < answer.len() {
            "..."
        } else {
            ""
        };
        ServerError::Garbage(shown + more)
    }

    fn ended(&mut self) -> ServerError {
        let end = self.end(FAREWELL);
        ServerError::Ended { end }
    }

    fn end(&mut self, within: Duration) -> End {
        let end = self.wire.take().map(|wire| wire.end(within));
        end.unwrap_or(End {
            status: None,
            tail: String::new(),
        })
    }
}

/// Processes that say what they are told to.
#[cfg(test)]
pub(super) mod fake {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::rc::Rc;

    use super::*;

    pub(in super::super) const HELLO: &str =
        r#"{"request": 0, "version": "1.2", "python": "/bin/python3"}"#;

    /// What each process says in turn, and what they were told.
    #[derive(Default)]
    pub(in super::super) struct Script {
        processes: VecDeque<Vec<Result<&'static str, Silence>>>,
        pub(in super::super) told: Vec<String>,
    }

    struct FakeWire {
        script: Rc<RefCell<Script>>,
        says: VecDeque<Result<&'static str, Silence>>,
    }

    impl Wire for FakeWire {
        fn send(&mut self, line: &str) -> io::Result<()> {
            self.script
                .borrow_mut()
                .told
                .push(line.trim_end().to_owned());
            Ok(())
        }

        fn receive(&mut self, _: Duration) -> Result<String, Silence> {
            let says = self.says.pop_front().unwrap_or(Err(Silence::Closed));
            says.map(str::to_owned)
        }

        fn end(self: Box<Self>, within: Duration) -> End {
            self.script.borrow_mut().told.push("end".to_owned());
            End {
                status: (!within.is_zero()).then(|| "signal: 11".to_owned()),
                tail: "loading".to_owned(),
            }
        }
    }

    /// A server of these processes, and what it tells them.
    pub(in super::super) fn server(
        processes: &[&[Result<&'static str, Silence>]],
    ) -> (Server, Rc<RefCell<Script>>) {
        let script = Rc::new(RefCell::new(Script {
            processes: processes.iter().map(|says| says.to_vec()).collect(),
            told: Vec::new(),
        }));
        let start = {
            let script = Rc::clone(&script);
            move || -> io::Result<Box<dyn Wire>> {
                let says = script.borrow_mut().processes.pop_front();
                let says = says.ok_or_else(|| io::Error::other("no more"))?;
                Ok(Box::new(FakeWire {
                    script: Rc::clone(&script),
                    says: says.into(),
                }))
            }
        };
        (Server::new(Box::new(start), Duration::from_secs(3)), script)
    }
}

#[cfg(test)]
mod tests {
    use super::fake::{HELLO, server};
    use super::*;

    const RUN: Request<'_> = Request::Run { run: 5, count: 2 };

    #[test]
    fn requests_are_answered_in_turn() {
        let (mut server, script) = server(&[&[
            Ok(HELLO),
            Ok(r#"{"request": 1, "seconds": [0.25, 0.5]}"#),
            Ok(r#"{"request": 2, "error": "an output holds NaN"}"#),
            Ok(r#"{"request": 3, "nodes": [["a,b", "Convolution", "jit", 1e-6]]}"#),
            Ok(r#"{"request": 4, "nodes": null}"#),
        ]]);
        let greeting = server.greeting().unwrap();
        assert_eq!(greeting.version, "1.2");
        assert_eq!(greeting.python, "/bin/python3");
        let answer = server.ask(RUN).unwrap();
        assert_eq!(answer.seconds, Some(vec![0.25, 0.5]));
        // what the engine refuses ends nothing
        let refused = server.ask(RUN).unwrap_err();
        assert_eq!(refused.to_string(), "an output holds NaN");
        assert!(server.is_at(1));
        let nodes = Request::Nodes { nodes: 5, count: 9 };
        let found = server.ask(nodes).unwrap().nodes.unwrap();
        assert_eq!(found[0].0, "a,b");
        assert_eq!(server.ask(nodes).unwrap().nodes, None);
        let told = &script.borrow().told;
        assert_eq!(told.len(), 4);
        assert_eq!(told[3], r#"{"request":4,"nodes":5,"count":9}"#);
    }

    #[test]
    fn a_process_that_fails_is_ended_and_another_takes_its_place() {
        let table = [
            (
                Err(Silence::TimedOut),
                "its process was ended after 3 s, the time it is given; it printed: loading",
            ),
            (
                Err(Silence::Closed),
                "its process ended (signal: 11); it printed: loading",
            ),
            (
                Ok("INFO: hello\n"),
                "its process answered with what is no answer to what it was asked: INFO: hello",
            ),
            (
                // JSON has no such numbers
                Ok(r#"{"request": 1, "seconds": [NaN]}"#),
                "its process answered with what is no answer to what it was asked: {\"request\": 1, \"seconds\": [NaN]}",
            ),
            (
                Ok(r#"{"request": 9, "seconds": [0.5]}"#),
                "its process answered with what is no answer to what it was asked: {\"request\": 9, \"seconds\": [0.5]}",
            ),
        ];
        for (says, expected) in table {
            let (mut server, script) = server(&[
                &[Ok(HELLO), says],
                &[Ok(HELLO), Ok(r#"{"request": 1, "seconds": [0.5]}"#)],
            ]);
            assert_eq!(server.generation().unwrap(), 1);
            let error = server.ask(RUN).unwrap_err().to_string();
            assert_eq!(error, expected);
            assert!(!server.is_at(1));
            assert_eq!(script.borrow().told.last().unwrap(), "end");
            assert_eq!(server.generation().unwrap(), 2);
            assert_eq!(server.ask(RUN).unwrap().seconds, Some(vec![0.5]));
        }
    }

    #[test]
    fn a_process_that_is_of_no_use() {
        let table: [(&[Result<&'static str, Silence>], &str); 4] = [
            (
                &[Ok(r#"{"request": 0, "missing": "No module named 'ncnn'"}"#)],
                "No module named 'ncnn'",
            ),
            (
                &[Ok(r#"{"request": 0}"#)],
                "its process answered with what is no answer to what it was asked: a greeting without a version",
            ),
            (
                &[Err(Silence::Closed)],
                "its process ended (signal: 11); it printed: loading",
            ),
            (
                &[Err(Silence::TimedOut)],
                "its process was ended after 3 s, the time it is given; it printed: loading",
            ),
        ];
        for (says, expected) in table {
            let (mut server, _) = server(&[says]);
            assert_eq!(server.greeting().unwrap_err().to_string(), expected);
            assert!(!server.is_at(1));
            let error = server.ask(RUN).unwrap_err().to_string();
            assert_eq!(error, "it can't be started: no more");
        }
    }

    #[test]
    fn long_answers_are_cut_in_messages() {
        let (mut server, _) = server(&[&[Ok(HELLO)]]);
        server.greeting().unwrap();
        let error = server.garbage(&"é".repeat(500)).to_string();
        assert!(
            error.ends_with(&format!(": {}...", "é".repeat(200))),
            "{error}"
        );
    }
}
