//! The processor: clock, sleep, siblings, and who else uses it.

use super::super::cores::{self, Cores};
use super::super::facts::Facts;
use super::super::finding::{Finding, Topic};

const CPU: &str = "/sys/devices/system/cpu";

/// Waking from a state that takes longer than this costs more than the node's own work on an order, in microseconds.
const IDLE_LATENCY_MAX_US: u64 = 10;

/// Share of the processor's time that a hypervisor may take before it is said, of ten thousand.
const STEAL_MAX_PER_10_000: u64 = 10;

/// The frequency governor of every core.
pub(super) fn governor(facts: &Facts) -> Finding {
    const NAME: &str = "governor";
    let governor = |core: &usize| {
        let text = facts.files.text(&format!("{CPU}/cpu{core}/cpufreq/scaling_governor"))?;
        Some((*core, text))
    };
    let governors: Vec<(usize, String)> = facts.online().iter().filter_map(governor).collect();
    let Some((_, first)) = governors.first() else {
        let why = if facts.is_virtual() {
            "the kernel has no say here: the hypervisor's host sets the clock"
        } else {
            "the kernel has no frequency driver: the firmware sets the clock"
        };
        return Finding::cannot_tell(NAME, why).advice(
            "ask for the governor `performance` on the hypervisor's host, or set the firmware's power profile to performance",
        );
    };
    let slow: Vec<&(usize, String)> = governors.iter().filter(|(_, name)| name != "performance").collect();
    let Some((core, name)) = slow.first() else {
        return Finding::good(NAME, format!("{first} on {} cores", governors.len()));
    };
    let cores: Cores = slow.iter().map(|(core, _)| *core).collect();
    let frequency = |file: &str| facts.files.number(&format!("{CPU}/cpu{core}/cpufreq/{file}"));
    let (cost, source) = match (frequency("cpuinfo_min_freq"), frequency("cpuinfo_max_freq")) {
        (Some(min), Some(max)) if min > 0 => (
            format!(
                "after a pause a core runs at down to {} of {} MHz, {:.1} times slower, until the governor reacts",
                min / 1_000,
                max / 1_000,
                max as f64 / min as f64
            ),
            format!("cpuinfo_min_freq, cpuinfo_max_freq of core {core}"),
        ),
        _ => {
            ("after a pause a core runs slower until the governor reacts".to_owned(), "no frequencies here".to_owned())
        }
    };
    Finding::hurts(NAME, format!("{name} on cores {}", cores::show(&cores)))
        .costs(cost, source)
        .script(Topic::Governor, "")
        .shell(format!("echo performance | sudo tee {CPU}/cpu*/cpufreq/scaling_governor"))
}

/// Clocks above the nominal one: a matter of taste, so never wrong.
pub(super) fn boost(facts: &Facts) -> Finding {
    const NAME: &str = "boost";
    let is_on = facts.files.number(&format!("{CPU}/cpufreq/boost")).map(|value| value == 1);
    let is_on = is_on.or_else(|| facts.files.number(&format!("{CPU}/intel_pstate/no_turbo")).map(|value| value == 0));
    match is_on {
        Some(true) => Finding::good(NAME, "on: quicker, and the clock varies with heat and with busy neighbours"),
        Some(false) => Finding::good(NAME, "off: a steady clock, below the quickest"),
        None => Finding::cannot_tell(NAME, "the kernel has no switch for it here"),
    }
}

