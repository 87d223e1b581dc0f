//! `tidegate tune` on made-up hosts (`tune/*.txt`), and `deploy/host/tune.sh`, which is run on the same trees and must bring
//! about what the checks want to see.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use tidegate_cli::tune::{ClockSync, Facts, Finding, Fix, NodeFacts, State, Topic, check};
use tidegate_latency::HostFiles;
use tidegate_pipeline::{CorePlan, CorePlanChoice};

const GOOD: &str = include_str!("tune/good.txt");
const CASES: &str = include_str!("tune/cases.txt");
const SYSCTLS: &str = include_str!("../../../deploy/host/sysctl.d/90-tidegate.conf");

/// A host that is made up.
struct Host {
    root: TempDir,
    facts: Facts,
}

impl Host {
    fn good() -> Self {
        let root = tempfile::tempdir().unwrap();
        let node = NodeFacts { core_plan: CorePlanChoice::Auto, files: 4_352, is_replicated: true };
        let facts = Facts {
            files: HostFiles::below(root.path()),
            available: 8,
            device: Some((259, 2)),
            io_uring: Some(Ok(())),
            clock: Some(ClockSync { is_synced: true, error_max_us: 700 }),
            node,
        };
        let mut host = Self { root, facts };
        GOOD.lines().filter(|line| !line.starts_with('#')).for_each(|line| host.apply(line));
        host
    }

    /// A line of a table.
    fn apply(&mut self, line: &str) {
        if let Some(path) = line.strip_prefix("- ") {
            for (_, path) in expanded(path) {
                let path = self.path(&path);
                if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
            }
        } else if let Some((path, target)) = line.split_once(" -> ") {
            let path = self.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(target, path).unwrap();
        } else if line.starts_with('/') {
            let (path, text) =
                line.split_once(": ").or_else(|| line.strip_suffix(':').map(|path| (path, ""))).expect(line);
            for (number, path) in expanded(path) {
                let path = self.path(&path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, unescaped(&text.replace("{}", &number))).unwrap();
            }
        } else {
            match line.split_once(' ').expect(line) {
                ("available", number) => self.facts.available = number.parse().unwrap(),
                ("plan", "fused") => self.facts.node.core_plan = CorePlanChoice::Fused,
                ("io_uring", "refused") => self.facts.io_uring = Some(Err("no".to_owned())),
                ("clock", "drifting") => {
                    self.facts.clock = Some(ClockSync { is_synced: false, error_max_us: 16_000_000 });
                }
                ("device", "none") => self.facts.device = None,
                _ => panic!("no such fact: {line}"),
            }
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).expect(path)
    }

    /// Every file below the root; of the kernel's choices only the one in force.
    fn snapshot(&self) -> BTreeMap<PathBuf, String> {
        let mut files = BTreeMap::new();
        collect(self.root.path(), &mut files);
        files
    }

    /// `deploy/host/tune.sh` on this tree.
    fn script(&self, arguments: &str) -> Output {
        script().env("TIDEGATE_ROOT", self.root.path()).args(arguments.split_whitespace()).output().unwrap()
    }

    fn script_says(&self, arguments: &str) -> String {
        let output = self.script(arguments);
        assert!(output.status.success(), "{arguments}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn finding(&self, name: &str) -> Finding {
        check(&self.facts).into_iter().find(|finding| finding.check == name).unwrap()
    }
}

/// `a{0-2}b` is three paths, with the numbers; without braces it is itself.
fn expanded(path: &str) -> Vec<(String, String)> {
    let Some((before, (range, after))) =
        path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    else {
        return vec![(String::new(), path.to_owned())];
    };
    let (first, last) = range.split_once('-').unwrap();
    let numbers = first.parse::<u32>().unwrap()..=last.parse().unwrap();
    numbers.map(|number| (number.to_string(), format!("{before}{number}{after}"))).collect()
}

/// With `\n`, and bytes as `\x05`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap().replace("\\n", "\n").into_bytes();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[2..].bytes());
    }
    bytes
}

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), files);
        } else if entry.file_type().unwrap().is_file() {
            let text = String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).trim().to_owned();
            let inner = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
            // A unit's `[Service]` opens its file; a choice never has lines.
            let text = inner.filter(|_| !text.contains('\n')).map_or(text.clone(), |(chosen, _)| chosen.to_owned());
            files.insert(entry.path(), text);
        }
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn script() -> Command {
    let mut command = Command::new("bash");
    command.arg(repository().join("deploy/host/tune.sh"));
    command
}

/// What is expected of a check: state, name, words.
type Expected = (String, String, String);

