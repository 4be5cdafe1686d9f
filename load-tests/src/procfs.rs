//! What Linux says about a process: processor time and resident memory.

use anyhow::{Context, Result};
use std::fs;

/// Processor seconds that the process `pid` has used, in user and kernel mode.
///
/// Sums the scheduler's nanoseconds over all threads; `/proc/PID/stat` only counts in steps of 10 ms. A thread that has
/// ended is in `stat` alone, so the larger of both counts.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let by_ticks = cpu_seconds_by_ticks(pid)?;
    let mut nanos = 0_u64;
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("threads of process {pid}"))?;
    for task in tasks {
        // A thread may end between being listed and being read.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        nanos += text.split_whitespace().next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
    }
    let by_schedule = nanos as f64 / 1e9;
    // Ticks round; the finer count is only doubted when it misses more than rounding explains.
    Ok(if by_ticks > by_schedule + 0.1 { by_ticks } else { by_schedule })
}

fn cpu_seconds_by_ticks(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} is gone"))?;
    // The second field is the name in brackets and may hold blanks; what follows the last bracket is regular.
    let (_, after_name) = stat.rsplit_once(')').context("the name in /proc/PID/stat is in brackets")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok());
    let (user, kernel) = ticks(11).zip(ticks(12)).context("fields 14 and 15 of /proc/PID/stat are times")?;
    Ok((user + kernel) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Bytes of memory of the process `pid` that are resident.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("process {pid} is gone"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("/proc/PID/status has VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().context("VmRSS is in kB")?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_as_processor_time_and_memory_as_resident() {
        let me = std::process::id();
        let (cpu, resident) = (cpu_seconds(me).unwrap(), resident_bytes(me).unwrap());
        let mut kept: Vec<u64> = Vec::new();
        while cpu_seconds(me).unwrap() < cpu + 0.05 {
            kept.extend(0..100_000);
        }
        assert!(resident_bytes(me).unwrap() > resident, "{} numbers are kept", kept.len());
    }
}
