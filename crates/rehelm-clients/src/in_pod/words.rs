//! What mongodump and mongorestore say on their standard error, 4.2 as well as 100.x.

/// A line that means something here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// mongodump begins a collection.
    Begun(String),
    /// mongodump has read a collection to its end.
    Dumped(String, u64),
    /// How far a collection is; what of it, of how much.
    So(String, String),
    /// mongorestore is through: documents that it wrote, and that it could not write.
    Restored(u64, u64),
    /// It did not let the user in.
    Refused,
    /// It ended: `dump 0`, `restore 1`; our scripts say it.
    Ended(Tool, i32),
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// mongodump.
    Dump,
    /// mongorestore.
    Restore,
}

impl Tool {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dump => "mongodump",
            Self::Restore => "mongorestore",
        }
    }
}

/// Reads a line; None for what is of no importance.
pub fn read(line: &str) -> Option<Word> {
    if let Some((tool, code)) = line.split_once(' ')
        && let Ok(code) = code.parse()
    {
        match tool {
            "dump" => return Some(Word::Ended(Tool::Dump, code)),
            "restore" => return Some(Word::Ended(Tool::Restore, code)),
            _ => {}
        }
    }
    let said = without_time(line);
    if let Some(rest) = said.strip_prefix("writing ") {
        let (name, _) = rest.rsplit_once(" to ")?;
        return Some(Word::Begun(collection(name)));
    }
    if let Some(rest) = said.strip_prefix("done dumping ") {
        let (name, count) = rest.strip_suffix(')')?.rsplit_once(" (")?;
        return Some(Word::Dumped(collection(name), first_number(count)?));
    }
    if said.contains("document(s) restored successfully") {
        let (restored, failed) = said.split_once("successfully.")?;
        return Some(Word::Restored(first_number(restored)?, first_number(failed.trim())?));
    }
    let refused = [
        "AuthenticationFailed",
        "Authentication failed",
        "requires authentication",
    ];
    if refused.iter().any(|words| said.contains(words)) {
        return Some(Word::Refused);
    }
    progress(said)
}

/// Without the time that begins each line, and a tab.
pub fn without_time(line: &str) -> &str {
    match line.split_once('\t') {
        Some((time, rest)) if time.starts_with(|first: char| first.is_ascii_digit()) => rest,
        _ => line,
    }
}

/// `[####....]  shop.people  101/3000  (3.4%)`, or `shop.people  4.2MB` where the end is not known.
fn progress(said: &str) -> Option<Word> {
    let bar = said.starts_with('[').then(|| said.split_once("]  ")).flatten();
    let mut parts = bar
        .map_or(said, |(_, rest)| rest)
        .split("  ")
        .filter(|part| !part.is_empty());
    let (name, so) = (parts.next()?, parts.next()?);
    let counts = so.starts_with(|first: char| first.is_ascii_digit()) && name.contains('.') && !name.contains(' ');
    counts.then(|| Word::So(collection(name), so.replace('/', " of ")))
}

/// A database's name has no dot.
fn collection(namespace: &str) -> String {
    namespace.split_once('.').map_or(namespace, |(_, name)| name).to_owned()
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_generations_are_read() {
        let time = "2024-11-30T20:10:25.584+0000\t";
        let name = |text: &str| text.to_owned();
        for (line, word) in [
            ("writing old.a.b to archive on stdout", Some(Word::Begun(name("a.b")))),
            (
                "done dumping old.people (3000 documents)",
                Some(Word::Dumped(name("people"), 3000)),
            ),
            (
                "done dumping old.a (b) (1 document)",
                Some(Word::Dumped(name("a (b)"), 1)),
            ),
            (
                "[#####...]  old.big  18948/60000  (31.6%)",
                Some(Word::So(name("big"), name("18948 of 60000"))),
            ),
            ("new.big  4.23MB", Some(Word::So(name("big"), name("4.23MB")))),
            (
                "63000 document(s) restored successfully. 2 document(s) failed to restore.",
                Some(Word::Restored(63000, 2)),
            ),
            (
                "Failed: auth error: (AuthenticationFailed) Authentication failed.",
                Some(Word::Refused),
            ),
            ("finished restoring new.people (3000 documents, 0 failures)", None),
            ("preparing collections to restore from", None),
        ] {
            assert_eq!(read(&format!("{time}{line}")), word, "{line}");
        }
        assert_eq!(read("dump 141"), Some(Word::Ended(Tool::Dump, 141)));
        assert_eq!(read("Enter password:"), None);
    }
}
