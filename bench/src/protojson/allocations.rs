//! What protojson and its peers allocate for one message, in a program of its own: counting costs whoever allocates most.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod cases;
mod codecs;

use codecs::{Codecs, Direction};

fn main() -> anyhow::Result<()> {
    for case in cases::all()? {
        codecs::check(&case)?;
        for direction in [Direction::In, Direction::Out] {
            for codec in Codecs::new(&case, direction).all() {
                let mut out = Vec::with_capacity(case.json.len().max(case.wire.len()) * 2);
                let mut outcome = Ok(());
                let counted = allocation_counter::measure(|| outcome = (codec.run)(&mut out));
                outcome?;
                println!(
                    "allocations {}_{} {:<14} {:>5}",
                    direction.name(),
                    case.name,
                    codec.name,
                    counted.count_total
                );
            }
        }
    }
    Ok(())
}
