//! What is added to a command so that it is quick and in nobody's way: the smallest data, few samples, ports that are free.

/// Free ports that take the place of those which the pages name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    /// Of the simulated API that serves all commands.
    pub(super) api: u16,
    /// Of `states-api`.
    pub(super) states: u16,
    /// Of the figures for Prometheus.
    pub(super) metrics: u16,
}

/// What a command begins with, what it has to have or lack besides, and what is added at its end.
type Addition = (&'static str, fn(&str) -> bool, &'static str);

/// The first that fits.
const ADDED: &[Addition] = &[
    ("cargo run -p io-concurrency -- list", any, ""),
    ("cargo run -p cpu-parallel -- list", any, ""),
    ("cargo run -p io-concurrency", compares, "--scale tiny --samples 1"),
    ("cargo run -p cpu-parallel", compares, "--scale tiny --samples 1"),
    ("cargo run -p pipelines", compares, "--scale tiny --samples 1"),
    ("cargo run -p states-api -- states", compares, "--scale tiny --samples 1"),
    ("cargo run -p io-concurrency", any, "--scale tiny"),
    ("cargo run -p cpu-parallel", any, "--scale tiny"),
    ("cargo run -p pipelines", any, "--scale tiny"),
    ("cargo run -p states-api -- states", any, "--scale tiny"),
    ("cargo run -p states-api", serves, "--port {states}"),
    ("cargo run -p mock-api", serves, "--or-any-port"),
    ("cargo run -p fundamentals -- run", any, "--brief"),
    ("cargo run -p fundamentals -- advise", any, ""),
    ("cargo xtask run-all", any, "--scale tiny --samples 1"),
    // The newest run of the pages has one sample a cell, which is too few to tell anything.
    ("cargo xtask gate", any, "data/runs/B"),
    ("cargo xtask sweep", any, "--scale tiny --samples 3"),
    ("cargo xtask live", any, "--scale tiny --port 0"),
    ("cargo xtask learn", any, "--scale tiny --samples 1 --brief"),
];

/// What pages write, and what stands there when it is run.
const INSTEAD: &[(&str, &str)] = &[
    ("https://example.org/api", "http://127.0.0.1:{api}"),
    ("localhost:8001", "localhost:{states}"),
    ("127.0.0.1:9100", "127.0.0.1:{metrics}"),
    ("/var/log/app.log", "app.log"),
    ("--count 200", "--count 40"),
];

fn any(_: &str) -> bool {
    true
}

fn compares(line: &str) -> bool {
    // Without an exercise, all of them are measured.
    line.contains("--compare") || !line.contains(" -- ")
}

fn serves(line: &str) -> bool {
    !line.contains("--help")
}

/// The command as it is run.
pub(super) fn adapted(line: &str, ports: Ports) -> String {
    let fits = |(start, also, _): &&Addition| {
        line.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')) && also(line)
    };
    let added = ADDED.iter().find(fits).map_or("", |(_, _, added)| added);
    // Between quotes it is no redirection but a condition.
    let is_open =
        |before: &str| ['\'', '"'].iter().all(|quote| before.matches(*quote).count().is_multiple_of(2));
    let redirection = line.rfind(" > ").filter(|at| is_open(&line[..*at]));
    let (said, redirected) = redirection.map_or((line, None), |at| (&line[..at], Some(&line[at + 3..])));
    let mut line = said.to_owned();
    let names_one = added.starts_with("--scale") && line.contains("--scale");
    if !added.is_empty() && !names_one {
        // What stands without `--` so far has no arguments for the program yet.
        if line.starts_with("cargo run") && !line.contains(" -- ") {
            line.push_str(" --");
        }
        line = format!("{line} {added}");
    }
    for (written, run) in INSTEAD {
        line = line.replace(written, run);
    }
    if let Some(file) = redirected {
        line = format!("{line} > {file}");
    }
    line.replace("{api}", &ports.api.to_string())
        .replace("{states}", &ports.states.to_string())
        .replace("{metrics}", &ports.metrics.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        assert_eq!(adapted(line, Ports { api: 1, states: 2, metrics: 3 }), expected);
    }

    #[test]
    fn commands_get_the_smallest_data_where_they_name_none() {
        check("cargo run -p cpu-parallel", "cargo run -p cpu-parallel -- --scale tiny --samples 1");
        check("cargo run -p pipelines -- stages", "cargo run -p pipelines -- stages --scale tiny");
        check("cargo run -p cpu-parallel -- list", "cargo run -p cpu-parallel -- list");
        check("cargo xtask run-all --scale small", "cargo xtask run-all --scale small");
        check("cargo xtask tidy", "cargo xtask tidy");
    }

    #[test]
    fn a_redirection_stays_at_the_end() {
        check(
            "cargo run -p pipelines -- alerts --example > a.toml",
            "cargo run -p pipelines -- alerts --example --scale tiny > a.toml",
        );
    }

    #[test]
    fn a_comparison_is_no_redirection() {
        check(
            "cargo run -p pipelines -- x --where \"a > 1\"",
            "cargo run -p pipelines -- x --where \"a > 1\" --scale tiny",
        );
    }

    #[test]
    fn ports_and_places_of_others_are_left_alone() {
        check("cargo run -p states-api", "cargo run -p states-api -- --port 2");
        check("curl 'localhost:8001/a'", "curl 'localhost:2/a'");
        check(
            "cargo run -p pipelines -- extract https://example.org/api/orders",
            "cargo run -p pipelines -- extract http://127.0.0.1:1/orders --scale tiny",
        );
    }
}
