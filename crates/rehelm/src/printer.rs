//! The one door to the terminal: data goes to stdout, talk goes to stderr, and nothing else in the program prints.
//!
//! Colour is an ornament: every text is made with styles and stripped where the stream, `--color` or `NO_COLOR` say so,
//! so no meaning may rest on it. While bars are drawn, lines appear above them.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Mutex;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressDrawTarget};
use serde::Serialize;

use crate::errors::{Context, Error, Result};

/// Style of the word `error`.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// Style of the word `warning`.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// Style of the word `hint`.
pub const HINT: Style = AnsiColor::Cyan.on_default();
/// Style of what went well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Style of headings.
pub const BOLD: Style = Style::new().bold();

/// Writes everything that a person or a program reads.
pub struct Printer {
    color: ColorChoice,
    quiet: bool,
    bars: Mutex<Option<MultiProgress>>,
    /// Where everything goes instead of the process' streams.
    kept: Option<Mutex<String>>,
}

impl Printer {
    /// A printer for this process' streams. `quiet` drops talk, but never warnings and errors.
    pub fn new(color: ColorChoice, quiet: bool) -> Self {
        Self {
            color,
            quiet,
            bars: Mutex::new(None),
            kept: None,
        }
    }

    /// A printer that keeps data and talk, in their order and without colour, for [`Printer::take`]. Nobody answers its questions.
    pub fn keeping() -> Self {
        Self {
            kept: Some(Mutex::default()),
            ..Self::new(ColorChoice::Never, false)
        }
    }

    /// True when it keeps what it is told.
    pub fn is_keeping(&self) -> bool {
        self.kept.is_some()
    }

    /// What was printed since the last time; empty for a printer that prints.
    pub fn take(&self) -> String {
        let kept = self.kept.as_ref().and_then(|kept| kept.lock().ok());
        kept.map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default()
    }

    /// Keeps a text if this printer keeps; false when it is to be printed.
    fn keep(&self, text: &str) -> bool {
        let Some(kept) = &self.kept else { return false };
        if let Ok(mut kept) = kept.lock() {
            kept.push_str(&anstream::adapter::strip_str(text).to_string());
            if !text.ends_with('\n') {
                kept.push('\n');
            }
        }
        true
    }

    /// Data for stdout, as it is. A reader that went away (`| head`) is not an error.
    pub fn data(&self, text: &str) -> Result<()> {
        if self.keep(text) {
            return Ok(());
        }
        let write = || -> io::Result<()> {
            let mut out = AutoStream::new(io::stdout(), self.color).lock();
            out.write_all(text.as_bytes())?;
            if !text.ends_with('\n') {
                out.write_all(b"\n")?;
            }
            out.flush()
        };
        match self.above_bars(write) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.context(|| "cannot write to stdout".to_owned()),
        }
    }

    /// Data as indented JSON.
    pub fn json(&self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value).context(|| "cannot write JSON".to_owned())?;
        self.data(&text)
    }

    /// Data as YAML.
    pub fn yaml(&self, value: &impl Serialize) -> Result<()> {
        let text = serde_saphyr::to_string(value).context(|| "cannot write YAML".to_owned())?;
        self.data(&text)
    }

    /// Talk: what is being done, what was done, what comes next.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.talk(text);
        }
    }

    /// Talk that is not dropped by `--quiet`.
    pub fn insist(&self, text: &str) {
        self.talk(text);
    }

    /// Something to try or to know.
    pub fn hint(&self, text: &str) {
        self.say(&format!("{HINT}hint:{HINT:#} {text}"));
    }

    /// Something that a person should look at.
    pub fn warn(&self, text: &str) {
        self.talk(&format!("{WARNING}warning:{WARNING:#} {text}"));
    }

    /// A failed command: what, why, what to try.
    pub fn error(&self, error: &Error) {
        let mut lines = vec![format!("{ERROR}error:{ERROR:#} {}", error.message())];
        lines.extend(error.causes().iter().map(|cause| format!("  because: {cause}")));
        lines.extend(error.hints().iter().map(|hint| format!("{HINT}hint:{HINT:#} {hint}")));
        self.talk(&lines.join("\n"));
    }

    /// Asks on stderr and reads one line from stdin; None at the end of input.
    pub fn ask(&self, question: &str) -> Result<Option<String>> {
        if self.keep(question) {
            return Ok(None);
        }
        let mut line = String::new();
        let read = self.above_bars(|| {
            let mut err = AutoStream::new(io::stderr(), self.color).lock();
            write!(err, "{question} ")?;
            err.flush()?;
            io::stdin().lock().read_line(&mut line)
        });
        let count = read.context(|| "cannot read the answer".to_owned())?;
        Ok((count > 0).then(|| line.trim().to_owned()))
    }

    /// True when a person can answer questions.
    pub fn is_interactive(&self) -> bool {
        self.kept.is_none() && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// True when only what is wrong is said.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// True when talk goes to a terminal, where lines can be redrawn.
    pub fn is_live(&self) -> bool {
        self.kept.is_none() && io::stderr().is_terminal()
    }

    /// Makes room for bars at the bottom of the terminal; from now on lines appear above them.
    pub fn draw_bars(&self) -> MultiProgress {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        if let Ok(mut current) = self.bars.lock() {
            *current = Some(bars.clone());
        }
        bars
    }

    /// The bars are gone.
    pub fn end_bars(&self) {
        if let Ok(mut current) = self.bars.lock() {
            *current = None;
        }
    }

    fn talk(&self, text: &str) {
        if self.keep(text) {
            return;
        }
        // Nobody is left to be told when stderr is gone.
        let _ = self.above_bars(|| {
            let mut err = AutoStream::new(io::stderr(), self.color).lock();
            writeln!(err, "{text}")
        });
    }

    fn above_bars<T>(&self, write: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let bars = self.bars.lock().ok().and_then(|bars| bars.clone());
        match bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printer_that_keeps_gives_data_and_talk_in_their_order_without_colour() {
        let printer = Printer::keeping();
        printer.hint("try again");
        printer.data("a: 1").expect("kept");
        assert_eq!(printer.ask("sure?").expect("kept"), None);
        assert_eq!(printer.take(), "hint: try again\na: 1\nsure?\n");
        assert_eq!(printer.take(), "");
        assert!(!printer.is_interactive());
    }
}
