//! What a check says: a state, what was seen, what it costs and where that number comes from, and what changes it.

use serde::Serialize;

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As the node wants it.
    Good,
    /// Costs latency.
    Hurts,
    /// Nothing here says so; `seen` says why.
    CannotTell,
}

impl State {
    /// The name in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Hurts => "hurts",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// A part of `deploy/host/tune.sh`, by the name that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Frequency governor.
    Governor,
    /// Idle states.
    Idle,
    /// Clock source.
    Clock,
    /// Affinity of interrupts.
    Irqs,
    /// What the daemon leaves alone.
    Irqbalance,
    /// Transparent huge pages.
    Thp,
    /// `sysctl.d/90-tidegate.conf`.
    Sysctl,
    /// Limits of the service and of logins, and the cores that the service may use.
    Limits,
    /// I/O scheduler.
    Disk,
    /// Kernel command line, in force after a restart of the machine.
    Boot,
}

impl Topic {
    /// All of them, in the script's order.
    pub const ALL: [Self; 10] = [
        Self::Governor,
        Self::Idle,
        Self::Clock,
        Self::Irqs,
        Self::Irqbalance,
        Self::Thp,
        Self::Sysctl,
        Self::Limits,
        Self::Disk,
        Self::Boot,
    ];

    /// The name that the script takes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Governor => "governor",
            Self::Idle => "idle",
            Self::Clock => "clock",
            Self::Irqs => "irqs",
            Self::Irqbalance => "irqbalance",
            Self::Thp => "thp",
            Self::Sysctl => "sysctl",
            Self::Limits => "limits",
            Self::Disk => "disk",
            Self::Boot => "boot",
        }
    }
}

/// How something is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "how", content = "line", rename_all = "snake_case")]
pub enum Fix {
    /// A line for a shell, which calls the script.
    Script(String),
    /// A line for a shell, by hand.
    Shell(String),
    /// Parameters of the kernel's command line: the machine has to start anew.
    KernelParameter(String),
    /// What no command does.
    Advice(String),
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name, which does not change.
    pub check: &'static str,
    /// See [`State`].
    pub state: State,
    /// What there is, or why nobody can tell.
    pub seen: String,
    /// What it costs, with a number; empty where it costs nothing.
    pub cost: String,
    /// Where the number comes from.
    pub source: String,
    /// What `--measure` found, of this host.
    pub measured: Option<String>,
    /// What changes it; the first is the one to take.
    pub fixes: Vec<Fix>,
    /// What the script calls that.
    #[serde(skip)]
    pub topic: Option<Topic>,
}

impl Finding {
    pub(super) fn good(check: &'static str, seen: impl Into<String>) -> Self {
        Self::new(check, State::Good, seen.into())
    }

    pub(super) fn hurts(check: &'static str, seen: impl Into<String>) -> Self {
        Self::new(check, State::Hurts, seen.into())
    }

    pub(super) fn cannot_tell(check: &'static str, why: impl Into<String>) -> Self {
        Self::new(check, State::CannotTell, why.into())
    }

    fn new(check: &'static str, state: State, seen: String) -> Self {
        let (cost, source) = (String::new(), String::new());
        Self { check, state, seen, cost, source, measured: None, fixes: Vec::new(), topic: None }
    }

    pub(super) fn costs(mut self, cost: impl Into<String>, source: impl Into<String>) -> Self {
        (self.cost, self.source) = (cost.into(), source.into());
        self
    }

    pub(super) fn fix(mut self, fix: Fix) -> Self {
        self.fixes.push(fix);
        self
    }

    /// By a part of the script.
    pub(super) fn script(mut self, topic: Topic, options: &str) -> Self {
        self.topic = Some(topic);
        self.fix(Fix::Script(format!("sudo deploy/host/tune.sh{options} {}", topic.as_str())))
    }

    pub(super) fn shell(self, line: impl Into<String>) -> Self {
        self.fix(Fix::Shell(line.into()))
    }

    pub(super) fn kernel_parameter(self, parameters: impl Into<String>) -> Self {
        self.fix(Fix::KernelParameter(parameters.into()))
    }

    pub(super) fn advice(self, text: impl Into<String>) -> Self {
        self.fix(Fix::Advice(text.into()))
    }
}
