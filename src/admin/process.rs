//! What Prometheus' own libraries tell of a process, under the names that they give it. Read anew for each scrape; where the system does
//! not tell, the metric is missing.

use std::fmt;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use rustix::time::{ClockId, clock_gettime};

/// Shows this process, and which version it is.
pub(super) fn register(registry: &mut Registry) {
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    registry.register("postern_build", "The version that runs", Info::new(version));
    registry.register_collector(Box::new(Process {
        start: SystemTime::now(),
    }));
}

#[derive(Debug)]
struct Process {
    start: SystemTime,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        #[allow(clippy::cast_precision_loss, reason = "a process does not run for so long")]
        let cpu_seconds = cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9;
        let help = "CPU time used, by all threads";
        let metric = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
        ConstCounter::new(cpu_seconds).encode(metric)?;

        let start = self.start.duration_since(UNIX_EPOCH).unwrap_or_default();
        let gauges = [
            (
                "process_start_time_seconds",
                "When it started, since the Unix epoch",
                i64::try_from(start.as_secs()).ok(),
            ),
            ("process_resident_memory_bytes", "Memory in use", resident_bytes()),
            (
                "process_open_fds",
                "Files and sockets that are open",
                open_files(),
            ),
            (
                "process_max_fds",
                "How many of them there may be",
                open_files_max(),
            ),
        ];
        for (name, help, value) in gauges {
            let Some(value) = value else { continue };
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)?;
        }
        Ok(())
    }
}

/// `VmRSS:    1234 kB`
fn resident_bytes() -> Option<i64> {
    let kibibytes: i64 = word("/proc/self/status", "VmRSS:")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// `Max open files            1024                 524288               files`
fn open_files_max() -> Option<i64> {
    word("/proc/self/limits", "Max open files")?.parse().ok()
}

fn open_files() -> Option<i64> {
    let files = fs::read_dir("/proc/self/fd").ok()?.count();
    // The folder that is read here is one of them.
    i64::try_from(files.saturating_sub(1)).ok()
}

/// The first word behind the start of a line of a file.
fn word(file: &str, start: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(start))?;
    line.split_whitespace().next().map(str::to_owned)
}
