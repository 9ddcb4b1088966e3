//! The same network on several streams at the same time, as a server runs it.
//!
//! Each further stream is a thread with an engine of its own, its own copy of the weights in it. It runs the network that is being timed again and again,
//! from before the first timed run until another network has its turn.

use std::cell::Cell;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};

use super::{
    Clock, Engine, EngineDescription, EngineError, Model, NodeTiming, Output, Session, SystemClock,
};

/// Makes the engine of a stream, in the stream's own thread.
pub type MakeEngine = Arc<dyn Fn() -> Result<Box<dyn Engine>, EngineError> + Send + Sync>;

/// An engine that runs each network on several streams at the same time, and times one of them.
pub struct Streams {
    timed: Box<dyn Engine>,
    others: Rc<Others>,
    loaded: Cell<u64>,
}

impl Streams {
    /// So many streams of one engine.
    ///
    /// # Errors
    /// When an engine or a thread can't be had.
    pub fn new(count: NonZeroUsize, make: &MakeEngine) -> Result<Self, EngineError> {
        let timed = make()?;
        let others = (1..count.get()).map(|_| Other::start(Arc::clone(make)));
        let others: Vec<Other> = others.collect::<Result<_, _>>()?;
        for other in &others {
            other.answer()?;
        }
        Ok(Self {
            timed,
            others: Rc::new(Others {
                all: others,
                running: Cell::new(None),
            }),
            loaded: Cell::new(0),
        })
    }
}

impl Engine for Streams {
    fn description(&self) -> EngineDescription {
        self.timed.description()
    }

    /// On every stream; meanwhile none of them runs.
    fn load(&self, model: &Model, clock: &dyn Clock) -> Result<Box<dyn Session>, EngineError> {
        self.others.all_do(&|| Order::Rest)?;
        self.others.running.set(None);
        let timed = self.timed.load(model, clock)?;
        let id = self.loaded.get();
        self.loaded.set(id + 1);
        let session = StreamsSession {
            timed,
            id,
            others: Rc::clone(&self.others),
        };
        // what some of them have loaded goes away with the session
        self.others.all_do(&|| Order::Load(id, model.clone()))?;
        Ok(Box::new(session))
    }
}

/// A network on all streams.
struct StreamsSession {
    timed: Box<dyn Session>,
    id: u64,
    others: Rc<Others>,
}

impl Session for StreamsSession {
    fn run(&mut self, count: usize, clock: &dyn Clock) -> Result<Vec<f64>, EngineError> {
        self.others.turn_to(self.id)?;
        let seconds = self.timed.run(count, clock)?;
        self.others.are_running(self.id)?;
        Ok(seconds)
    }

    fn initialisation_s(&self) -> Option<f64> {
        self.timed.initialisation_s()
    }

    fn resident_bytes(&self) -> Option<u64> {
        self.timed.resident_bytes()
    }

    fn nodes(&mut self, runs: usize) -> Result<Option<Vec<NodeTiming>>, EngineError> {
        self.others.turn_to(self.id)?;
        let nodes = self.timed.nodes(runs)?;
        self.others.are_running(self.id)?;
        Ok(nodes)
    }

    fn outputs(&mut self) -> Result<Option<Vec<Output>>, EngineError> {
        self.timed.outputs()
    }
}

impl Drop for StreamsSession {
    fn drop(&mut self) {
        if self.others.running.get() == Some(self.id) {
            self.others.running.set(None);
        }
        for other in &self.others.all {
            // a thread that is gone holds nothing any more
            let _ = other.orders.send(Order::Drop(self.id));
        }
    }
}

/// The streams that aren't timed.
struct Others {
    all: Vec<Other>,
    /// The network that they run.
    running: Cell<Option<u64>>,
}

impl Others {
    /// Has them run this network, from now on.
    fn turn_to(&self, id: u64) -> Result<(), EngineError> {
        if self.running.get() != Some(id) {
            self.running.set(None);
            self.all_do(&|| Order::Run(id))?;
            self.running.set(Some(id));
        }
        Ok(())
    }

