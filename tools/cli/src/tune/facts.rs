//! What the checks look at: a tree of the kernel's files, and the few facts that no file has.

use std::collections::BTreeMap;

use tidegate_latency::HostFiles;
use tidegate_pipeline::core_plan::PINNED_CORES_MIN;
use tidegate_pipeline::{CorePlan, CorePlanChoice};

use super::cores::{self, Cores};

/// The node whose host is looked at.
#[derive(Clone, Copy, Debug)]
pub struct NodeFacts {
    /// `[pipeline] core_plan`.
    pub core_plan: CorePlanChoice,
    /// Open files that its limits allow for: sessions, connections of the feed, and some for the node itself.
    pub files: u64,
    /// Whether it has a standby, and so a QUIC link.
    pub is_replicated: bool,
}

/// The kernel's own word on the time of day.
#[derive(Clone, Copy, Debug)]
pub struct ClockSync {
    /// Somebody keeps it right.
    pub is_synced: bool,
    /// The largest error that the kernel reckons with, in microseconds.
    pub error_max_us: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Facts {
    /// `/sys`, `/proc`, `/etc`.
    pub files: HostFiles,
    /// Cores that this process may use: what a node started like it would count.
    pub available: usize,
    /// Device of the data folder; `None`: none was named, or it cannot be found.
    pub device: Option<(u32, u32)>,
    /// What `io_uring_setup` answered: `Err` has what the kernel says. `None`: not asked.
    pub io_uring: Option<Result<(), String>>,
    /// `None`: not asked.
    pub clock: Option<ClockSync>,
    /// See [`NodeFacts`].
    pub node: NodeFacts,
}

impl Facts {
    /// Cores that are there and on.
    pub(super) fn online(&self) -> Cores {
        self.list("/sys/devices/system/cpu/online")
    }

    /// Cores that the scheduler leaves alone.
    pub(super) fn isolated(&self) -> Cores {
        self.list("/sys/devices/system/cpu/isolated")
    }

    /// Cores that this process may use.
    pub(super) fn allowed(&self) -> Cores {
        self.status("Cpus_allowed_list").and_then(|text| cores::parse(&text)).unwrap_or_default()
    }

    /// A file that is a list of cores; nothing where it is not there or says `(null)`.
    pub(super) fn list(&self, path: &str) -> Cores {
        self.files.text(path).and_then(|text| cores::parse(&text)).unwrap_or_default()
    }

    /// The plan and the cores of a node that counts so many.
    fn plan_on(&self, available: usize) -> (CorePlan, Cores) {
        let plan = CorePlan::choose(self.node.core_plan, available);
        // The last core of `PINNED_CORES_MIN` is for everything else.
        let threads = if plan == CorePlan::Pinned { PINNED_CORES_MIN - 1 } else { 1 };
        (plan, (0..threads).filter_map(|n| plan.core_of(n, available)).collect())
    }

    /// As a node that is started like this process has it.
    pub(super) fn plan_now(&self) -> (CorePlan, Cores) {
        self.plan_on(self.available)
    }

    /// Whether the isolated cores are outside this process's mask, so that a node started like it does not count them.
    pub(super) fn hides_isolated(&self) -> bool {
        let isolated = self.isolated();
        !isolated.is_empty() && isolated.is_disjoint(&self.allowed())
    }

    /// The plan that the host should be made ready for: that of all cores where only their isolation hides some.
    pub(super) fn plan(&self) -> (CorePlan, Cores) {
        if self.hides_isolated() { self.plan_on(self.online().len()) } else { self.plan_now() }
    }

    /// Where the pipeline runs.
    pub(super) fn pipeline_cores(&self) -> Cores {
        self.plan().1
    }

    /// All others.
    pub(super) fn other_cores(&self) -> Cores {
        &self.online() - &self.pipeline_cores()
    }

    /// Options of the script that name the cores.
    pub(super) fn cores_option(&self) -> String {
        format!(" --cores {}", cores::show(&self.pipeline_cores()))
    }