/// Every case: its title, its host, what is expected.
fn cases() -> Vec<(&'static str, Host, Vec<Expected>)> {
    let mut cases = Vec::new();
    for case in CASES.split("\n== ").skip(1) {
        let (title, lines) = case.split_once('\n').unwrap();
        let mut host = Host::good();
        let mut expected = Vec::new();
        for line in lines.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let Some(line) = line.strip_prefix("=> ") else {
                host.apply(line);
                continue;
            };
            let (head, words) = line.split_once(": ").expect(line);
            let (state, name) = head.rsplit_once(' ').expect(line);
            expected.push((state.to_owned(), name.to_owned(), words.to_owned()));
        }
        cases.push((title, host, expected));
    }
    cases
}

#[test]
fn made_up_hosts_are_judged_as_their_tables_say() {
    let cases = cases();
    assert!(cases.len() > 50, "{} cases", cases.len());
    for (title, host, expected) in cases {
        let findings = check(&host.facts);
        let told: BTreeSet<(&str, &str)> = findings
            .iter()
            .filter(|finding| finding.state != State::Good)
            .map(|finding| (finding.state.as_str(), finding.check))
            .collect();
        let wanted: BTreeSet<(&str, &str)> =
            expected.iter().map(|(state, name, _)| (state.as_str(), name.as_str())).collect();
        assert_eq!(told, wanted, "{title}: {findings:#?}");
        for (_, name, words) in &expected {
            let finding = findings.iter().find(|finding| finding.check == name).unwrap();
            let fixes: Vec<String> = finding
                .fixes
                .iter()
                .map(|fix| match fix {
                    Fix::Script(line) | Fix::Shell(line) | Fix::KernelParameter(line) | Fix::Advice(line) => {
                        line.clone()
                    }
                })
                .collect();
            let text =
                [&finding.seen, &finding.cost, &finding.source, &fixes.join("\n")].map(String::as_str).join("\n");
            assert!(text.contains(words), "{title}: {name} does not say `{words}`:\n{text}");
        }
    }
}

#[test]
fn whatever_hurts_says_what_it_costs_whence_that_is_known_and_what_changes_it() {
    let mut seen = BTreeSet::new();
    for (title, host, _) in cases() {
        for finding in check(&host.facts).iter().filter(|finding| finding.state == State::Hurts) {
            assert!(!finding.cost.is_empty() && !finding.source.is_empty(), "{title}: {finding:?}");
            assert!(!finding.fixes.is_empty(), "{title}: {finding:?}");
            seen.insert(finding.check);
        }
    }
    // Those that are a matter of taste, or say at most that they cannot tell.
    let never = ["boost", "mitigations", "huge-page-pool", "realtime-throttle"];
    let all: BTreeSet<&str> = check(&Host::good().facts).iter().map(|finding| finding.check).collect();
    assert_eq!(&all - &seen, BTreeSet::from(never), "a check that no table shows to hurt");
}

#[test]
fn the_script_fixes_what_it_is_named_for_and_takes_it_back() {
    let mut done = BTreeSet::new();
    for (title, host, _) in cases() {
        for finding in check(&host.facts).iter().filter(|finding| finding.state == State::Hurts) {
            // Each fix of a check once: a script is slow.
            let Some(topic) = finding.topic.filter(|topic| done.insert((finding.check, *topic))) else { continue };
            let Some(Fix::Script(line)) = finding.fixes.first() else { panic!("{title}: the script comes first") };
            let arguments = line.strip_prefix("sudo deploy/host/tune.sh ").unwrap();
            fixes(&format!("{title}: {}", finding.check), &host, finding, topic, arguments);
        }
    }
    let topics: BTreeSet<Topic> = done.into_iter().map(|(_, topic)| topic).collect();
    assert_eq!(topics, BTreeSet::from(Topic::ALL), "every topic is the fix of something");
}

fn fixes(what: &str, host: &Host, finding: &Finding, topic: Topic, arguments: &str) {
    let before = host.snapshot();
    let would = host.script_says(&format!("--dry-run {arguments}"));
    assert_eq!(host.snapshot(), before, "{what}: a dry run changes nothing");
    let done = host.script_says(arguments);
    let count = |text: &str, words: &[&str]| {
        text.lines().filter(|line| words.iter().any(|word| line.starts_with(word))).count()
    };
    let changes = count(&done, &["wrote ", "installed "]);
    assert!(changes > 0, "{what}: {done}");
    assert_eq!(count(&would, &["would write ", "would install "]), changes, "{what}: {would}\n{done}");
    match topic {
        Topic::Boot => {
            let installed = host.read("/etc/default/grub.d/90-tidegate.cfg");
            let parameters = finding.fixes.iter().find_map(|fix| match fix {
                Fix::KernelParameter(parameters) => Some(parameters.as_str()),
                _ => None,
            });
            assert!(installed.contains(parameters.unwrap()), "{what}: {installed}");
        }
        Topic::Limits => {
            let drop_in = host.read("/etc/systemd/system/tidegate.service.d/90-host.conf");
            let files = drop_in.lines().find_map(|line| line.strip_prefix("LimitNOFILE=")).unwrap();
            assert!(files.parse::<u64>().unwrap() >= host.facts.node.files, "{drop_in}");
            for line in ["CPUAffinity=0-7", "LimitRTPRIO=20", "LimitMEMLOCK=infinity"] {
                assert!(drop_in.lines().any(|found| found == line), "{what}: {line} in {drop_in}");
            }
            assert!(host.read("/etc/security/limits.d/90-tidegate.conf").contains("memlock  unlimited"));
        }
        _ => assert_eq!(host.finding(finding.check).state, State::Good, "{what}: {done}"),
    }
    let after = host.snapshot();
    assert!(host.script_says(arguments).contains("nothing to change"), "{what}: a second run changes nothing");
    assert_eq!(host.snapshot(), after, "{what}: a second run changes nothing");
    host.script_says("--undo");
    assert_eq!(host.snapshot(), before, "{what}: as before");
    assert_eq!(host.script_says("--undo"), "nothing to undo\n");
}

