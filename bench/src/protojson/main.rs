//! protojson against its peers, both directions, in one run: prost-reflect's `DynamicMessage` and pbjson's generated code.
//!
//! First all of them are made sure to read and print the same. Then they take turns in many short rounds, so that whatever
//! else the machine does falls on each alike; a figure is the median of the rounds, a ratio the median of the rounds' own.
//! Ends in lines `ratio <name> <value> <goal>`, where a value is the peer's time by ours.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod cases;
mod codecs;
mod rounds;

use cases::Case;
use codecs::{Codecs, Direction};
use rounds::Figures;

/// Each case against prost-reflect, and all of them together.
const REFLECT_GOAL_EACH: f64 = 4.0;
const REFLECT_GOAL_ALL: f64 = 6.0;
/// Each case against pbjson.
const PBJSON_GOAL: f64 = 1.5;

fn main() -> anyhow::Result<()> {
    let mut measured = Vec::new();
    for case in cases::all()? {
        codecs::check(&case)?;
        for direction in [Direction::In, Direction::Out] {
            let codecs = Codecs::new(&case, direction);
            let figures = rounds::measure(&codecs)?;
            let name = format!("{}_{}", direction.name(), case.name);
            print_figures(&name, &case, &figures);
            measured.push((name, figures));
        }
    }
    print_ratios(&measured);
    Ok(())
}

fn print_figures(name: &str, case: &Case, figures: &Figures) {
    println!(
        "{name}: {} bytes of JSON, {} on the wire",
        case.json.len(),
        case.wire.len()
    );
    for figure in &figures.all {
        println!("  {:<14} {:>9.2} µs", figure.name, figure.microseconds);
    }
}

fn print_ratios(measured: &[(String, Figures)]) {
    for (name, figures) in measured {
        println!(
            "ratio {name}_vs_prost_reflect {:.2} >={REFLECT_GOAL_EACH}",
            figures.to_reflect
        );
        println!("ratio {name}_vs_pbjson {:.2} >={PBJSON_GOAL}", figures.to_pbjson);
    }
    let logarithms: f64 = measured.iter().map(|(_, figures)| figures.to_reflect.ln()).sum();
    let mean = (logarithms / measured.len() as f64).exp();
    println!("ratio protojson_vs_prost_reflect_geometric_mean {mean:.2} >={REFLECT_GOAL_ALL}");
}