    /// A field of `/proc/self/status`.
    pub(super) fn status(&self, name: &str) -> Option<String> {
        field(&self.files.text("/proc/self/status")?, name)
    }

    /// A parameter of the kernel's command line; empty where it has no value.
    pub(super) fn boot(&self, name: &str) -> Option<String> {
        let line = self.files.text("/proc/cmdline")?;
        // What comes after is for the first process.
        let line = line.split(" -- ").next().unwrap_or_default().to_owned();
        let mut words = line.split_whitespace().map(|word| word.split_once('=').unwrap_or((word, "")));
        // The last one wins, as it does for the kernel.
        words.rfind(|(word, _)| *word == name).map(|(_, value)| value.to_owned())
    }

    /// Whether a hypervisor is below.
    pub(super) fn is_virtual(&self) -> bool {
        self.has_flag("hypervisor")
    }

    /// Whether the processor says so of itself.
    pub(super) fn has_flag(&self, flag: &str) -> bool {
        let text = self.files.text("/proc/cpuinfo").unwrap_or_default();
        field(&text, "flags").is_some_and(|flags| flags.split(' ').any(|word| word == flag))
    }

    /// A limit of this process: the soft one; `u64::MAX` is none.
    pub(super) fn limit(&self, name: &str) -> Option<u64> {
        let text = self.files.text("/proc/self/limits")?;
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        match rest.split_whitespace().next()? {
            "unlimited" => Some(u64::MAX),
            number => number.parse().ok(),
        }
    }

    /// Whether a process of one of these names runs.
    pub(super) fn running(&self, names: &[&str]) -> Option<String> {
        let is_process = |name: &&String| name.bytes().all(|letter| letter.is_ascii_digit());
        let processes = self.files.names("/proc");
        let mut running =
            processes.iter().filter(is_process).filter_map(|id| self.files.text(&format!("/proc/{id}/comm")));
        running.find(|name| names.contains(&name.as_str()))
    }

    /// Seconds since the machine was started.
    pub(super) fn uptime_s(&self) -> Option<f64> {
        let text = self.files.text("/proc/uptime")?;
        text.split(' ').next()?.parse().ok().filter(|seconds| *seconds > 0.0)
    }

    /// `/proc/interrupts`: for each line its name, what it is, and how often each core had it.
    pub(super) fn interrupts(&self) -> Vec<Interrupt> {
        let text = self.files.text("/proc/interrupts").unwrap_or_default();
        let mut lines = text.lines();
        let head = lines.next().unwrap_or_default();
        let cores: Vec<usize> =
            head.split_whitespace().filter_map(|word| word.strip_prefix("CPU")?.parse().ok()).collect();
        lines.filter_map(|line| Interrupt::parse(line, &cores)).collect()
    }
}

/// A line of `/proc/interrupts`.
#[derive(Clone, Debug)]
pub(super) struct Interrupt {
    /// A number, or the name of one of the processor's own.
    pub(super) name: String,
    /// The last word: the device's part that raises it.
    pub(super) what: String,
    /// Of each core since the machine was started.
    pub(super) counts: BTreeMap<usize, u64>,
}

impl Interrupt {
    fn parse(line: &str, cores: &[usize]) -> Option<Self> {
        let (name, rest) = line.split_once(':')?;
        let mut words = rest.split_whitespace();
        let counts = cores.iter().map(|core| Some((*core, words.next()?.parse().ok()?)));
        // `ERR` and `MIS` have one count for all.
        let counts = counts.collect::<Option<_>>()?;
        Some(Self { name: name.trim().to_owned(), what: words.last().unwrap_or_default().to_owned(), counts })
    }

    /// How often these cores had it.
    pub(super) fn on(&self, cores: &Cores) -> u64 {
        self.counts.iter().filter(|(core, _)| cores.contains(core)).map(|(_, count)| count).sum()
    }
}

/// The value of the first `name: value` line.
fn field(text: &str, name: &str) -> Option<String> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim().to_owned())
}