#[test]
fn the_script_has_the_topics_that_findings_name() {
    let output = script().arg("--list").output().unwrap();
    let listed: Vec<&str> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
    assert_eq!(listed, Topic::ALL.map(Topic::as_str));
}

#[test]
fn a_whole_run_and_its_undo_leave_the_host_as_it_was() {
    let mut host = Host::good();
    for line in [
        "/sys/devices/system/cpu/cpu{0-7}/cpufreq/scaling_governor: ondemand",
        "/sys/kernel/mm/transparent_hugepage/enabled: [always] madvise never",
        "/proc/sys/vm/swappiness: 60",
        "/proc/irq/30/smp_affinity_list: 2-5",
        "/etc/sysctl.d/90-tidegate.conf: vm.swappiness = 33",
    ] {
        host.apply(line);
    }
    let before = host.snapshot();
    host.script_says("--disk nvme0n1");
    assert_eq!(host.read("/proc/irq/30/smp_affinity_list"), "0-2\n");
    assert_eq!(host.read("/proc/irq/24/smp_affinity_list"), "0", "it was not on the pipeline's cores");
    assert!(!host.path("/etc/default/grub.d").exists(), "boot only when it is asked for");
    // What somebody changes between two runs is not what was there first.
    host.apply("/proc/sys/vm/swappiness: 10");
    host.script_says("sysctl");
    assert_eq!(host.read("/proc/sys/vm/swappiness"), "1\n");
    let would = host.script_says("--dry-run --undo");
    assert!(would.contains("would write 60 to /proc/sys/vm/swappiness"), "{would}");
    assert_eq!(would.matches("/proc/sys/vm/swappiness").count(), 1, "only the first old value is kept: {would}");
    host.script_says("--undo");
    assert_eq!(host.snapshot(), before);
}

#[test]
fn larger_buffers_and_a_lower_swappiness_stay() {
    let mut host = Host::good();
    host.apply("/proc/sys/vm/swappiness: 0");
    host.script_says("sysctl");
    assert_eq!(host.read("/proc/sys/net/core/rmem_max"), "16777216");
    assert_eq!(host.read("/proc/sys/vm/swappiness"), "0");
    let installed = host.read("/etc/sysctl.d/90-tidegate.conf");
    assert!(installed.contains("\nnet.core.rmem_max = 16777216\n"), "{installed}");
    assert!(installed.contains("\nvm.swappiness = 0\n"), "{installed}");
    assert!(installed.contains("\nnet.core.wmem_max = 4194304\n"), "{installed}");
    assert!(host.script_says("sysctl").contains("nothing to change"));
}

#[test]
fn the_script_knows_the_core_plan() {
    for count in [1_usize, 2, 5, 6, 8, 16] {
        let mut host = Host::good();
        host.apply(&format!("/sys/devices/system/cpu/online: 0-{}", count - 1));
        host.apply("/sys/devices/system/cpu/isolated:");
        let said = host.script_says("--dry-run thp");
        let plan = CorePlan::choose(CorePlanChoice::Auto, count);
        let threads = if plan == CorePlan::Pinned { 5 } else { 1 };
        let cores: BTreeSet<usize> = (0..threads).filter_map(|n| plan.core_of(n, count)).collect();
        let shown = match (cores.first(), cores.last()) {
            (Some(first), Some(last)) if first < last => format!("{first}-{last}"),
            (Some(only), _) => only.to_string(),
            _ => "none".to_owned(),
        };
        assert!(said.starts_with(&format!("pipeline cores: {shown}\n")), "{count}: {said}");
    }
}