    /// Whether all of them still run this network.
    fn are_running(&self, id: u64) -> Result<(), EngineError> {
        let mut found = None;
        for other in &self.all {
            loop {
                match other.failures.try_recv() {
                    // of networks that had their turn before, nobody wants to know any more
                    Ok(failure) if failure.network != id => {}
                    Ok(failure) => found = Some(failure.error),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        found = Some(gone());
                        break;
                    }
                }
            }
        }
        found.map_or(Ok(()), |error| {
            self.running.set(None);
            Err(error)
        })
    }

    /// Gives all of them an order, and waits until each has answered; the first error counts.
    fn all_do(&self, order: &dyn Fn() -> Order) -> Result<(), EngineError> {
        for other in &self.all {
            // one that is gone doesn't answer either
            let _ = other.orders.send(order());
        }
        let answers = self.all.iter().map(Other::answer);
        // every answer is taken: none may be left for the next order
        answers.fold(Ok(()), Result::and)
    }
}

/// What a stream is told.
enum Order {
    /// Load a model under this number, and answer.
    Load(u64, Model),
    /// Run a network once, answer, and go on running it.
    Run(u64),
    /// Run nothing, and answer.
    Rest,
    /// Forget a network. No answer.
    Drop(u64),
}

/// Why a stream does nothing any more.
fn gone() -> EngineError {
    EngineError::Stream(std::io::Error::other("it has ended before its time"))
}

/// A run that failed and nobody waits for.
struct Failure {
    network: u64,
    error: EngineError,
}

/// A stream that isn't timed.
struct Other {
    orders: Sender<Order>,
    answers: Receiver<Result<(), EngineError>>,
    /// Why runs ended that nobody waits for.
    failures: Receiver<Failure>,
    thread: Option<JoinHandle<()>>,
}

impl Other {
    /// Starts it; it answers once its engine is there.
    fn start(make: MakeEngine) -> Result<Self, EngineError> {
        let (orders, receiver) = channel();
        let (answer, answers) = channel();
        let (failure, failures) = channel();
        let thread =
            thread::Builder::new().spawn(move || serve(&make, &receiver, &answer, &failure));
        Ok(Self {
            orders,
            answers,
            failures,
            thread: Some(thread.map_err(EngineError::Stream)?),
        })
    }

    fn answer(&self) -> Result<(), EngineError> {
        let answer = self.answers.recv();
        answer.unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // without orders to come, it ends
        let (nowhere, _) = channel();
        self.orders = nowhere;
        if let Some(thread) = self.thread.take() {
            // a thread of ours that panicked has nothing to tell
            let _ = thread.join();
        }
    }
}

/// What a stream's thread does until there are no orders to come.
fn serve(
    make: &MakeEngine,
    orders: &Receiver<Order>,
    answers: &Sender<Result<(), EngineError>>,
    failures: &Sender<Failure>,
) {
    // nobody waits for what can't be sent
    let answer = |result| drop(answers.send(result));
    let engine = match make() {
        Ok(engine) => engine,
        Err(error) => return answer(Err(error)),
    };
    answer(Ok(()));
    let clock = SystemClock::new();
    let mut stream = Stream {
        sessions: HashMap::new(),
        running: None,
    };
    while let Some(order) = stream.next(orders) {
        match order {
            Some(Order::Load(id, model)) => {
                stream.running = None;
                answer(engine.load(&model, &clock).map(|session| {
                    stream.sessions.insert(id, session);
                }));
            }
            Some(Order::Run(id)) => {
                stream.running = Some(id);
                answer(stream.step(&clock));
            }
            Some(Order::Rest) => {
                stream.running = None;
                answer(Ok(()));
            }
            Some(Order::Drop(id)) => {
                stream.running = stream.running.filter(|running| *running != id);
                stream.sessions.remove(&id);
            }
            None => {
                let network = stream.running.unwrap_or_default();
                if let Err(error) = stream.step(&clock) {
                    drop(failures.send(Failure { network, error }));
                }
            }
        }
    }
}

