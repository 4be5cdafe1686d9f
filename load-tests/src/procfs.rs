//! What Linux says about a process: processor time and resident memory.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
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
    let stat = Stat::of(pid)?;
    Ok((stat.user_ticks + stat.kernel_ticks) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Processor seconds of the process `pid` and of all that descend from it, those that have ended included, if their
/// parents have waited for them: of a server that is many processes, such as PostgreSQL.
pub fn family_cpu_seconds(pid: u32) -> Result<f64> {
    let mut parents = BTreeMap::<u32, Vec<u32>>::new();
    for entry in fs::read_dir("/proc")? {
        let Some(known) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end between being listed and being read.
        let Ok(stat) = Stat::of(known) else { continue };
        parents.entry(stat.parent).or_default().push(known);
    }
    let (mut family, mut next) = (vec![pid], 0);
    while let Some(member) = family.get(next) {
        family.extend(parents.get(member).into_iter().flatten().copied().collect::<Vec<_>>());
        next += 1;
    }
    let ended_ticks = |member: &u32| Stat::of(*member).map_or(0, |stat| stat.ended_children_ticks);
    let ended = family.iter().map(ended_ticks).sum::<u64>() as f64 / rustix::param::clock_ticks_per_second() as f64;
    let running: f64 = family.iter().filter_map(|member| cpu_seconds(*member).ok()).sum();
    cpu_seconds(pid).map(|_| running + ended)
}

/// What `/proc/PID/stat` says.
struct Stat {
    parent: u32,
    user_ticks: u64,
    kernel_ticks: u64,
    ended_children_ticks: u64,
}

impl Stat {
    fn of(pid: u32) -> Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} is gone"))?;
        // The second field is the name in brackets and may hold blanks; what follows the last bracket is regular.
        let (_, after_name) = stat.rsplit_once(')').context("the name in /proc/PID/stat is in brackets")?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        // Fields are counted from 1, and the first two are before the bracket.
        let number = |field: usize| {
            let text = fields.get(field - 3).copied().unwrap_or_default();
            text.parse::<u64>().with_context(|| format!("field {field} of /proc/{pid}/stat is a number"))
        };
        Ok(Self {
            parent: u32::try_from(number(4)?)?,
            user_ticks: number(14)?,
            kernel_ticks: number(15)?,
            ended_children_ticks: number(16)? + number(17)?,
        })
    }
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
    #[test]
    fn a_family_counts_its_running_and_its_ended_members() {
        use std::io::{BufRead, BufReader};
        // The shell's child works and ends; then the shell says so and waits for its input to end.
        let work = "(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done); echo done; read -r end";
        let mut child = std::process::Command::new("sh")
            .args(["-c", work])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let (alone, family) = (cpu_seconds(child.id()).unwrap(), family_cpu_seconds(child.id()).unwrap());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(family > alone + 0.03, "{family} s with its children, {alone} s alone");
        assert!(family_cpu_seconds(child.id()).is_err(), "it is gone");
    }
}
