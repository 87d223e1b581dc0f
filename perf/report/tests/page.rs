//! Page and numbers of a run: equal to its histograms, honest about what is missing, well formed, and asking nobody.

#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code, unreachable_pub)]
mod common;

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use common::Specimen;
use serde_json::Value;
use tidegate_latency::{Hlog, LoadMode, Outlier, RUN_FILE, Recorder, Run, RunFolder, Series, SeriesKind, histogram};
use tidegate_report::{FIGURES_FILE, PAGE_FILE, Part, Written, write};

fn made(change: impl FnOnce(&mut Run)) -> (tempfile::TempDir, Written) {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Specimen { seconds: 12, samples_per_second: 2_000, ..Specimen::default() }.write(folder.path());
    change(&mut run);
    RunFolder::open(folder.path()).unwrap().0.rewrite(&run).unwrap();
    let written = write(folder.path()).unwrap();
    (folder, written)
}

fn page(folder: &Path) -> String {
    fs::read_to_string(folder.join(PAGE_FILE)).unwrap()
}

/// The page as a browser of XML sees it: fails on whatever is not well formed.
fn with_tree<T>(page: &str, look: impl FnOnce(&roxmltree::Document<'_>) -> T) -> T {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    look(&roxmltree::Document::parse_with_options(page, options).unwrap())
}

fn cells(page: &str, first: &str) -> Vec<String> {
    with_tree(page, |tree| {
        let rows = tree.descendants().filter(|node| node.has_tag_name("tr"));
        let rows = rows.map(|row| {
            let texts = row.children().filter(roxmltree::Node::is_element);
            texts.map(|cell| cell.text().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        });
        rows.into_iter().find(|row| row.first().is_some_and(|cell| cell == first)).unwrap_or_default()
    })
}

#[test]
fn the_points_of_the_plot_are_the_quantiles_of_the_samples() {
    let specimen = Specimen { seconds: 12, samples_per_second: 2_000, seed: 5, ..Specimen::default() };
    let folder = tempfile::tempdir().unwrap();
    specimen.write(folder.path());
    let written = write(folder.path()).unwrap();
    let mut sorted: Vec<u64> = specimen.responses().into_iter().map(|(_, ns)| ns).collect();
    sorted.sort_unstable();
    let main = written.figures.main().unwrap();
    assert_eq!(main.percentiles.count, sorted.len() as u64);
    assert!(main.plot.len() > 30, "{:?}", main.plot);
    for point in &main.plot {
        // Of the samples themselves, not of a histogram: it keeps three digits.
        let through = sorted.len() as u64 * (1_000_000 - point.above_per_million);
        let rank = through.div_ceil(1_000_000).max(1) as usize;
        let (exact, shown) = (sorted[rank - 1] as f64, point.value_ns as f64);
        assert!((shown - exact).abs() <= exact * 0.001 + 1.0, "seed 5: {point:?} and {exact}");
    }
    let page = page(folder.path());
    with_tree(&page, |tree| {
        let titles: Vec<_> =
            tree.descendants().filter(|node| node.has_tag_name("title")).filter_map(|t| t.text()).collect();
        for point in &main.plot {
            let digits = point.value_ns.to_string();
            let shown = titles.iter().any(|title| title.replace(',', "").contains(&format!("({digits} ns)")));
            assert!(shown, "{point:?} has no mark");
        }
    });
}

#[test]
fn a_percentile_with_fewer_than_ten_samples_above_is_nowhere() {
    let (folder, written) = made(|_| ());
    // 24,000 samples: 24 above p99.9, two above p99.99.
    let main = written.figures.main().unwrap();
    assert!(main.percentiles.p99_9.is_some());
    assert_eq!((main.percentiles.p99_99, main.percentiles.p99_999), (None, None));
    let last = main.plot.last().unwrap();
    assert!(24_000 * last.above_per_million >= 10_000_000, "{last:?}");
    assert!(24_000 * (last.above_per_million * 3 / 4) < 10_000_000, "the plot ends before it must: {last:?}");
    let row = cells(&page(folder.path()), "response");
    assert_eq!(row.len(), 10, "{row:?}");
    assert_eq!((row[1].as_str(), row[7].as_str(), row[8].as_str()), ("24,000", "–", "–"), "{row:?}");
    assert_ne!(row[6], "–", "{row:?}");
}

#[test]
fn a_second_with_too_few_samples_has_a_maximum_and_no_p99() {
    let folder = tempfile::tempdir().unwrap();
    Specimen { seconds: 11, samples_per_second: 999, ..Specimen::default() }.write(folder.path());
    let timeline = write(folder.path()).unwrap().figures.main().unwrap().timeline.clone();
    assert_eq!(timeline.len(), 11);
    assert!(timeline.iter().all(|moment| moment.p99.is_none() && moment.max.is_some() && moment.count == 999));
}

#[test]
fn the_heat_map_has_every_sample_once() {
    let (_folder, written) = made(|_| ());
    let heat = written.figures.heat.unwrap();
    assert_eq!(heat.columns.len(), heat.counts.len());
    assert!(heat.counts.iter().all(|column| column.len() == heat.rows.len() && column.iter().sum::<u64>() == 2_000));
    assert!(heat.rows.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{:?}", heat.rows);
}

#[test]
fn the_stages_add_up_to_the_mean_and_parallel_ones_count_once() {
    let (folder, written) = made(|_| ());
    let figures = &written.figures;
    let mean = figures.main().unwrap().mean_ns.unwrap();
    let sum: f64 = figures.path.iter().map(|stage| stage.adds_ns).sum();
    assert!((sum - mean).abs() < mean * 1e-9, "{sum} and {mean}");
    let stage = |name: &str| figures.path.iter().find(|stage| stage.name == name).unwrap();
    let (journal, replicate) = (stage("journal"), stage("replicate"));
    assert!((journal.start_ns - replicate.start_ns).abs() < 1e-6, "both begin at the ring");
    assert!((replicate.adds_ns - (replicate.mean_ns - journal.mean_ns)).abs() < 1e-6, "{replicate:?}");
    assert!(stage("match").adds_ns.abs() < 1e-6, "it ends before the others");
    assert!((stage("release").start_ns - (replicate.start_ns + replicate.mean_ns)).abs() < 1e-6);
    assert!(page(folder.path()).contains("100.0 %"));
}

#[test]
fn stages_that_take_longer_than_the_client_saw_are_told_and_not_hidden() {
    let (folder, _) = made(|run| run.stages[0].mean_ns *= 1_000.0);
    assert!(page(folder.path()).contains("The stages take longer than the client saw"));
}

#[test]
fn the_knee_is_the_last_rate_that_is_sustained() {
    let (folder, written) = made(|_| ());
    let knee = written.figures.knee.unwrap();
    assert_eq!((knee.point, knee.passed), (3, true));
    assert!(page(folder.path()).contains("knee: 200 k/s"));
    let (folder, written) = made(|run| run.sweep.truncate(3));
    assert!(!written.figures.knee.unwrap().passed);
    assert!(page(folder.path()).contains("the knee is further up") && !page(folder.path()).contains("knee: "));
    let (_folder, written) = made(|run| run.sweep.iter_mut().for_each(|point| point.achieved = 1.0));
    assert!(written.figures.knee.is_none());
    // All are answered in time, the last one slowly.
    let (_folder, written) = made(|run| {
        run.sweep.truncate(4);
        run.sweep[3].response.p99 = run.sweep[0].response.p99.map(|p99| p99 * 11);
    });
    assert_eq!(written.figures.knee.unwrap().point, 2);
}

#[test]
fn one_noisy_rate_is_marked_and_is_not_the_knee() {
    let (folder, written) = made(|run| run.sweep[1].achieved = 1.0);
    assert_eq!(written.figures.knee.unwrap().point, 3);
    let page = page(folder.path());
    for first in ["50.0 k/s (noisy)", "200 k/s (knee)", "300 k/s (beyond)", "100 k/s"] {
        assert!(!cells(&page, first).is_empty(), "{first}");
    }
}

/// The percentiles above it are of the knee, so the answered rate is, too.
#[test]
fn the_headline_of_a_sweep_is_of_one_rate_and_says_which() {
    let (folder, _) = made(|run| run.sweep[3].achieved = 199_000.0);
    let headline = |page: &str| page[..page.find("<h2>").unwrap()].to_owned();
    let told = headline(&page(folder.path()));
    assert!(told.contains("Of the knee of the sweep, <b>200 k/s</b> offered:"), "{told}");
    assert!(told.contains("<b>199 k/s</b><span>answered</span>"), "{told}");
    let (folder, _) = made(|run| run.sweep.iter_mut().for_each(|point| point.achieved /= 2.0));
    let told = headline(&page(folder.path()));
    assert!(told.contains("Of the lowest rate, <b>25.0 k/s</b> offered; the node kept up with none:"), "{told}");
    assert!(told.contains("<b>12.5 k/s</b><span>answered</span>"), "{told}");
    let (folder, _) = made(|run| run.sweep.clear());
    assert!(!headline(&page(folder.path())).contains("offered"));
}

#[test]
fn what_is_at_once_is_told_with_the_load() {
    for (mode, burst, window, told) in [
        (LoadMode::Open, 1, 0, "no bursts"),
        (LoadMode::Burst, 500, 0, "bursts of 500 requests"),
        (LoadMode::Burst, 0, 0, "unknown"),
        (LoadMode::Saturate, 0, 512, "window of 512 unanswered requests of a session"),
        (LoadMode::Closed, 0, 0, "one request of a session"),
    ] {
        let (folder, _) = made(|run| (run.load.mode, run.load.burst, run.load.window) = (mode, burst, window));
        let page = page(folder.path());
        assert_eq!(cells(&page, "at once")[1], told);
        let intends = !matches!(mode, LoadMode::Closed | LoadMode::Saturate);
        assert_eq!(cells(&page, "late sends")[1].contains("later than"), intends, "{mode:?}");
    }
}

/// Of a machine whose gaps are short and a generator in time there is no warning.
#[test]
fn what_is_not_the_nodes_is_told_before_any_number() {
    let warned = |change: fn(&mut Run)| {
        let (folder, written) = made(change);
        let page = page(folder.path());
        let head = &page[..page.find("<h2>").unwrap()];
        for warning in &written.figures.warnings {
            assert!(head.contains(&warning[1..20]), "{warning} is not in {head}");
        }
        written.figures.warnings
    };
    assert_eq!(warned(|_| ()), Vec::<String>::new());
    let late = warned(|run| {
        run.sweep.clear();
        run.late_sends.count = run.sent / 100 + 1;
    });
    assert!(
        matches!(&late[..], [one] if one.contains("241 of 24,000 requests (1.0 %) were sent more than 100 µs late")),
        "{late:?}"
    );
    let late = warned(|run| run.sweep[3].late = 501);
    assert!(
        matches!(&late[..], [one] if one.contains("501 of 50,000")),
        "of a sweep those at its knee count: {late:?}"
    );
    assert_eq!(
        warned(|run| run.sweep[4].late = 50_000),
        Vec::<String>::new(),
        "a rate beyond the knee is meant to be late"
    );

    let folder = tempfile::tempdir().unwrap();
    Specimen { seconds: 12, samples_per_second: 2_000, ..Specimen::default() }.write(folder.path());
    let put = |name: &str, ns: u64| {
        let file = folder.path().join(format!("{name}.hlog"));
        fs::remove_file(&file).unwrap();
        let mut recorder = Recorder::with_seconds(0);
        (0..24_000).for_each(|sample| recorder.record(sample * 500_000, ns));
        recorder.write(&file, name, SystemTime::UNIX_EPOCH).unwrap();
        write(folder.path()).unwrap().figures.warnings
    };
    let warnings = put("service", 1_000);
    let expected = "the largest part of the mean response time";
    assert!(matches!(&warnings[..], [one] if one.starts_with(expected)), "{warnings:?}");
    let warnings = put("hiccup", 1_000_000);
    assert!(warnings.iter().any(|one| one.contains("are of the order of p99 of response")), "{warnings:?}");
    assert!(warnings.iter().any(|one| one.contains("p99.9 1.00 ms") && one.contains("not the engine")), "{warnings:?}");
}

#[test]
fn a_failover_has_two_nodes_two_durabilities_and_threads_of_what_is_left() {
    let (folder, _) = made(|_| ());
    let page = page(folder.path());
    for part in [
        "2 nodes; durability <b>replicated until the primary was killed, degraded after",
        "then degraded",
        "is not in it",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn one_node_has_no_stage_of_replication() {
    let (folder, written) = made(|run| {
        run.nodes = 1;
        run.stages.iter_mut().find(|stage| stage.name == "replicate").unwrap().mean_ns = 0.0;
    });
    assert!(written.figures.path.iter().all(|stage| stage.name != "replicate"), "{:?}", written.figures.path);
    let page = page(folder.path());
    assert!(cells(&page, "replicate").is_empty() && page.contains("One node: nothing is replicated"));
    assert!(!page.contains(">replicate<"));
}

#[test]
fn slow_requests_of_the_same_moment_are_one_row() {
    let (folder, _) = made(|run| {
        let template = run.outliers[0].clone();
        let at = |at_ns, latency_ns, request| Outlier { at_ns, latency_ns, request, ..template.clone() };
        run.outliers =
            vec![at(50_000_000, 900, 1), at(55_000_000, 800, 2), at(41_000_000, 700, 3), at(70_000_000, 600, 4)];
    });
    let page = page(folder.path());
    let section = &page[page.find("Slowest requests").unwrap()..];
    let section = &section[..section.find("Failover").unwrap()];
    assert_eq!(section.matches("<tr>").count(), 3, "heads and two moments: {section}");
    assert!(section.contains("(and 2 more)"), "{section}");
}

#[test]
fn what_a_run_does_not_have_is_said_and_never_drawn_empty() {
    let (folder, written) = made(|run| {
        *run = Run { format: run.format, title: "nothing".into(), ..Run::default() };
    });
    let parts: Vec<Part> = written.figures.missing.iter().map(|missing| missing.part).collect();
    let all = [
        Part::Response,
        Part::Service,
        Part::JitterFloor,
        Part::Stages,
        Part::Sweep,
        Part::Outliers,
        Part::Checks,
        Part::Config,
        Part::CoreMap,
    ];
    assert_eq!(parts, all);
    let page = page(folder.path());
    let drawings = with_tree(&page, |tree| tree.descendants().filter(|node| node.has_tag_name("svg")).count());
    assert_eq!(drawings, 1, "the path alone, which needs no number");
    for words in
        ["percentiles", "timeline and heat map", "stages", "sweep", "outliers", "checks", "configuration", "core map"]
    {
        assert!(page.contains(&format!("Not in this run: {words}.")), "{words}");
    }
    assert!(page.contains("No change of leadership") && page.contains("Nothing was checked"));
}

#[test]
fn a_log_that_the_run_names_and_nobody_has_is_missing_by_name() {
    let folder = tempfile::tempdir().unwrap();
    Specimen { seconds: 12, samples_per_second: 100, ..Specimen::default() }.write(folder.path());
    fs::remove_file(folder.path().join("service.hlog")).unwrap();
    let written = write(folder.path()).unwrap();
    let why: Vec<_> = written.figures.missing.iter().map(|missing| missing.why.clone()).collect();
    assert!(why.contains(&"service: the run names service.hlog, which is not in its folder".to_owned()), "{why:?}");
    assert!(page(folder.path()).contains("service.hlog, which is not in its folder"));
}

#[test]
fn a_full_page_has_every_part_asks_nobody_and_is_well_formed() {
    let (folder, written) = made(|_| ());
    assert_eq!(written.figures.missing, []);
    let page = page(folder.path());
    assert!(
        !page.contains("http:") && !page.contains("https:") && !page.contains("//cdn"),
        "an address of somebody else"
    );
    with_tree(&page, |tree| {
        let elements = || tree.descendants().filter(roxmltree::Node::is_element);
        let drawings = elements().filter(|node| node.has_tag_name("svg")).count();
        assert_eq!(drawings, 6, "path, percentiles, timeline, heat map, stages, sweep");
        for forbidden in ["link", "img", "iframe", "object", "embed", "base", "form", "image", "use", "audio", "video"]
        {
            assert_eq!(elements().filter(|node| node.has_tag_name(forbidden)).count(), 0, "{forbidden}");
        }
        for node in elements() {
            let asks = ["src", "href", "srcset", "data", "action", "style", "onload"];
            assert!(!node.attributes().any(|attribute| asks.contains(&attribute.name())), "{node:?}");
        }
        // Rows of a table have as many cells as its heads.
        for table in elements().filter(|node| node.has_tag_name("table")) {
            let rows = table.children().filter(|node| node.has_tag_name("tr"));
            let widths: Vec<_> = rows.map(|row| row.children().filter(|cell| cell.is_element()).count()).collect();
            assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{widths:?}");
        }
    });
    for (what, there) in [
        ("isolated cores", "2-3"),
        ("governor", "performance"),
        ("hash of the input", "feedc0de00000001"),
        ("clock source", "tsc"),
    ] {
        assert_eq!(cells(&page, what).get(1).map(String::as_str), Some(there), "{what}");
    }
    assert!(page.contains("core_plan = &quot;fused&quot;") && page.contains("url(") == page.contains("url(data:"));
}

#[test]
fn markup_in_a_run_of_somebody_else_stays_text() {
    let evil = "</script><script>alert(1)</script><img src=x onerror=\"y\"> & \u{1} '";
    let (folder, _) = made(|run| {
        for text in [&mut run.title, &mut run.command, &mut run.config, &mut run.durability, &mut run.started_at] {
            *text = evil.into();
        }
        run.machine.cpu = evil.into();
        run.load.mix = evil.into();
        run.rejects.insert(evil.into(), 1);
        run.checks[0].detail = evil.into();
        run.stages[1].name = evil.into();
        run.outliers[0].content = evil.into();
        run.core_map[0].thread = evil.into();
        run.series[0].name = evil.into();
        run.series[0].description = evil.into();
    });
    let page = page(folder.path());
    with_tree(&page, |tree| {
        let of = |name: &str| tree.descendants().filter(|node| node.has_tag_name(name)).count();
        assert_eq!((of("script"), of("img")), (1, 0));
    });
}

/// A sweep has series for each rate, from the lowest on.
#[test]
fn the_page_of_a_sweep_is_about_its_knee() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Specimen { seconds: 12, samples_per_second: 200, ..Specimen::default() }.write(folder.path());
    let template = run.series.clone();
    run.series.truncate(0);
    for (point, row) in run.sweep.iter().enumerate() {
        for kind in &template[..2] {
            let mut recorder = Recorder::with_seconds(0);
            (0..1_000).for_each(|sample| recorder.record(sample * 1_000_000, 100 * (point as u64 + 1)));
            let name = format!("{}-{}", kind.name, row.offered);
            let file = format!("{name}.hlog");
            recorder.write(&folder.path().join(&file), &kind.tag, SystemTime::UNIX_EPOCH).unwrap();
            run.series.push(Series { name, file, ..kind.clone() });
        }
    }
    RunFolder::open(folder.path()).unwrap().0.rewrite(&run).unwrap();
    let figures = write(folder.path()).unwrap().figures;
    assert_eq!(figures.main().unwrap().series.name, "response-200000");
    assert_eq!(figures.series[figures.service.unwrap()].series.name, "service-200000");
    assert_eq!(figures.main().unwrap().percentiles.max, Some(400));
    let page = page(folder.path());
    assert!(page.contains("<h3>Heat map: response-200000</h3>"));
    assert_eq!(cells(&page, "response-25000")[1], "1,000", "the table has all rates");
}

#[test]
fn gaps_of_the_machine_stand_in_the_seconds_in_which_they_were() {
    let (_folder, written) = made(|_| ());
    let figures = &written.figures;
    assert_eq!(figures.floor.len(), figures.main().unwrap().timeline.len());
    let hiccup = figures.series.iter().find(|each| each.series.kind == SeriesKind::Hiccup).unwrap();
    let maxima: Vec<_> = hiccup.timeline.iter().map(|moment| moment.max).collect();
    assert_eq!(figures.floor, maxima);

    // The same meter an hour earlier says nothing about these seconds.
    let folder = tempfile::tempdir().unwrap();
    Specimen { seconds: 12, samples_per_second: 200, ..Specimen::default() }.write(folder.path());
    let file = folder.path().join("hiccup.hlog");
    fs::remove_file(&file).unwrap();
    let mut recorder = Recorder::with_seconds(0);
    (0..12_000).for_each(|sample| recorder.record(sample * 1_000_000, 5_000_000));
    recorder.write(&file, "hiccup", SystemTime::UNIX_EPOCH + Duration::from_secs(1_763_761_200)).unwrap();
    let written = write(folder.path()).unwrap();
    assert!(written.figures.floor.is_empty());
    let page = page(folder.path());
    assert!(page.contains("The hiccup meter ran before and after the load"));
    assert_eq!(cells(&page, "hiccup")[1], "12,000", "its percentiles are there");
}

#[test]
fn the_json_beside_the_page_has_its_numbers() {
    let (folder, written) = made(|_| ());
    let json: Value = serde_json::from_str(&fs::read_to_string(folder.path().join(FIGURES_FILE)).unwrap()).unwrap();
    let total = Hlog::read(&folder.path().join("response.hlog")).unwrap().total();
    let series = &json["series"][0];
    assert_eq!(series["p99"].as_u64(), Some(total.value_at_quantile(0.99)));
    assert_eq!((series["count"].as_u64(), series["max"].as_u64()), (Some(total.len()), Some(total.max())));
    assert_eq!(series["plot"].as_array().unwrap().len(), written.figures.series[0].plot.len());
    assert_eq!((json["format"].as_u64(), json["run"]["title"].is_string()), (Some(1), true));
    assert_eq!(json["knee"]["offered"].as_f64(), Some(200_000.0));
}

#[test]
fn the_same_folder_gives_the_same_bytes() {
    let (folder, _) = made(|_| ());
    let first = page(folder.path());
    write(folder.path()).unwrap();
    assert_eq!(page(folder.path()), first);
}

#[test]
fn a_long_run_is_drawn_with_several_seconds_to_a_point() {
    let folder = tempfile::tempdir().unwrap();
    Specimen { seconds: 1_500, samples_per_second: 10, ..Specimen::default() }.write(folder.path());
    let written = write(folder.path()).unwrap();
    let timeline = &written.figures.main().unwrap().timeline;
    assert_eq!(timeline.len(), 500);
    assert_eq!(timeline.iter().map(|moment| moment.count).sum::<u64>(), 15_000);
    assert!(page(folder.path()).contains("One point for 3 s"));
    assert!(written.figures.heat.unwrap().columns.len() <= 120);
}

/// Zero, the largest number there is, one sample, no interval at all.
#[test]
fn odd_histograms_make_a_page_too() {
    for values in [vec![], vec![0], vec![u64::MAX / 2], vec![0, u64::MAX / 2, 5]] {
        let (folder, _) = made(|_| ());
        let mut all = histogram();
        values.iter().for_each(|value| all.record(*value).unwrap());
        let file = folder.path().join("response.hlog");
        fs::remove_file(&file).unwrap();
        let start = SystemTime::UNIX_EPOCH;
        let mut log = tidegate_latency::HlogWriter::create(&file, "response", start).unwrap();
        if !values.is_empty() {
            log.write(Duration::ZERO, Duration::from_secs(1), &all).unwrap();
        }
        log.finish().unwrap();
        write(folder.path()).unwrap();
        with_tree(&page(folder.path()), |_| ());
    }
}

#[test]
fn a_folder_that_is_no_run_is_an_error_that_names_file_and_field() {
    let told = |folder: &Path| write(folder).unwrap_err().to_string();
    let empty = tempfile::tempdir().unwrap();
    let nowhere = told(&empty.path().join("nowhere"));
    assert!(nowhere.contains("nowhere") && nowhere.contains("cannot read"), "{nowhere}");
    assert!(told(empty.path()).contains(RUN_FILE), "{}", told(empty.path()));
    let (folder, _) = made(|_| ());
    let file = folder.path().join(RUN_FILE);
    let whole = fs::read_to_string(&file).unwrap();
    for (text, expected) in [
        (whole[..whole.len() / 2].to_owned(), "EOF"),
        (whole.replacen("\"format\": 1", "\"format\": 2", 1), "`format` is 2, this program reads 1"),
        (
            whole.replacen("\"unit\": \"ns\"", "\"unit\": \"ms\"", 1),
            "`series.unit` of `response` is `ms`, it must be `ns`",
        ),
    ] {
        assert_ne!(text, whole);
        fs::write(&file, text).unwrap();
        let told = told(folder.path());
        assert!(told.contains(expected) && told.contains(RUN_FILE), "{told}");
    }
    fs::write(&file, whole).unwrap();
    fs::write(folder.path().join("response.hlog"), "Tag=a,0.0,1.0,5,not base64!\n").unwrap();
    let told = told(folder.path());
    assert!(told.contains("response.hlog"), "{told}");
}

#[test]
fn every_kind_of_series_keeps_its_place_in_the_table() {
    let (folder, _) = made(|run| {
        let stage = Series { name: "journal".into(), kind: SeriesKind::Stage, ..run.series[1].clone() };
        run.series.push(stage);
    });
    assert_eq!(cells(&page(folder.path()), "journal")[1], "24,000");
}