/// What a stream's thread knows.
struct Stream {
    sessions: HashMap<u64, Box<dyn Session>>,
    running: Option<u64>,
}

impl Stream {
    /// The next order, `Some(None)` where there is none and something to run; nothing at the end.
    fn next(&self, orders: &Receiver<Order>) -> Option<Option<Order>> {
        if self.running.is_none() {
            return orders.recv().ok().map(Some);
        }
        match orders.try_recv() {
            Ok(order) => Some(Some(order)),
            Err(TryRecvError::Empty) => Some(None),
            Err(TryRecvError::Disconnected) => None,
        }
    }

    /// One run of the network at hand. One that fails is run no more.
    fn step(&mut self, clock: &dyn Clock) -> Result<(), EngineError> {
        let running = self.running.and_then(|id| self.sessions.get_mut(&id));
        let ran = running.map(|session| session.run(1, clock));
        if !matches!(ran, Some(Ok(_))) {
            self.running = None;
        }
        ran.map_or(Ok(()), |seconds| seconds.map(drop))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::engine::{Conditions, Sample};

    /// What all engines of a test have seen.
    #[derive(Default)]
    struct Seen {
        engines: AtomicUsize,
        /// The networks at work now, and the most at once.
        at_work: Mutex<(Vec<String>, usize)>,
        runs: AtomicUsize,
        /// Sessions that are there.
        sessions: AtomicUsize,
    }

    struct Fake {
        seen: Arc<Seen>,
        number: usize,
    }

    struct FakeSession {
        seen: Arc<Seen>,
        network: String,
        /// Runs until it fails.
        left: usize,
    }

    fn failure(model: &str) -> EngineError {
        EngineError::Run {
            engine: "fake".to_owned(),
            model: model.to_owned(),
            reason: "broken".to_owned(),
        }
    }

    impl Engine for Fake {
        fn description(&self) -> EngineDescription {
            EngineDescription {
                name: "fake".to_owned(),
                version: None,
                detail: None,
                conditions: Conditions::default(),
                sample: Sample::Run,
            }
        }

        /// `unloadable` fails on every stream but the first, and so do runs of `unrunnable`, and those of `tired` after some.
        fn load(&self, model: &Model, _: &dyn Clock) -> Result<Box<dyn Session>, EngineError> {
            let is_other = self.number > 0;
            if model.name() == "unloadable" && is_other {
                return Err(failure(model.name()));
            }
            self.seen.sessions.fetch_add(1, Ordering::SeqCst);
            Ok(Box::new(FakeSession {
                seen: Arc::clone(&self.seen),
                network: model.name().to_owned(),
                left: match model.name() {
                    "unrunnable" if is_other => 0,
                    "tired" if is_other => 3,
                    _ => usize::MAX,
                },
            }))
        }
    }

    impl Session for FakeSession {
        fn run(&mut self, count: usize, _: &dyn Clock) -> Result<Vec<f64>, EngineError> {
            for _ in 0..count {
                if self.left == 0 {
                    return Err(failure(&self.network));
                }
                self.left -= 1;
                {
                    let mut at_work = self.seen.at_work.lock().unwrap();
                    at_work.0.push(self.network.clone());
                    at_work.1 = at_work.1.max(at_work.0.len());
                }
                thread::sleep(Duration::from_millis(2));
                let mut at_work = self.seen.at_work.lock().unwrap();
                let place = at_work.0.iter().position(|name| *name == self.network);
                at_work.0.remove(place.unwrap());
                self.seen.runs.fetch_add(1, Ordering::SeqCst);
            }
            Ok(vec![0.002; count])
        }

        fn initialisation_s(&self) -> Option<f64> {
            None
        }

        fn resident_bytes(&self) -> Option<u64> {
            None
        }
    }

    impl Drop for FakeSession {
        fn drop(&mut self) {
            self.seen.sessions.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn streams(count: usize) -> (Result<Streams, EngineError>, Arc<Seen>) {
        let seen = Arc::new(Seen::default());
        let own = Arc::clone(&seen);
        let make: MakeEngine = Arc::new(move || {
            Ok(Box::new(Fake {
                number: own.engines.fetch_add(1, Ordering::SeqCst),
                seen: Arc::clone(&own),
            }))
        });
        (Streams::new(NonZeroUsize::new(count).unwrap(), &make), seen)
    }

    fn model(name: &str) -> Model {
        Model::from_bytes(name, [])
    }

    #[test]
    fn the_same_network_runs_on_all_streams_and_one_is_timed() {
        let (streams, seen) = streams(3);
        let streams = streams.unwrap();
        let clock = SystemClock::new();
        let mut a = streams.load(&model("a"), &clock).unwrap();
        let mut b = streams.load(&model("b"), &clock).unwrap();
        assert_eq!(seen.sessions.load(Ordering::SeqCst), 6);
        assert_eq!(seen.runs.load(Ordering::SeqCst), 0);
        for turn in 0..3 {
            let session = if turn == 1 { &mut b } else { &mut a };
            assert_eq!(session.run(10, &clock).unwrap(), [0.002; 10]);
        }
        // the others ran beside, one each at any time
        assert!(seen.runs.load(Ordering::SeqCst) > 3 * 10 + 2 * 10);
        assert_eq!(seen.at_work.lock().unwrap().1, 3);
        // when something is loaded, they rest
        let _c = streams.load(&model("c"), &clock).unwrap();
        let runs = seen.runs.load(Ordering::SeqCst);
        thread::sleep(Duration::from_millis(10));
        assert_eq!(seen.runs.load(Ordering::SeqCst), runs);
        drop((a, b));
        drop(streams);
    }

    #[test]
    fn nothing_is_left_when_it_is_dropped() {
        let (streams, seen) = streams(2);
        let streams = streams.unwrap();
        let clock = SystemClock::new();
        let mut session = streams.load(&model("a"), &clock).unwrap();
        session.run(1, &clock).unwrap();
        // in whatever order
        drop(streams);
        drop(session);
        assert_eq!(seen.sessions.load(Ordering::SeqCst), 0);
        let runs = seen.runs.load(Ordering::SeqCst);
        thread::sleep(Duration::from_millis(10));
        assert_eq!(seen.runs.load(Ordering::SeqCst), runs);
    }

    #[test]
    fn what_fails_on_another_stream_is_an_error_of_that_network() {
        let (streams, seen) = streams(3);
        let streams = streams.unwrap();
        let clock = SystemClock::new();
        let error = streams.load(&model("unloadable"), &clock).err().unwrap();
        assert_eq!(error.to_string(), "fake can't run unloadable: broken");
        let mut bad = streams.load(&model("unrunnable"), &clock).unwrap();
        for _ in 0..2 {
            let error = bad.run(1, &clock).unwrap_err();
            assert_eq!(error.to_string(), "fake can't run unrunnable: broken");
        }
        let mut tired = streams.load(&model("tired"), &clock).unwrap();
        let error = (0..1000).find_map(|_| tired.run(1, &clock).err());
        assert_eq!(error.unwrap().to_string(), "fake can't run tired: broken");
        let mut good = streams.load(&model("a"), &clock).unwrap();
        good.run(3, &clock).unwrap();
        drop((bad, tired, good, streams));
        assert_eq!(seen.sessions.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn an_engine_that_can_not_be_had() {
        let make: MakeEngine = Arc::new(|| Err(failure("nothing")));
        let found = Streams::new(NonZeroUsize::new(2).unwrap(), &make);
        assert!(found.is_err());
        // only the first can be had
        let count = AtomicUsize::new(0);
        let make: MakeEngine = Arc::new(move || match count.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(Box::new(Fake {
                seen: Arc::new(Seen::default()),
                number: 0,
            })),
            _ => Err(failure("nothing")),
        });
        assert!(Streams::new(NonZeroUsize::new(3).unwrap(), &make).is_err());
    }
}
