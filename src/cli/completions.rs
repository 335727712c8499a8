//! The command line of `postern completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;

/// For which shell.
#[derive(Debug, Args)]
#[command(after_help = "\
For this user alone:
  bash  postern completions bash > ~/.local/share/bash-completion/completions/postern
  zsh   postern completions zsh > ~/.zfunc/_postern    # with ~/.zfunc in fpath
  fish  postern completions fish > ~/.config/fish/completions/postern.fish")]
pub struct Completions {
    /// Which shell.
    pub shell: Shell,
}

impl Completions {
    /// What the shell reads.
    #[must_use]
    pub fn script(&self) -> String {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "postern", &mut script);
        String::from_utf8_lossy(&script).into_owned()
    }
}
