//! Turns of short rounds, and what they come to.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::codecs::{Codec, Codecs};

const ROUNDS: usize = 61;
/// One contender's turn in a round takes about this long.
const TURN: Duration = Duration::from_millis(4);
/// Runs before anything counts.
const WARM_UP: Duration = Duration::from_millis(100);

/// What one case came to.
pub(crate) struct Figures {
    pub(crate) all: Vec<Figure>,
    /// The peers' time by ours.
    pub(crate) to_reflect: f64,
    pub(crate) to_pbjson: f64,
}

/// What one contender came to.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) microseconds: f64,
}

pub(crate) fn measure(codecs: &Codecs<'_>) -> anyhow::Result<Figures> {
    let mut turns = Vec::new();
    for codec in codecs.all() {
        turns.push(Turn::new(codec)?);
    }
    for _ in 0..ROUNDS {
        for turn in &mut turns {
            turn.take()?;
        }
    }
    let to = |peer: &Turn<'_>| {
        let rounds = peer.microseconds.iter().zip(&turns[0].microseconds);
        median(rounds.map(|(peer, ours)| peer / ours).collect())
    };
    Ok(Figures {
        to_reflect: to(&turns[1]),
        to_pbjson: to(&turns[2]),
        all: turns.iter().map(Turn::figure).collect(),
    })
}

/// One contender, its buffer and the time per run of each round.
struct Turn<'a> {
    codec: &'a Codec<'a>,
    out: Vec<u8>,
    runs: u32,
    microseconds: Vec<f64>,
}

impl<'a> Turn<'a> {
    fn new(codec: &'a Codec<'a>) -> anyhow::Result<Self> {
        let mut turn = Self {
            codec,
            out: Vec::new(),
            runs: 0,
            microseconds: Vec::new(),
        };
        let start = Instant::now();
        let mut runs: u128 = 0;
        while start.elapsed() < WARM_UP {
            turn.run()?;
            runs += 1;
        }
        turn.runs = (runs * TURN.as_millis() / WARM_UP.as_millis())
            .try_into()
            .unwrap_or(1)
            .max(1);
        Ok(turn)
    }

    fn take(&mut self) -> anyhow::Result<()> {
        let start = processor_microseconds();
        for _ in 0..self.runs {
            self.run()?;
        }
        let microseconds = processor_microseconds() - start;
        self.microseconds.push(microseconds / f64::from(self.runs));
        Ok(())
    }

    fn run(&mut self) -> anyhow::Result<()> {
        self.out.clear();
        (self.codec.run)(&mut self.out)?;
        std::hint::black_box(&self.out);
        Ok(())
    }

    fn figure(&self) -> Figure {
        Figure {
            name: self.codec.name,
            microseconds: median(self.microseconds.clone()),
        }
    }
}

/// What this thread has used of a processor: the machine's other work does not count.
fn processor_microseconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
