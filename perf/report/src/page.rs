//! Puts the page together.
//!
//! Invariants: it is HTML that is well-formed XML too; it asks nobody for anything (its policy forbids that to the browser as
//! well); a section whose part is missing says so in a sentence and has no drawing or table.
//! Owning thread: none; this is a function of [`Figures`].

use tidegate_latency::{Load, LoadMode, Outlier, PERCENTILES, Percentiles, RateOutcome, SAMPLES_ABOVE_MIN, SeriesKind};

use crate::charts;
use crate::figures::is_idle;
use crate::format::{count, duration, duration_or_dash, escape, percent, rate, time_of_day};
use crate::{Figures, Part};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Slow requests that are answered within so long had the same reason more often than not.
const INSTANT_NS: u64 = 10_000_000;

/// The page.
pub(crate) fn html(figures: &Figures) -> String {
    let title = escape(&figures.run.title);
    let sections = [
        head(figures),
        measured(figures),
        percentiles(figures),
        over_time(figures),
        stages(figures),
        sweep(figures),
        outliers(figures),
        failovers(figures),
        load(figures),
        machine(figures),
        files(figures),
    ];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\"/>\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{}<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        sections.concat()
    )
}

fn head(figures: &Figures) -> String {
    let run = &figures.run;
    let mut out = format!(
        "<h1>{}</h1>\n<p class=\"soft\">{}, commit <code>{}</code>, {}</p>\n",
        escape(&run.title),
        escape(&run.started_at),
        escape(or_unknown(&run.machine.commit)),
        escape(or_unknown(&run.machine.cpu)),
    );
    out += &match (run.checks.iter().filter(|check| !check.ok).count(), run.checks.len()) {
        (_, 0) => "<p class=\"bad\">Nothing was checked: whether fast was also right is not known.</p>\n".to_owned(),
        (0, all) => format!("<p class=\"good\">All {all} checks passed: fast was also right.</p>\n"),
        (failed, all) => {
            format!("<p class=\"bad\">{failed} of {all} checks failed: the latencies below mean nothing.</p>\n")
        }
    };
    for warning in &figures.warnings {
        out += &format!("<p class=\"bad\">{}</p>\n", escape(&sentence(warning)));
    }
    // Every number of the headline is of one rate.
    let achieved = match run.shown_rate() {
        Some(shown) => {
            let of = rate(run.sweep[shown].offered);
            out += &match figures.knee {
                Some(_) => format!("<p>Of the knee of the sweep, <b>{of}</b> offered:</p>\n"),
                None => format!("<p>Of the lowest rate, <b>{of}</b> offered; the node kept up with none:</p>\n"),
            };
            run.sweep[shown].achieved
        }
        None => run.achieved_rate,
    };
    let mut tiles = Vec::new();
    if let Some(main) = figures.main() {
        let values = main.percentiles.values().into_iter().filter(|(_, value)| value.is_some());
        let values = values.map(|(name, value)| (duration_or_dash(value), format!("{} {name}", main.series.name)));
        tiles.extend(values);
    }
    tiles.push((rate(achieved), "answered".to_owned()));
    let tiles =
        tiles.iter().map(|(value, name)| format!("<li><b>{}</b><span>{}</span></li>\n", escape(value), escape(name)));
    out + "<ul class=\"tiles\">\n" + &tiles.collect::<String>() + "</ul>\n"
}

