//! What was measured: a table of medians, and the ratios beside their goals.

use std::collections::BTreeMap;

/// (case, against, goal): at most so many times the bare proxy, at least so many times less than a peer.
const GOALS: [(&str, &str, f64); 5] = [
    ("small_get", "bare", 1.5),
    ("small_get", "gateway", 2.0),
    ("post_640", "gateway", 5.0),
    ("list_64k", "gateway", 10.0),
    ("stream_100", "gateway", 8.0),
];

/// Microseconds by case and proxy, one for every round.
#[derive(Debug, Default)]
pub(crate) struct Report(BTreeMap<(&'static str, &'static str), Vec<f64>>);

impl Report {
    pub(crate) fn add(&mut self, case: &'static str, proxy: &'static str, micros: f64) {
        self.0.entry((case, proxy)).or_default().push(micros);
    }

    pub(crate) fn print(&self) {
        println!("CPU microseconds per request, median (min-max) of the rounds:");
        for ((case, proxy), micros) in &self.0 {
            let (min, max) = micros.iter().fold((f64::MAX, 0_f64), |(min, max), value| {
                (min.min(*value), max.max(*value))
            });
            println!(
                "  {case:<12} {proxy:<10} {:>9.1}  ({min:.1}-{max:.1})",
                median(micros)
            );
        }
        for (case, against, goal) in GOALS {
            let (Some(edge), Some(other)) = (self.0.get(&(case, "edge")), self.0.get(&(case, against)))
            else {
                continue;
            };
            // Round by round, so that what slows the machine down slows both.
            match against {
                "bare" => println!(
                    "ratio edge_{case}_of_bare {:.2} <={goal}",
                    median(&ratios(edge, other))
                ),
                _ => println!(
                    "ratio {against}_{case}_of_edge {:.2} >={goal}",
                    median(&ratios(other, edge))
                ),
            }
        }
    }
}

fn ratios(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| one / other).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
