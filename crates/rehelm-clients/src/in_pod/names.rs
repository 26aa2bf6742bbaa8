//! Names of databases as the tools take them.

/// A name that a database may have, and that this way can carry.
///
/// # Errors
/// What is wrong with it.
pub fn refused(name: &str) -> Result<(), String> {
    let odd = |letter: char| "/\\. \"$".contains(letter) || letter.is_control();
    let why = match name {
        "" => "it is empty".to_owned(),
        "admin" | "config" | "local" => "it belongs to the server".to_owned(),
        _ if name.len() > 63 => "it is longer than 63 bytes".to_owned(),
        _ => match name.chars().find(|letter| odd(*letter)) {
            Some(letter) => format!("no database has a {letter:?} in its name"),
            None => return Ok(()),
        },
    };
    Err(format!("`{name}` cannot be used: {why}"))
}

/// Every collection of a database, as `--nsFrom`, `--nsTo` and `--nsInclude` write it. A `*` of the name is no wildcard; the
/// other letters that mean something there (`$` and `\`) are in no name.
pub fn pattern(name: &str) -> String {
    format!("{}.*", name.replace('*', "\\*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_patterns_is_escaped_or_refused() {
        assert_eq!(pattern("shop"), "shop.*");
        assert_eq!(pattern("a*b"), "a\\*b.*");
        for name in ["", "a$b", "a\\b", "a.b", "a b", "a\nb", "admin", &"x".repeat(64)] {
            assert!(refused(name).is_err(), "{name:?}");
        }
        for name in ["shop", "a*b", "--drop", "データ", "a'b;c`d"] {
            refused(name).expect(name);
        }
    }
}