#[test]
fn wrong_words_are_refused_before_anything_is_changed() {
    let host = Host::good();
    let before = host.snapshot();
    for (arguments, told) in [
        ("--cores 3-x", "--cores '3-x': a list such as 3-7 or 2,3"),
        ("--cores", "--cores '': a list such as 3-7 or 2,3"),
        ("--cores 5-3 thp", "--cores '5-3': a list such as 3-7 or 2,3"),
        ("--cores 7-8 irqs", "--cores 7-8: only 0-7 are there"),
        ("--cores 0-7 irqs", "--cores 0-7: these are all; leave at least one for everything else"),
        ("--disk ../sda disk", "--disk '../sda': a name in /sys/block"),
        ("--disk sdz disk", "--disk sdz: there is no /sys/block/sdz/queue/scheduler"),
        ("turbo", "turbo: no such topic; there are: governor idle"),
        ("--force", "--force: no such option; --help lists them"),
        ("--undo thp", "--undo brings back everything: name no topic"),
    ] {
        let output = host.script(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {output:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.starts_with(&format!("tune.sh: {told}")), "{arguments}: {text}");
        assert_eq!(host.snapshot(), before, "{arguments}");
    }
}

#[test]
fn what_the_kernel_refuses_is_told_and_not_undone() {
    let mut host = Host::good();
    host.apply("- /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    host.apply("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor: powersave");
    // A file that everybody may read, and the kernel lets nobody write.
    host.apply("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor -> /proc/version");
    let output = host.script("governor");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("the kernel refuses performance for"));
    assert_eq!(host.read("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor"), "performance\n");
    let undone = host.script_says("--undo");
    assert!(undone.contains("cpu1") && !undone.contains("cpu0"), "{undone}");
}

#[test]
fn without_root_the_script_refuses_and_says_what_to_do() {
    // Copied to where every user may read it.
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let copy = folder.path().join("tune.sh");
    fs::copy(repository().join("deploy/host/tune.sh"), &copy).unwrap();
    let open = |path: &Path| fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    open(folder.path());
    open(&copy);
    let mut command = Command::new("bash");
    command.arg(&copy).arg("governor").current_dir("/");
    // SAFETY: it takes nothing and only answers.
    if unsafe { libc::geteuid() } == 0 {
        // Nobody.
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("needs root: sudo ") && text.contains("--dry-run"), "{text}");
}

#[test]
fn the_script_is_clean() {
    let syntax = Command::new("bash").arg("-n").arg(repository().join("deploy/host/tune.sh")).output().unwrap();
    assert!(syntax.status.success(), "{syntax:?}");
    match Command::new("shellcheck").arg(repository().join("deploy/host/tune.sh")).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) => eprintln!("SKIPPED: shellcheck: {error}"),
    }
}

#[test]
fn the_readme_explains_every_topic_and_every_sysctl() {
    let readme = fs::read_to_string(repository().join("deploy/host/README.md")).unwrap();
    for topic in Topic::ALL {
        assert!(readme.contains(&format!("| `{}` |", topic.as_str())), "{}", topic.as_str());
    }
    for key in SYSCTLS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = ")) {
        assert!(readme.contains(key.0), "{}", key.0);
    }
}

fn tune(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate")).arg("tune").args(arguments).output().unwrap()
}

#[test]
fn the_command_looks_at_this_host_and_measures_it() {
    let folder = tempfile::tempdir().unwrap();
    let output = tune(&["--data-dir", folder.path().to_str().unwrap(), "--measure", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = told["findings"].as_array().unwrap();
    assert_eq!(findings.len(), check(&Host::good().facts).len());
    let hurts = findings.iter().any(|finding| finding["state"] == "hurts");
    assert_eq!(told["hurts"], hurts);
    assert_eq!(output.status.code(), Some(if hurts { 3 } else { 0 }));
    assert!(told["measured"]["clock_ns"].as_f64().unwrap() > 0.0);
    let cores = told["pipeline_cores"].as_array().unwrap().len();
    assert!(told["measured"]["hiccups"].as_array().unwrap().len() <= cores);
    let clock = findings.iter().find(|finding| finding["check"] == "clock-source").unwrap();
    assert!(clock["measured"].as_str().unwrap().starts_with("a look at the clock "), "{clock}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left in the data folder");
}

#[test]
fn the_table_is_for_people_and_the_configuration_names_the_disk() {
    let config = repository().join("deploy/config/single.toml");
    let output = tune(&["--config", config.to_str().unwrap()]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("file-system: ") && !text.contains("no data folder was named"), "{text}");
    // Sessions and connections of the feed, and the node's own.
    assert!(text.contains("the node's own limits need 4608") || text.contains("open-files: no limit"), "{text}");
    assert!(!text.contains('\x1b'), "no colours into a pipe");
}

#[test]
fn wrong_arguments_are_refused() {
    let output = tune(&["--data-dir", "/tmp", "--config", "/tmp/x.toml"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let output = tune(&["--config", "/not/there.toml"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("/not/there.toml"));
}
