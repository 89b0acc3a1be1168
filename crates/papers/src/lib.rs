//! What a program brings along for its users: completions for three shells and manual pages.
//!
//! Only the program itself knows its command line, so it writes them itself, when it is started as `PROGRAM papers FOLDER`.
//! That is a hidden way to start it with a fixed first argument, like those of workers and cells; `cargo xtask dist` does so
//! with every program. Nothing else in the world is needed for it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Command;
use clap_complete::Shell;

/// The first argument that asks for papers.
pub const PAPERS: &str = "papers";

/// The shells, and where a system looks for their completions below its `share`.
const SHELLS: &[(Shell, &str)] = &[
    (Shell::Bash, "bash-completion/completions"),
    (Shell::Zsh, "zsh/site-functions"),
    (Shell::Fish, "fish/vendor_completions.d"),
];

/// If this program was started as `papers FOLDER`, writes its papers there and returns the exit code.
pub fn asked(command: impl FnOnce() -> Command) -> Option<ExitCode> {
    let folder = folder_of(std::env::args_os().skip(1))?;
    Some(match write(command(), &folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: cannot write to {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    })
}

/// The folder, if exactly that is asked for: an option is no folder. `papers` can be the name of a user's file, but none of our programs takes files
/// before everything else.
fn folder_of(mut arguments: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    let (first, folder) = (arguments.next()?, arguments.next()?);
    let is_option = folder.as_encoded_bytes().starts_with(b"-");
    (first == PAPERS && !is_option && arguments.next().is_none()).then(|| folder.into())
}

/// Writes completions and manual pages, one page for the program and one for each command, below a folder that a system
/// would call `share`.
///
/// # Errors
/// A folder that cannot be written to.
pub fn write(mut command: Command, share: &Path) -> io::Result<()> {
    let name = command.get_name().to_owned();
    // A page of `help` for each command would say again what the command's own page says.
    let plain = command.clone().disable_help_subcommand(true);
    for (shell, folder) in SHELLS {
        let folder = share.join(folder);
        fs::create_dir_all(&folder)?;
        clap_complete::generate_to(*shell, &mut command, &name, &folder)?;
    }
    let pages = share.join("man/man1");
    fs::create_dir_all(&pages)?;
    clap_mangen::generate_to(plain, &pages)
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    fn folder(arguments: &[&str]) -> Option<PathBuf> {
        folder_of(arguments.iter().map(OsString::from))
    }

    #[test]
    fn papers_are_written_only_where_exactly_that_is_asked_for() {
        assert_eq!(folder(&["papers", "share"]), Some("share".into()));
        assert_eq!(folder(&["papers"]), None);
        assert_eq!(folder(&["papers", "--help"]), None);
        assert_eq!(folder(&["run", "papers"]), None);
        assert_eq!(folder(&["papers", "share", "more"]), None);
    }

    #[test]
    fn every_shell_and_every_command_has_its_paper() {
        let share = tempfile::tempdir().unwrap();
        let slow = Command::new("slow").about("Takes long").arg(Arg::new("count").long("count"));
        write(Command::new("toy").about("A toy").subcommand(slow), share.path()).unwrap();
        let read = |path: &str| fs::read_to_string(share.path().join(path)).unwrap();
        for path in [
            "bash-completion/completions/toy.bash",
            "zsh/site-functions/_toy",
            "fish/vendor_completions.d/toy.fish",
        ] {
            assert!(read(path).contains("count"), "{path}");
        }
        assert!(read("man/man1/toy.1").contains("A toy"));
        assert!(read("man/man1/toy-slow.1").contains("Takes long"));
        assert_eq!(fs::read_dir(share.path().join("man/man1")).unwrap().count(), 2);
    }
}
