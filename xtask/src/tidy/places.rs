//! Places that mean something on one machine only.
//!
//! The words that are looked for are put together here, so that this file does not find itself.

use crate::tidy::Finding;
use crate::tidy::tree::Tree;

/// How absolute paths of somebody's machine start. `/tmp`, `/proc` and their like are everywhere the same.
const PATHS: &[&str] = &[
    concat!("/", "work/"),
    concat!("/", "root/"),
    concat!("/", "home/"),
    concat!("/", "Users/"),
    concat!("/", "farm/"),
];

/// The hosts behind package registries. Which one serves a package is the business of a machine's own settings.
const HOSTS: &[&str] = &[
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("registry.", "npmjs.org"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("deb.", "debian.org"),
];

/// Where every locked package comes from.
const SOURCE: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// How an address is written that means every network of a machine.
const EVERYWHERE: &[&str] = &[concat!("0.0", ".0.0"), concat!("UNSPEC", "IFIED"), concat!("[", "::]")];

/// No program listens to a network by itself: it does so where its user says so, and code names no such address.
pub(super) fn loopback(tree: &Tree) -> Vec<Finding> {
    let numbered =
        tree.ending(".rs").flat_map(|(path, text)| (1..).zip(text.lines()).map(move |line| (path, line)));
    let code = numbered.filter(|(_, (_, line))| !line.trim_start().starts_with("//"));
    let found = code.flat_map(|(path, (number, line))| {
        let named = EVERYWHERE.iter().filter(move |address| line.contains(**address));
        named
            .map(move |address| Finding::new(path, number, format!("an address of every network: {address}")))
    });
    found.collect()
}

/// No file holds a path of a machine.
pub(super) fn machine_paths(tree: &Tree) -> Vec<Finding> {
    // Within a longer path, or after a host's name, it is a place of the project's or of a server's.
    let is_start = |before: &str| {
        !before.ends_with(|last: char| last.is_ascii_alphanumeric() || "_.-~}>".contains(last))
    };
    let found = lines(tree).flat_map(|(path, number, line)| {
        let starts =
            PATHS.iter().filter(move |start| line.match_indices(*start).any(|(at, _)| is_start(&line[..at])));
        starts.map(move |start| Finding::new(path, number, format!("a path of one machine: {start}…")))
    });
    found.collect()
}

/// No file holds the host of a package registry, and every locked package comes from the one that cargo knows by itself.
pub(super) fn registries(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, number, line) in lines(tree) {
        for host in HOSTS.iter().filter(|host| line.contains(**host)) {
            findings.push(Finding::new(path, number, format!("the host of a package registry: {host}")));
        }
        if path.ends_with("Cargo.lock") && line.starts_with("source = ") && line != SOURCE {
            findings.push(Finding::new(path, number, format!("a package from elsewhere: {line}")));
        }
        let replaced = line.starts_with("[source.") || line.starts_with("replace-with");
        if path.starts_with(".cargo/") && replaced {
            findings.push(Finding::new(path, number, "a registry of one machine's own"));
        }
    }
    findings
}

fn lines(tree: &Tree) -> impl Iterator<Item = (&str, usize, &str)> {
    tree.texts()
        .flat_map(|(path, text)| text.lines().enumerate().map(move |(index, line)| (path, index + 1, line)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::check;

    #[test]
    fn an_address_of_every_network_is_named_with_its_line() {
        let text = concat!("// 0.0", ".0.0\nbind(\"127.0.0.1\");\nbind(\"0.0", ".0.0:80\");\n");
        let expected = concat!("crates/a/src/b.rs:3: an address of every network: 0.0", ".0.0");
        check(loopback, &[("crates/a/src/b.rs", text), ("README.md", text)], &[expected]);
    }

    #[test]
    fn a_path_of_somebodys_machine_is_found_wherever_it_starts() {
        let text = format!("in `{}main`\nPATH={}ana/bin", PATHS[0], PATHS[2]);
        let expected = [
            format!("README.md:1: a path of one machine: {}…", PATHS[0]),
            format!("README.md:2: a path of one machine: {}…", PATHS[2]),
        ];
        check(machine_paths, &[("README.md", &text)], &expected.each_ref().map(String::as_str));
    }

    #[test]
    fn paths_that_are_the_same_everywhere_are_fine() {
        let text = format!("/tmp/a /proc/self the{}b ~{0}b http://host{1}", PATHS[0], PATHS[1]);
        check(machine_paths, &[("README.md", &text)], &[]);
    }

    #[test]
    fn the_host_of_a_registry_is_found() {
        let text = format!("a\nsee https://{}/itoa", HOSTS[0]);
        let expected = format!("b.toml:2: the host of a package registry: {}", HOSTS[0]);
        check(registries, &[("b.toml", &text)], &[&expected]);
    }

    #[test]
    fn a_locked_package_comes_from_where_cargo_looks_by_itself() {
        let lock = format!("name = \"a\"\n{SOURCE}\n\nname = \"b\"\nsource = \"git+https://b\"\n");
        let expected = "Cargo.lock:5: a package from elsewhere: source = \"git+https://b\"";
        check(registries, &[("Cargo.lock", &lock)], &[expected]);
    }

    #[test]
    fn cargo_is_not_sent_to_another_registry() {
        let text = "[alias]\nx = \"y\"\n[source.mirror]\nregistry = \"z\"\n";
        check(
            registries,
            &[(".cargo/config.toml", text)],
            &[".cargo/config.toml:3: a registry of one machine's own"],
        );
    }
}