fn measured(figures: &Figures) -> String {
    let run = &figures.run;
    let mut out = "<h2>What is measured</h2>\n".to_owned();
    for series in figures.outside() {
        out += &format!(
            "<p><b>{}</b>: from {} to {}. {}</p>\n",
            escape(&series.name),
            escape(&series.from),
            escape(&series.to),
            escape(&sentence(&series.description))
        );
    }
    if run.load.mode == LoadMode::Sweep && figures.main.is_some() {
        out += "<p class=\"soft\">Of a sweep the knee is shown; the table of percentiles has all rates.</p>\n";
    }
    for (part, name) in [(Part::Response, "response times"), (Part::Service, "service times")] {
        out += &not_here(figures, part, name);
    }
    out += &charts::path(figures);
    let nodes = match run.nodes {
        0 => "no node of its own".to_owned(),
        1 => "one node".to_owned(),
        more => format!("{more} nodes"),
    };
    out + &format!("<p>{nodes}; durability <b>{}</b>.</p>\n", escape(&run.durability_text()))
}

fn percentiles(figures: &Figures) -> String {
    let mut out = "<h2>Percentiles</h2>\n".to_owned();
    let shown: Vec<_> = figures.series.iter().filter(|each| each.percentiles.count > 0).collect();
    if shown.is_empty() {
        return out + &missing("percentiles", "no log has a sample");
    }
    let rows = shown.iter().map(|each| {
        let mean = each.mean_ns.map_or_else(|| "–".to_owned(), duration);
        let mut cells = vec![each.series.name.clone(), count(each.percentiles.count), mean];
        cells.extend(percentile_cells(&each.percentiles));
        cells
    });
    out += &table(&percentile_heads(&["series", "samples", "mean"]), 1, rows);
    out += &format!(
        "<p class=\"soft\">A percentile is printed only where at least {SAMPLES_ABOVE_MIN} samples lie above it; a dash says that \
         there are fewer. Values are within 0.1 %.</p>\n"
    );
    out += &charts::percentiles(figures).unwrap_or_else(|| missing("plot", "too few samples for any percentile"));
    out + &not_here(figures, Part::JitterFloor, "jitter floor")
}

fn over_time(figures: &Figures) -> String {
    let mut out = "<h2>Over time</h2>\n".to_owned();
    let Some(main) = figures.main() else { return out + &missing("timeline and heat map", "no series with samples") };
    if let Some(longest) = main.timeline.iter().map(|moment| moment.seconds).reduce(f64::max) {
        out +=
            &format!("<p class=\"soft\">One point for {longest:.0} s; p99 only where enough samples lie above.</p>\n");
    }
    out += &charts::timeline(figures).unwrap_or_default();
    if figures.floor.is_empty() && figures.why_missing(Part::JitterFloor).is_none() {
        out += "<p class=\"soft\">The hiccup meter ran before and after the load, not beside it: its gaps are in the percentiles \
                above and not in this drawing.</p>\n";
    }
    let name = escape(&main.series.name);
    out + &format!("<h3>Heat map: {name}</h3>\n") + &charts::heat(figures).unwrap_or_default()
}

fn stages(figures: &Figures) -> String {
    let mut out = "<h2>Where the time goes</h2>\n".to_owned();
    if figures.why_missing(Part::Stages).is_some() {
        return out + &not_here(figures, Part::Stages, "stages");
    }
    let Some(whole) = figures.main().and_then(|main| main.mean_ns) else { return out };
    out += &format!(
        "<p>Means, which add up to the mean {} of {}. A stage that runs beside another adds only what it ends later (dark); \
         critical is the share of the orders for which the others waited for it.</p>\n",
        figures.main().map_or("", |main| if main.series.kind == SeriesKind::Service {
            "service time"
        } else {
            "response time"
        }),
        duration(whole)
    );
    out += &charts::stages(figures).unwrap_or_default();
    if figures.run.stages.iter().any(|stage| is_idle(&figures.run, stage)) {
        out += "<p class=\"soft\">One node: nothing is replicated, so there is no such stage.</p>\n";
    }
    let rows = figures.path.iter().map(|stage| {
        let told = figures.run.stages.iter().find(|told| told.name == stage.name && stage.critical_share.is_some());
        let stamps = told.map_or_else(String::new, |told| format!("{} to {}", told.from, told.to));
        let critical = stage.critical_share.map_or_else(|| "–".to_owned(), percent);
        let orders = told.map_or_else(|| "–".to_owned(), |told| count(told.count));
        let share = if whole > 0.0 { percent(stage.adds_ns / whole) } else { "–".to_owned() };
        vec![stage.name.clone(), stamps, orders, signed(stage.mean_ns), signed(stage.adds_ns), share, critical]
    });
    let sum: f64 = figures.path.iter().map(|stage| stage.adds_ns).sum();
    let blank = String::new;
    let total = vec!["sum".to_owned(), blank(), blank(), blank(), duration(sum), percent(sum / whole), blank()];
    out += &table(
        &["stage", "stamps", "orders", "mean", "adds", "share", "critical"].map(str::to_owned),
        2,
        rows.chain([total]),
    );
    if figures.path.last().is_some_and(|rest| rest.mean_ns < 0.0) {
        out += "<p class=\"bad\">The stages take longer than the client saw: they are of other orders, or overlap in a way that \
                their stamps do not tell.</p>\n";
    }
    out
}

