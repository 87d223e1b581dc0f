//! The core plan: which stages share a thread, and which core it gets.

use crate::runner::IdleStrategy;

/// What the configuration asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CorePlanChoice {
    /// `pinned` with six available cores or more, else `fused`.
    #[default]
    Auto,
    /// One stage a core, spinning.
    Pinned,
    /// All stages on one thread, called in order, sleeping when idle.
    Fused,
}

/// Threads of `pinned`: sequencer, journal, replicate, match, publish.
const STAGES: usize = 5;
/// Cores that `pinned` needs: one for each, and one for everything else.
pub const PINNED_CORES_MIN: usize = STAGES + 1;

/// The plan in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorePlan {
    /// See [`CorePlanChoice::Pinned`].
    Pinned,
    /// See [`CorePlanChoice::Fused`].
    Fused,
}

impl CorePlan {
    /// Decides by the number of available cores.
    #[must_use]
    pub const fn choose(choice: CorePlanChoice, available: usize) -> Self {
        match choice {
            CorePlanChoice::Pinned => Self::Pinned,
            CorePlanChoice::Fused => Self::Fused,
            CorePlanChoice::Auto if available >= PINNED_CORES_MIN => Self::Pinned,
            CorePlanChoice::Auto => Self::Fused,
        }
    }

    /// The name in configs and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Fused => "fused",
        }
    }

    /// What its runners do when idle.
    #[must_use]
    pub const fn idle(self) -> IdleStrategy {
        match self {
            Self::Pinned => IdleStrategy::Spin,
            Self::Fused => IdleStrategy::SpinThenPark,
        }
    }

    /// The core of the n-th pinned thread, counted down from the last core so that core 0, where the kernel's own work
    /// tends to be, stays free. A fused thread is not pinned unless the machine has cores to spare.
    #[must_use]
    pub const fn core_of(self, n: usize, available: usize) -> Option<usize> {
        match self {
            Self::Pinned if n + 1 < available => Some(available - 1 - n),
            Self::Fused if available > 1 => Some(available - 1),
            Self::Pinned | Self::Fused => None,
        }
    }

    /// The cores of all its threads.
    pub fn cores(self, available: usize) -> impl Iterator<Item = usize> {
        let threads = match self {
            Self::Pinned => STAGES,
            Self::Fused => 1,
        };
        (0..threads).filter_map(move |n| self.core_of(n, available))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_pins_only_where_every_stage_gets_a_core() {
        assert_eq!(CorePlan::choose(CorePlanChoice::Auto, 2), CorePlan::Fused);
        assert_eq!(CorePlan::choose(CorePlanChoice::Auto, 6), CorePlan::Pinned);
        assert_eq!(CorePlan::choose(CorePlanChoice::Pinned, 2), CorePlan::Pinned);
        assert_eq!(CorePlan::Pinned.core_of(0, 6), Some(5));
        assert_eq!(CorePlan::Pinned.core_of(5, 6), None);
        assert_eq!(CorePlan::Pinned.cores(8).collect::<Vec<_>>(), [7, 6, 5, 4, 3]);
        assert_eq!(CorePlan::Fused.cores(8).collect::<Vec<_>>(), [7]);
        assert_eq!(CorePlan::Fused.cores(1).count(), 0);
    }
}
