//! Figures of this process, read from the system at each scrape; absent where the system has no `/proc`.

use std::fs;

use opentelemetry::metrics::Meter;

use crate::catalogue::{HEAP_AVAILABLE, HEAP_USED, PROCESS_CPU, PROCESS_LIMIT, PROCESS_RESIDENT, PROCESS_START};
use crate::instruments::fixed;

/// Linux shows times to programs in hundredths of a second, whatever the kernel uses inside (`proc(5)`, USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;
/// Control groups of version 1 show "no limit" as a number of this size.
const NO_LIMIT: u64 = 1 << 60;

/// Registers the process metrics; their callbacks run at each scrape.
pub(crate) fn observe(meter: &Meter, legacy_aliases: bool) {
    if resident_bytes().is_none() {
        return;
    }
    let cpu = meter.f64_observable_counter(PROCESS_CPU.name).with_description(PROCESS_CPU.help);
    cpu.with_callback(|observer| {
        if let Some(seconds) = cpu_seconds() {
            observer.observe(seconds, &[]);
        }
    })
    .build();
    let start = meter.f64_observable_gauge(PROCESS_START.name).with_description(PROCESS_START.help);
    let started = start_seconds();
    start
        .with_callback(move |observer| {
            if let Some(seconds) = started {
                observer.observe(seconds, &[]);
            }
        })
        .build();
    for (used, limit, labels) in
        [(&PROCESS_RESIDENT, &PROCESS_LIMIT, &[][..]), (&HEAP_USED, &HEAP_AVAILABLE, &[fixed("space", "rust")][..])]
    {
        if labels.is_empty() || legacy_aliases {
            bytes(meter, used, labels, resident_bytes);
            bytes(meter, limit, labels, limit_bytes);
        }
    }
}

fn bytes(meter: &Meter, row: &crate::catalogue::Metric, labels: &[opentelemetry::KeyValue], read: fn() -> Option<u64>) {
    let labels = labels.to_vec();
    let gauge = meter.u64_observable_gauge(row.name).with_description(row.help);
    gauge
        .with_callback(move |observer| {
            if let Some(bytes) = read() {
                observer.observe(bytes, &labels);
            }
        })
        .build();
}

fn resident_bytes() -> Option<u64> {
    resident_in(&fs::read_to_string("/proc/self/status").ok()?)
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (user, system) = (field(&stat, 14)?, field(&stat, 15)?);
    Some((user + system) / TICKS_PER_SECOND)
}

fn start_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let system = fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot + field(&stat, 22)? / TICKS_PER_SECOND)
}

fn limit_bytes() -> Option<u64> {
    let files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let text = files.iter().find_map(|file| fs::read_to_string(file).ok())?;
    text.trim().parse().ok().filter(|bytes| *bytes < NO_LIMIT)
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Field `number` of `/proc/self/stat`, counted from 1 as `proc(5)` does. The second field is a name in parentheses
/// that may hold spaces.
fn field(stat: &str, number: usize) -> Option<f64> {
    let after_name = stat.rsplit_once(')')?.1;
    after_name.split_ascii_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_the_name() {
        let stat = "42 (a b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 1 0 98765 1 2";
        assert_eq!(field(stat, 14), Some(150.0));
        assert_eq!(field(stat, 15), Some(50.0));
        assert_eq!(field(stat, 22), Some(98765.0));
        assert_eq!(field("nonsense", 14), None);
    }

    #[test]
    fn resident_memory_is_in_kilobytes() {
        assert_eq!(resident_in("Name:\tx\nVmRSS:\t   2048 kB\n"), Some(2_097_152));
        assert_eq!(resident_in("Name:\tx\n"), None);
    }
}