fn sweep(figures: &Figures) -> String {
    let mut out = "<h2>Rate sweep</h2>\n".to_owned();
    if figures.run.sweep.is_empty() {
        return out + &not_here(figures, Part::Sweep, "sweep");
    }
    out += &format!(
        "<p>A rate is kept up with when at least 98 % of it is answered and its p99 is at most ten times the best one of the sweep. \
         The knee is the last such rate: every one after it is beyond. One before it that went badly is noisy, since the node \
         keeps up with more. {}</p>\n",
        match figures.knee {
            None => "Here the node keeps up with no rate.".to_owned(),
            Some(knee) if knee.passed => format!("Here it is <b>{}</b>.", rate(knee.offered)),
            Some(knee) =>
                format!("Here the node keeps up with the highest rate, {}: the knee is further up.", rate(knee.offered)),
        }
    );
    out += &charts::sweep(figures).unwrap_or_else(|| missing("drawing", "no rate has a sample"));
    let knee = figures.knee.map(|knee| knee.point);
    let mark = |index: usize| match figures.rates[index] {
        RateOutcome::Noisy => " (noisy)",
        RateOutcome::Beyond => " (beyond)",
        RateOutcome::Kept if knee == Some(index) => " (knee)",
        RateOutcome::Kept => "",
    };
    let heads = percentile_heads(&["offered", "achieved", "samples"]);
    let rows = figures.run.sweep.iter().enumerate().map(|(index, point)| {
        let mut cells = vec![rate(point.offered) + mark(index), rate(point.achieved), count(point.response.count)];
        cells.extend(percentile_cells(&point.response));
        cells.push(count(point.late));
        cells
    });
    let heads: Vec<String> = heads.into_iter().chain(["late sends".to_owned()]).collect();
    out + &table(&heads, 1, rows)
}

/// What answers held up together are answered together: the slowest of each moment, and how many more there were.
fn by_instant(outliers: &[Outlier]) -> Vec<(&Outlier, usize)> {
    let mut kept: Vec<(&Outlier, usize)> = Vec::new();
    let mut sorted: Vec<_> = outliers.iter().collect();
    sorted.sort_by_key(|outlier| (std::cmp::Reverse(outlier.latency_ns), outlier.at_ns));
    for outlier in sorted {
        match kept.iter_mut().find(|(slowest, _)| slowest.at_ns.abs_diff(outlier.at_ns) < INSTANT_NS) {
            Some((_, others)) => *others += 1,
            None => kept.push((outlier, 0)),
        }
    }
    kept
}

