//! The cores of the pipeline: which they are, and what else runs there.

use super::super::cores::{self, Cores};
use super::super::facts::{Facts, Interrupt};
use super::super::finding::{Finding, Topic};
use super::{sysctl, sysctl_line, sysctl_wanted};

/// What irqbalance is told with, by the script as well.
const IRQBALANCE_FILE: &str = "/etc/systemd/system/irqbalance.service.d/90-tidegate.conf";

/// Interrupts named in a table.
const NAMED_MAX: usize = 3;

/// Where every stage is on one core with everything else, nothing can be kept apart.
fn nothing_to_keep_apart(name: &'static str) -> Finding {
    Finding::cannot_tell(name, "one core for everything: the node pins nothing, so nothing can be kept off its core")
        .advice("two cores for `fused`, six or more for `pinned`")
}

impl Facts {
    /// [`Facts::cores_option`], where there are any.
    pub(super) fn cores_option_or_none(&self) -> String {
        if self.pipeline_cores().is_empty() { String::new() } else { self.cores_option() }
    }

    /// The parameters that keep the pipeline's cores free.
    fn isolation_parameters(&self) -> String {
        let (own, others) = (cores::show(&self.pipeline_cores()), cores::show(&self.other_cores()));
        format!("isolcpus=managed_irq,domain,{own} nohz_full={own} rcu_nocbs={own} irqaffinity={others}")
    }
}

/// Whether the node pins its threads to cores that are there, and to the isolated ones.
pub(super) fn core_plan(facts: &Facts) -> Finding {
    const NAME: &str = "core-plan";
    let (plan, own) = facts.plan_now();
    if own.is_empty() {
        return nothing_to_keep_apart(NAME);
    }
    let all = facts.online().iter().next_back().copied().unwrap_or(0);
    let told = format!("{} on cores {}, of {} that it may use", plan.as_str(), cores::show(&own), facts.available);
    if facts.hides_isolated() {
        let (wanted, on) = facts.plan();
        return Finding::hurts(NAME, format!("{told}; the isolated {} are not among them", cores::show(&facts.isolated())))
            .costs(
                format!(
                    "{} cores stand idle, and the pipeline runs beside everything else; with all cores it would be {} on {}",
                    facts.isolated().len(),
                    wanted.as_str(),
                    cores::show(&on)
                ),
                "Cpus_allowed_list of this process, and the node's core plan",
            )
            .script(Topic::Limits, &facts.cores_option_or_none())
            .shell(format!("taskset -c 0-{all} tidegate node --config FILE"));
    }
    let missing = &own - &facts.allowed();
    if !missing.is_empty() {
        return Finding::hurts(NAME, format!("{told}; {} of these are not its own", cores::show(&missing)))
            .costs(
                "threads that the kernel refuses to pin wander between cores, with cold caches after each move",
                "the node counts its cores down from the number of them, whatever their own numbers are",
            )
            .advice("give the node cores that are numbered from 0 without a hole (CPUAffinity=, cpuset, smt)");
    }
    let idle = &facts.isolated() - &own;
    if !idle.is_empty() {
        return Finding::hurts(NAME, format!("{told}; isolated, and not used by it: {}", cores::show(&idle)))
            .costs(
                format!("{} cores stand idle", idle.len()),
                "/sys/devices/system/cpu/isolated, and the node's core plan",
            )
            .script(Topic::Boot, &facts.cores_option_or_none())
            .kernel_parameter(facts.isolation_parameters());
    }
    Finding::good(NAME, told)
}

