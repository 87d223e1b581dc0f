//! What is compared: commands of the product that print JSON, and where in it the figures are.
//!
//! Invariants: a command takes some seconds, because it is run four times a round. A figure of a command that only one commit
//! has is left out by itself, so new ones can be added here at any time.

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More a second.
    Higher,
    /// Less time, fewer instructions.
    Lower,
}

/// One figure of a command.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// In reports.
    pub name: &'static str,
    /// Where it is: a JSON pointer (RFC 6901).
    pub pointer: &'static str,
    /// Which way is good.
    pub better: Better,
}

/// One command of `tidegate`.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Its arguments; it must print one JSON object.
    pub arguments: &'static [&'static str],
    /// What is taken from that.
    pub metrics: &'static [Metric],
}

const fn higher(name: &'static str, pointer: &'static str) -> Metric {
    Metric { name, pointer, better: Better::Higher }
}

const fn lower(name: &'static str, pointer: &'static str) -> Metric {
    Metric { name, pointer, better: Better::Lower }
}

/// Everything that is compared.
pub const SOURCES: &[Source] = &[
    Source {
        arguments: &["bench", "engine", "--workload", "a,b", "--commands", "300000", "--runs", "1", "--json"],
        metrics: &[
            higher("engine a, commands/s", "/workloads/0/engine/commands_per_second"),
            lower("engine a, p50 ns", "/workloads/0/engine/latency_ns/p50"),
            lower("engine a, p99 ns", "/workloads/0/engine/latency_ns/p99"),
            higher("engine b, commands/s", "/workloads/1/engine/commands_per_second"),
            lower("engine b, p50 ns", "/workloads/1/engine/latency_ns/p50"),
            lower("engine b, p99 ns", "/workloads/1/engine/latency_ns/p99"),
            higher("book a, commands/s", "/workloads/0/book/commands_per_second"),
        ],
    },
    Source {
        arguments: &["bench", "engine", "--rates", "1m", "--commands", "300000", "--runs", "1", "--json"],
        metrics: &[
            lower("engine at 1M/s, p50 ns", "/workloads/0/rates/0/latency_ns/p50"),
            lower("engine at 1M/s, p99 ns", "/workloads/0/rates/0/latency_ns/p99"),
        ],
    },
    Source {
        arguments: &[
            "bench",
            "pipeline",
            "--rates",
            "125k,1m",
            "--seconds",
            "1",
            "--commands",
            "2000000",
            "--runs",
            "1",
            "--json",
        ],
        metrics: &[
            lower("pipeline at 125K/s, p50 ns", "/rates/0/medians/p50"),
            lower("pipeline at 125K/s, p99 ns", "/rates/0/medians/p99"),
            lower("pipeline at 1M/s, p50 ns", "/rates/1/medians/p50"),
            lower("pipeline at 1M/s, p99 ns", "/rates/1/medians/p99"),
            higher("pipeline in saturation, commands/s", "/saturation/commands_per_second"),
        ],
    },
    // In the journal's list of appends the mapped writer comes first, by batches of 1, 8, 64 and 511.
    Source {
        arguments: &["bench", "journal", "--records", "200000", "--writes", "300", "--json"],
        metrics: &[
            lower("journal, mapped append of 1, p50 ns", "/append/0/append_ns/p50"),
            higher("journal, mapped batches of 64, records/s", "/append/2/records_per_second"),
            lower("journal, `local`, one in flight, p50 ns", "/stage/one_in_flight_ns/p50"),
            higher("journal, verify, GB/s", "/verify/gb_per_second"),
        ],
    },
];