fn outliers(figures: &Figures) -> String {
    let mut out = "<h2>Slowest requests</h2>\n".to_owned();
    let run = &figures.run;
    if run.outliers.is_empty() {
        return out + &not_here(figures, Part::Outliers, "outliers");
    }
    let moments = figures.main().map_or(&[][..], |main| &main.timeline);
    let rows = by_instant(&run.outliers).into_iter().map(|(outlier, others)| {
        let at_s = outlier.at_ns as f64 / 1e9;
        let after = format!("{}.{:03} s", outlier.at_ns / 1_000_000_000, outlier.at_ns / 1_000_000 % 1_000);
        let at = match figures.started_at_ns {
            Some(zero) => format!("{after}, {}", time_of_day(zero + u128::from(outlier.at_ns))),
            None => after,
        };
        let stages: Vec<_> =
            outlier.stages.iter().map(|(name, ns)| format!("{name} {}", duration(*ns as f64))).collect();
        // The request was under way from its beginning on, so any second that it touched may have held the gap.
        let began = at_s - outlier.latency_ns as f64 / 1e9;
        let touched = moments.iter().zip(&figures.floor);
        let touched = touched.filter(|(moment, _)| moment.at_s <= at_s && moment.at_s + moment.seconds >= began);
        let gap = touched.filter_map(|(_, gap)| *gap).max();
        vec![
            if others == 0 { at } else { format!("{at} (and {others} more)") },
            duration(outlier.latency_ns as f64),
            if outlier.sequence == 0 { "–".to_owned() } else { count(outlier.sequence) },
            count(outlier.request),
            outlier.content.clone(),
            if stages.is_empty() { "not known".to_owned() } else { stages.join(", ") },
            duration_or_dash(gap),
            outlier.cause.clone().unwrap_or_else(|| "not known".to_owned()),
        ]
    });
    let heads = [
        "answered at (UTC)",
        "latency",
        "sequence",
        "request",
        "content",
        "stages",
        "machine's gap then",
        "probable cause",
    ];
    if run.outliers.iter().any(|outlier| !outlier.stages.is_empty()) {
        out += "<p class=\"soft\">Stages are between the node's own stamps, from the receipt of a request's bytes to its report at the \
                kernel; the latency is the client's and larger. A cause is said where one thing took half of it or more.</p>\n";
    }
    out += "<p class=\"soft\">Of requests that were answered within 10 ms of each other the slowest is listed.</p>\n";
    out + &table(&heads.map(str::to_owned), 9, rows).replace("<table>", "<table class=\"wide\">")
}

fn failovers(figures: &Figures) -> String {
    let mut out = "<h2>Failover</h2>\n".to_owned();
    if figures.run.failovers.is_empty() {
        return out + "<p class=\"missing\">No change of leadership in this run.</p>\n";
    }
    let rows = figures.run.failovers.iter().map(|failover| {
        vec![
            format!("{:.3} s", failover.at_ns as f64 / 1e9),
            duration(failover.gap_ns as f64),
            if failover.until_promotion_ns == 0 {
                "–".to_owned()
            } else {
                duration(failover.until_promotion_ns as f64)
            },
            duration(failover.first_ack_ns as f64),
            count(failover.lost),
            count(failover.duplicated),
        ]
    });
    let heads = [
        "acknowledgements end at",
        "none for",
        "end of the old primary to promotion",
        "promotion to the first one",
        "lost",
        "duplicated",
    ];
    out += &table(&heads.map(str::to_owned), 0, rows);
    let wrong = figures.run.failovers.iter().any(|failover| failover.lost + failover.duplicated > 0);
    let (class, verdict) = if wrong {
        ("bad", "Requests were lost or executed twice.")
    } else {
        ("good", "Nothing was lost, nothing executed twice.")
    };
    out + &format!("<p class=\"{class}\">{verdict}</p>\n")
}