/// Whether the scheduler leaves the pipeline's cores alone.
pub(super) fn isolation(facts: &Facts) -> Finding {
    const NAME: &str = "isolation";
    let own = facts.pipeline_cores();
    if own.is_empty() {
        return nothing_to_keep_apart(NAME);
    }
    let open = &own - &facts.isolated();
    if open.is_empty() {
        return Finding::good(NAME, format!("cores {} are isolated", cores::show(&own)));
    }
    let slice = facts.files.number("/sys/kernel/debug/sched/base_slice_ns");
    let (cost, source) = match slice {
        Some(ns) => (
            format!("a thread that the scheduler puts there takes the core for {:.1} ms at a time", ns as f64 / 1e6),
            "/sys/kernel/debug/sched/base_slice_ns",
        ),
        None => (
            "a thread that the scheduler puts there takes the core for its slice: 0.7 ms with one core to 2.8 ms with eight".into(),
            "the scheduler's default slice; `--measure` takes what this host does",
        ),
    };
    Finding::hurts(NAME, format!("cores {} are open to every thread", cores::show(&open)))
        .costs(cost, source)
        .script(Topic::Boot, &facts.cores_option())
        .kernel_parameter(facts.isolation_parameters())
}

/// Whether the timer tick and RCU's callbacks stay off the pipeline's cores.
pub(super) fn tick(facts: &Facts) -> Finding {
    const NAME: &str = "timer-tick";
    let own = facts.pipeline_cores();
    if own.is_empty() {
        return nothing_to_keep_apart(NAME);
    }
    let full = facts.list("/sys/devices/system/cpu/nohz_full");
    let quiet = facts.boot("rcu_nocbs").and_then(|text| cores::parse(&text)).unwrap_or_default();
    // nohz_full takes the callbacks along.
    let ticking = &own - &full;
    let calling = &(&own - &quiet) - &full;
    if ticking.is_empty() && calling.is_empty() {
        return Finding::good(NAME, format!("off on cores {}", cores::show(&own)));
    }
    let timer = facts.interrupts().into_iter().find(|line| line.name == "LOC");
    let rate = timer.zip(facts.uptime_s()).map(|(line, seconds)| line.on(&ticking) as f64 / seconds / own.len() as f64);
    let (cost, source) = match rate {
        Some(rate) => (
            format!("{rate:.0} timer interrupts a second on each of these cores, some µs each"),
            "LOC in /proc/interrupts since the machine was started",
        ),
        None => {
            ("100 to 1,000 timer interrupts a second on each core, some µs each".into(), "CONFIG_HZ of usual kernels")
        }
    };
    let finding = Finding::hurts(NAME, format!("ticks on cores {}", cores::show(&ticking))).costs(cost, source);
    if !facts.files.path("/sys/devices/system/cpu/nohz_full").exists() {
        return finding.advice("this kernel cannot do without: take one with CONFIG_NO_HZ_FULL");
    }
    finding.script(Topic::Boot, &facts.cores_option()).kernel_parameter(facts.isolation_parameters())
}

/// Whether devices interrupt the pipeline's cores.
pub(super) fn interrupts(facts: &Facts) -> Finding {
    const NAME: &str = "interrupts";
    let own = facts.pipeline_cores();
    if own.is_empty() {
        return nothing_to_keep_apart(NAME);
    }
    let all: Vec<Interrupt> = facts
        .interrupts()
        .into_iter()
        .filter(|line| line.name.bytes().all(|letter| letter.is_ascii_digit()) && line.counts.values().sum::<u64>() > 0)
        .collect();
    if all.is_empty() {
        return Finding::cannot_tell(NAME, "/proc/interrupts names no device");
    }
    let mut there: Vec<(u64, &Interrupt)> = all
        .iter()
        .filter(|line| !affinity(facts, &line.name).is_disjoint(&own))
        .map(|line| (line.on(&own), line))
        .collect();
    if there.is_empty() {
        return Finding::good(NAME, format!("none of {} comes to cores {}", all.len(), cores::show(&own)));
    }
    there.sort_by_key(|(count, line)| (std::cmp::Reverse(*count), line.name.clone()));
    let named: Vec<String> =
        there.iter().take(NAMED_MAX).map(|(count, line)| format!("{} {} ({count})", line.name, line.what)).collect();
    let more = there.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let total: u64 = there.iter().map(|(count, _)| count).sum();
    let cost = match facts.uptime_s() {
        Some(seconds) => format!("{:.1} a second on these cores; each takes one for some µs", total as f64 / seconds),
        None => format!("{total} so far on these cores; each takes one for some µs"),
    };
    Finding::hurts(NAME, format!("come to cores {}: {}{more}", cores::show(&own), named.join(", ")))
        .costs(cost, "/proc/interrupts since the machine was started")
        .script(Topic::Irqs, &facts.cores_option())
        .shell(format!(
            "echo {} | sudo tee /proc/irq/{}/smp_affinity_list",
            cores::show(&facts.other_cores()),
            there[0].1.name
        ))
        .kernel_parameter(format!("irqaffinity={}", cores::show(&facts.other_cores())))
}