/// How long a core takes to wake up.
pub(super) fn idle_states(facts: &Facts) -> Finding {
    const NAME: &str = "idle-states";
    let hidden = || {
        Finding::cannot_tell(
            NAME,
            "a core that sleeps goes back to the hypervisor, whose host chooses how deep it sleeps",
        )
        .advice("`idle = \"spin\"` under [pipeline]: a core that spins does not sleep")
    };
    // Somebody may hold all cores awake: a file of four bytes.
    let held = std::fs::read(facts.files.path("/dev/cpu_dma_latency")).ok();
    let held = held.and_then(|bytes| bytes.get(..4)?.try_into().ok()).map(i32::from_le_bytes);
    if let Some(us) = held.and_then(|us| u64::try_from(us).ok()).filter(|us| *us <= IDLE_LATENCY_MAX_US) {
        return Finding::good(NAME, format!("a process holds /dev/cpu_dma_latency at {us} µs"));
    }
    let pipeline = facts.pipeline_cores();
    let looked_at = if pipeline.is_empty() { facts.online() } else { pipeline };
    let states: Vec<(usize, String, u64)> = looked_at.iter().flat_map(|core| states_of(facts, *core)).collect();
    let Some((core, name, us)) = states.iter().max_by_key(|(_, _, us)| *us) else {
        return if facts.is_virtual() {
            hidden()
        } else {
            Finding::cannot_tell(NAME, "the kernel has no idle driver: the firmware decides")
                .advice("switch C-states off in the firmware, or `idle = \"spin\"` under [pipeline]")
        };
    };
    if *us > IDLE_LATENCY_MAX_US {
        return Finding::hurts(NAME, format!("{name} takes {us} µs to wake from, on core {core}"))
            .costs(
                format!("an order that comes after a pause waits up to {us} µs more; threads that spin do not sleep"),
                "cpuidle/state*/latency, as the driver tells it",
            )
            .script(Topic::Idle, &facts.cores_option_or_none())
            .kernel_parameter("intel_idle.max_cstate=1 processor.max_cstate=1");
    }
    if facts.is_virtual() {
        hidden()
    } else {
        Finding::good(NAME, format!("none takes more than {us} µs to wake from"))
    }
}

/// States of a core that are not switched off: core, name, microseconds to wake from it.
fn states_of(facts: &Facts, core: usize) -> Vec<(usize, String, u64)> {
    let folder = format!("{CPU}/cpu{core}/cpuidle");
    let state = |name: &String| {
        let file = |file: &str| format!("{folder}/{name}/{file}");
        let is_off = facts.files.number(&file("disable")).unwrap_or(0) == 1;
        let us = facts.files.number(&file("latency"))?;
        (!is_off).then(|| (core, facts.files.text(&file("name")).unwrap_or_else(|| name.clone()), us))
    };
    facts.files.names(&folder).iter().filter_map(state).collect()
}

/// Whether a core of the pipeline shares its units with another one.
pub(super) fn smt(facts: &Facts) -> Finding {
    const NAME: &str = "smt";
    let siblings = |core: &usize| {
        let mut others = facts.list(&format!("{CPU}/cpu{core}/topology/thread_siblings_list"));
        others.remove(core);
        let others = &others & &facts.online();
        (!others.is_empty()).then(|| format!("{core} with {}", cores::show(&others)))
    };
    let shared: Vec<String> = facts.pipeline_cores().iter().filter_map(siblings).collect();
    if shared.is_empty() {
        return if facts.is_virtual() {
            Finding::cannot_tell(
                NAME,
                "no siblings are shown here, but the hypervisor may put somebody else's core beside",
            )
            .advice("ask for whole cores, or for a machine of your own")
        } else {
            Finding::good(NAME, "no core of the pipeline has a sibling that is on")
        };
    }
    Finding::hurts(NAME, format!("cores that share their units: {}", shared.join("; ")))
        .costs(
            "while its sibling works too, a core has part of the units and of the first caches, at worst half of them",
            "two threads on one core, by design; `tidegate load` with a busy sibling shows it",
        )
        .shell(format!("echo off | sudo tee {CPU}/smt/control"))
        .kernel_parameter("nosmt")
}