fn load(figures: &Figures) -> String {
    let run = &figures.run;
    let load = &run.load;
    let mode = match load.mode {
        LoadMode::Open => "open loop: at intended times, whatever comes back",
        LoadMode::Closed => "closed loop: each after the answer to the one before",
        LoadMode::Saturate => "saturation: as fast as full windows allow",
        LoadMode::Sweep => "sweep: open loop, one rate after the other",
        LoadMode::Burst => "bursts: open loop, many at once in equal distances",
    };
    let late = &run.late_sends;
    let rejects: Vec<_> = run.rejects.iter().map(|(reason, number)| format!("{reason} {}", count(*number))).collect();
    let facts = [
        ("mode", mode.to_owned()),
        ("intended rate", if load.rate > 0.0 { rate(load.rate) } else { "none".to_owned() }),
        ("at once", at_once(load)),
        ("achieved rate", rate(run.achieved_rate)),
        ("measured", format!("{} s after {} s of warm-up, of which nothing is counted", load.seconds, load.warm_up_s)),
        ("sessions", count(u64::from(load.sessions))),
        ("workload", load.workload.clone()),
        ("mix", load.mix.clone()),
        ("seed", load.seed.to_string()),
        ("hash of the input", load.input_hash.clone()),
        ("sent, answered", format!("{}, {}", count(run.sent), count(run.answered))),
        ("rejected", if rejects.is_empty() { "none".to_owned() } else { rejects.join(", ") }),
        (
            "late sends",
            match load.mode {
                LoadMode::Closed | LoadMode::Saturate => "no moment of sending is intended".to_owned(),
                LoadMode::Open | LoadMode::Sweep | LoadMode::Burst => format!(
                    "{} later than {}, at most {}",
                    count(late.count),
                    duration(late.threshold_ns as f64),
                    duration(late.max_ns as f64)
                ),
            },
        ),
        ("again", run.command.clone()),
    ];
    let mut out = "<h2>Load and checks</h2>\n".to_owned() + &fact_table(&facts);
    if run.checks.is_empty() {
        return out + &not_here(figures, Part::Checks, "checks");
    }
    let rows = run.checks.iter().map(|check| {
        let verdict = if check.ok { "<td class=\"good\">passed</td>" } else { "<td class=\"bad\">failed</td>" };
        format!("<tr><td>{}</td>{verdict}<td>{}</td></tr>\n", escape(&check.name), escape(&check.detail))
    });
    out += "<div class=\"scroll\"><table>\n<tr><th>check</th><th>outcome</th><th>found</th></tr>\n";
    out + &rows.collect::<String>() + "</table></div>\n"
}

/// How many requests are at the node at the same time, as far as the load decides.
fn at_once(load: &Load) -> String {
    match (load.mode, load.burst, load.window) {
        (LoadMode::Closed, ..) => "one request of a session".to_owned(),
        (LoadMode::Saturate, _, 0) | (LoadMode::Burst, 0, _) => String::new(),
        (LoadMode::Saturate, _, window) => {
            format!("window of {} unanswered requests of a session", count(u64::from(window)))
        }
        (_, 0 | 1, _) => "no bursts".to_owned(),
        (_, burst, _) => format!("bursts of {} requests", count(burst)),
    }
}