/// Where an interrupt goes, or where it may go if the kernel does not say more.
fn affinity(facts: &Facts, interrupt: &str) -> Cores {
    let effective = facts.list(&format!("/proc/irq/{interrupt}/effective_affinity_list"));
    if effective.is_empty() { facts.list(&format!("/proc/irq/{interrupt}/smp_affinity_list")) } else { effective }
}

/// Whether a daemon moves interrupts back.
pub(super) fn irqbalance(facts: &Facts) -> Finding {
    const NAME: &str = "irqbalance";
    if facts.running(&["irqbalance"]).is_none() {
        return Finding::good(NAME, "does not run");
    }
    let own = facts.pipeline_cores();
    // What is isolated it leaves alone by itself.
    let spared = &facts.isolated() | &facts.list("/sys/devices/system/cpu/nohz_full");
    let file = facts.files.text(IRQBALANCE_FILE).unwrap_or_default();
    let told = file.lines().find_map(|line| line.trim_matches('"').split_once("IRQBALANCE_BANNED_CPULIST="));
    let told = told.and_then(|(_, list)| cores::parse(list.trim_matches('"'))).unwrap_or_default();
    let open = &own - &(&spared | &told);
    if open.is_empty() {
        return Finding::good(NAME, "runs, and leaves the pipeline's cores alone");
    }
    Finding::hurts(NAME, format!("runs, and may use cores {}", cores::show(&open)))
        .costs("every 10 s it may move interrupts to these cores", "irqbalance(1): its interval unless told otherwise")
        .script(Topic::Irqbalance, &facts.cores_option())
        .shell("sudo systemctl disable --now irqbalance")
}

/// The kernel's own look whether a core hangs.
pub(super) fn watchdog(facts: &Facts) -> Finding {
    const NAME: &str = "watchdog";
    let keys = ["kernel.watchdog", "kernel.nmi_watchdog"];
    let on: Vec<&str> =
        keys.into_iter().filter(|key| sysctl(facts, key).is_some_and(|now| now != sysctl_wanted(key))).collect();
    if keys.iter().all(|key| sysctl(facts, key).is_none()) {
        return Finding::cannot_tell(NAME, "this kernel has no switch for it");
    }
    if on.is_empty() {
        return Finding::good(NAME, "off");
    }
    // The kernel looks five times in the time after which it calls a core hung, which is twice the threshold.
    let seconds = sysctl(facts, "kernel.watchdog_thresh").unwrap_or(10) as f64 * 2.0 / 5.0;
    let lines: Vec<String> = on.iter().map(|key| sysctl_line(key)).collect();
    Finding::hurts(NAME, format!("on: {}", on.join(", ")))
        .costs(
            format!("every {seconds} s it stops each core for a thread of its own, some µs; it is what reports a core that hangs"),
            "kernel.watchdog_thresh, of which it takes two fifths",
        )
        .script(Topic::Sysctl, "")
        .shell(lines.join(" && "))
        .kernel_parameter("nowatchdog")
}