/// What a look at the clock costs.
pub(super) fn clock_source(facts: &Facts) -> Finding {
    const NAME: &str = "clock-source";
    let folder = "/sys/devices/system/clocksource/clocksource0";
    let Some(current) = facts.files.text(&format!("{folder}/current_clocksource")).filter(|text| !text.is_empty())
    else {
        return Finding::cannot_tell(NAME, "the kernel does not name its clock source");
    };
    let available = facts.files.text(&format!("{folder}/available_clocksource")).unwrap_or_default();
    let is_invariant = facts.has_flag("constant_tsc") && facts.has_flag("nonstop_tsc");
    match current.as_str() {
        "tsc" if is_invariant => Finding::good(NAME, "tsc, which is invariant"),
        // That of Arm.
        "arch_sys_counter" => Finding::good(NAME, current),
        "tsc" => Finding::cannot_tell(NAME, "tsc, but the processor does not say that it is invariant")
            .advice("the kernel watches it and leaves it when it drifts: look for `clocksource` in dmesg"),
        // These two are read without a system call as well.
        "kvm-clock" | "hyperv_clocksource_tsc_page" if !available.split(' ').any(|name| name == "tsc") => {
            Finding::good(NAME, format!("{current}: read without a system call; the host offers no tsc"))
        }
        _ => {
            let cost = if current.starts_with("kvm") || current.contains("tsc_page") {
                "each look converts the hypervisor's page as well, some ns more than tsc"
            } else {
                "each look at the clock is a system call and the read of a slow device, some 100 ns to 1 µs, not some 20 ns"
            };
            let finding = Finding::hurts(NAME, &current)
                .costs(cost, "which sources the vDSO reads; `--measure` takes this host's");
            if available.split(' ').any(|name| name == "tsc") {
                finding
                    .script(Topic::Clock, "")
                    .shell(format!("echo tsc | sudo tee {folder}/current_clocksource"))
                    .kernel_parameter("clocksource=tsc")
            } else {
                finding.advice("the kernel found the tsc unfit: look for `clocksource` in dmesg, and into the firmware")
            }
        }
    }
}

/// Whether somebody else may take the cores away.
pub(super) fn hypervisor(facts: &Facts) -> Finding {
    const NAME: &str = "hypervisor";
    if !facts.is_virtual() {
        return Finding::good(NAME, "none");
    }
    let text = facts.files.text("/proc/stat").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
    let times: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of the first two.
    let total: u64 = times.iter().take(8).sum();
    let stolen = times.get(7).copied().unwrap_or(0);
    let per_10_000 = (u128::from(stolen) * 10_000).checked_div(u128::from(total)).unwrap_or(0);
    let share = format!("{}.{:02} %", per_10_000 / 100, per_10_000 % 100);
    if per_10_000 > u128::from(STEAL_MAX_PER_10_000) {
        return Finding::hurts(NAME, format!("a virtual machine; others had {share} of the time since it started"))
            .costs(
                format!("{share} of the time a core that had work stood still, for some ms each time"),
                "steal in /proc/stat",
            )
            .advice("take cores that are not shared, or a machine without a hypervisor");
    }
    let why = "a virtual machine; it tells of (nearly) no stolen time, which a hypervisor need not tell";
    Finding::cannot_tell(NAME, why).advice("`tidegate tune --measure` shows how long the cores stand still")
}

/// What guards against flaws of the processor cost at each system call. Whether to do without is no question of speed alone.
pub(super) fn mitigations(facts: &Facts) -> Finding {
    const NAME: &str = "mitigations";
    let all = facts.files.mitigations();
    let names: Vec<&str> = all
        .iter()
        .filter_map(|text| text.split_once(": "))
        .filter(|(_, answer)| answer.starts_with("Mitigation"))
        .map(|(name, _)| name)
        .collect();
    if names.is_empty() {
        return Finding::good(NAME, "none in force");
    }
    Finding::cannot_tell(NAME, format!("in force: {}; what they cost differs between processors", names.join(", ")))
        .advice(
            "only where nothing but the node runs, and whoever answers for its security agrees: kernel parameter mitigations=off",
        )
}