fn machine(figures: &Figures) -> String {
    let run = &figures.run;
    let machine = &run.machine;
    let isolated = if machine.isolated.is_empty() { "none" } else { &machine.isolated };
    let mitigations =
        if machine.mitigations.is_empty() { "none told".to_owned() } else { machine.mitigations.join("; ") };
    let facts = [
        ("processor", machine.cpu.clone()),
        ("cores, memory", format!("{}, {} MiB", machine.cores, count(machine.memory_mib))),
        ("kernel", machine.system.clone()),
        ("boot line", machine.boot_line.clone()),
        ("governor", machine.governor.clone()),
        ("SMT", machine.smt.clone()),
        ("isolated cores", isolated.to_owned()),
        ("mitigations", mitigations),
        ("clock source", machine.clock_source.clone()),
        ("huge pages", machine.huge_pages.clone()),
        ("disk", machine.disk.clone()),
        ("commit", machine.commit.clone()),
        ("compiler, profile", format!("{}, {}", or_unknown(&machine.compiler), or_unknown(&machine.profile))),
    ];
    let mut out = "<h2>Machine and configuration</h2>\n".to_owned() + &fact_table(&facts);
    out += "<h3>Core map</h3>\n";
    if run.core_map.is_empty() {
        out += &not_here(figures, Part::CoreMap, "core map");
    } else {
        let rows = run
            .core_map
            .iter()
            .map(|each| vec![each.thread.clone(), each.core.map_or_else(|| "any".to_owned(), |core| core.to_string())]);
        out += &table(&["thread", "core"].map(str::to_owned), 9, rows);
        if !run.failovers.is_empty() {
            out += "<p class=\"soft\">As it was at the end: the primary that was killed is not in it.</p>\n";
        }
    }
    out += "<h3>Configuration of the node</h3>\n";
    if run.config.is_empty() {
        return out + &not_here(figures, Part::Config, "configuration");
    }
    out + &format!("<p class=\"soft\">hash {}</p>\n<pre>{}</pre>\n", escape(&run.config_hash), escape(&run.config))
}

fn files(figures: &Figures) -> String {
    let mut out = "<h2>Files</h2>\n<p>The logs are HdrHistogram interval logs in nanoseconds; the public HdrHistogram tools open \
                   them. <code>report.json</code> has every number of this page.</p>\n"
        .to_owned();
    let rows = figures.series.iter().map(|each| {
        vec![
            each.series.file.clone(),
            each.series.tag.clone(),
            each.series.name.clone(),
            each.series.description.clone(),
        ]
    });
    if !figures.series.is_empty() {
        out += &table(&["file", "tag", "series", "what"].map(str::to_owned), 9, rows);
    }
    for absent in figures.missing.iter().filter(|missing| missing.part == Part::Log) {
        out += &missing("log", &absent.why);
    }
    out
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

fn missing(name: &str, why: &str) -> String {
    format!("<p class=\"missing\">Not in this run: {}. {}</p>\n", escape(name), escape(&sentence(why)))
}

/// With a capital at its beginning and a full stop at its end.
fn sentence(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).chain(['.']).collect())
}

/// A sentence where the part is missing, nothing where it is there.
fn not_here(figures: &Figures, part: Part, name: &str) -> String {
    figures.why_missing(part).map_or_else(String::new, |why| missing(name, why))
}

fn signed(ns: f64) -> String {
    if ns < 0.0 { format!("−{}", duration(-ns)) } else { duration(ns) }
}

fn percentile_heads(before: &[&str]) -> Vec<String> {
    let names = PERCENTILES.iter().map(|(name, _)| *name).chain(["max"]);
    before.iter().copied().chain(names).map(str::to_owned).collect()
}

fn percentile_cells(percentiles: &Percentiles) -> impl Iterator<Item = String> {
    percentiles.values().into_iter().map(|(_, value)| duration_or_dash(value))
}

/// The columns from `numbers_from` on are numbers.
fn table(heads: &[String], numbers_from: usize, rows: impl Iterator<Item = Vec<String>>) -> String {
    let class = |column: usize| if column >= numbers_from { " class=\"n\"" } else { "" };
    let row = |cells: &[String], name: &str| {
        let cells = cells.iter().enumerate();
        let cells = cells.map(|(column, cell)| format!("<{name}{}>{}</{name}>", class(column), escape(cell)));
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    let body: String = rows.map(|cells| row(&cells, "td")).collect();
    format!("<div class=\"scroll\"><table>\n{}{body}</table></div>\n", row(heads, "th"))
}

fn fact_table(facts: &[(&str, String)]) -> String {
    let rows = facts.iter().map(|(name, value)| {
        let value = if value.is_empty() { "unknown" } else { value };
        format!("<tr><th>{}</th><td>{}</td></tr>\n", escape(name), escape(value))
    });
    format!("<table class=\"facts\">\n{}</table>\n", rows.collect::<String>())
}
