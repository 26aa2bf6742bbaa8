use proptest::prelude::*;

use super::*;

fn says(constraint: &str, text: &str) -> bool {
    let constraint = Constraint::parse(constraint).unwrap();
    constraint.matches(&version(text).unwrap())
}

#[test]
fn a_charts_own_range_admits_vendor_builds() {
    let range = ">=v1.19.0-0,<v1.24.0-0";
    for inside in ["v1.19.0", "v1.21.3", "v1.23.4-eks-1", "v1.23.4+k3s1", "v1.23.99-gke.1"] {
        assert!(says(range, inside), "{inside}");
    }
    for outside in ["v1.18.9", "v1.24.0", "v1.34.2-eks-1", "v1.24.0-alpha.1", "1.24"] {
        assert!(!says(range, outside), "{outside}");
    }
    assert!(says("<v1.35.0-0", "v1.34.2-eks-1"));
}

#[test]
fn forms() {
    for (constraint, inside, outside) in [
        (
            ">=1.2 <2 || ^3.1",
            &["1.2.0", "1.9.9", "3.4.5"][..],
            &["2.0.0", "3.0.9", "4.0.0"][..],
        ),
        (">= 1.2, < 2", &["1.2.0"], &["2.0.0"]),
        ("1.2 - 1.4.5", &["1.2.0", "1.4.5"], &["1.1.9", "1.4.6"]),
        ("1.2.3", &["1.2.3", "v1.2.3+build"], &["1.2.4"]),
        ("1.2", &["1.2.0", "1.2.9"], &["1.3.0", "1.1.9"]),
        ("1.x", &["1.0.0", "1.9.0"], &["2.0.0", "0.9.0"]),
        ("*", &["0.0.1", "99.0.0"], &["1.0.0-rc.1"]),
        ("!=1.2.3", &["1.2.4"], &["1.2.3"]),
        ("!=1.2.x", &["1.3.0"], &["1.2.0", "1.2.9"]),
        (">1.2", &["1.3.0"], &["1.2.9"]),
        (">1", &["2.0.0"], &["1.9.0"]),
        ("<=1.2", &["1.2.9", "0.1.0"], &["1.3.0"]),
        ("=<1", &["1.9.0"], &["2.0.0"]),
        ("~1.2.3", &["1.2.3", "1.2.9"], &["1.2.2", "1.3.0"]),
        ("~>1", &["1.9.0"], &["2.0.0"]),
        ("^1.2.3", &["1.2.3", "1.9.0"], &["1.2.2", "2.0.0"]),
        ("^0.2.3", &["0.2.3", "0.2.9"], &["0.3.0"]),
        ("^0.0.3", &["0.0.3"], &["0.0.4"]),
        ("^0.0", &["0.0.9"], &["0.1.0"]),
        ("^0", &["0.9.0"], &["1.0.0"]),
    ] {
        for v in inside {
            assert!(says(constraint, v), "{constraint} should admit {v}");
        }
        for v in outside {
            assert!(!says(constraint, v), "{constraint} should not admit {v}");
        }
    }
}

#[test]
fn a_prerelease_counts_only_where_the_constraint_names_one() {
    assert!(!says(">=1.19.0", "1.23.4-eks-1"));
    assert!(says(">=1.19.0-0", "1.23.4-eks-1"));
    let mixed = Constraint::parse(">=1.19.0-0 <1.24.0").unwrap();
    let eks = version("v1.23.4-eks-1").unwrap();
    assert!(mixed.matches(&eks));
    assert!(!mixed.matches_strictly(&eks));
    let not = Constraint::parse("!=1.20.0").unwrap();
    assert!(not.matches_strictly(&eks) && !not.matches(&eks));
}

#[test]
fn what_is_none_is_refused() {
    for text in [
        "",
        " ",
        "||",
        ">=",
        ">=1.0<2.0",
        "1.2.3.4",
        ">=1,",
        ",>=1",
        "><1",
        "abc",
        "1..2",
        ">=1.2 - 2",
    ] {
        assert!(Constraint::parse(text).is_err(), "{text:?}");
    }
}

fn any_version() -> impl Strategy<Value = Version> {
    (0u64..4, 0u64..4, 0u64..4, prop::option::of(0u64..3)).prop_map(|(major, minor, patch, pre)| {
        let pre = pre.map_or(String::new(), |n| format!("-rc.{n}"));
        Version::parse(&format!("{major}.{minor}.{patch}{pre}")).unwrap()
    })
}

#[test]
fn the_nearest_version_that_is_admitted() {
    assert_eq!(nearest(">=v1.19.0-0,<v1.24.0-0", "v1.35.4").as_deref(), Some("v1.23.0"));
    assert_eq!(nearest(">=1.28", "v1.21.3-eks-1").as_deref(), Some("v1.28.0"));
    assert_eq!(nearest("<1.35.0-0", "v1.35.4").as_deref(), Some("v1.34.0"));
    assert_eq!(nearest(">=2.0", "v1.35.4"), None);
    assert_eq!(nearest("what", "v1.35.4"), None);
}

proptest! {
    #[test]
    fn reading_never_panics(text in ".{0,40}") {
        let _ = (Constraint::parse(&text), version(&text));
    }

    #[test]
    fn a_caret_is_its_range(v in any_version(), major in 1u64..4, minor in 0u64..4, patch in 0u64..4) {
        let caret = Constraint::parse(&format!("^{major}.{minor}.{patch}-0")).unwrap();
        let range = Constraint::parse(&format!(">={major}.{minor}.{patch}-0 <{}.0.0-0", major + 1)).unwrap();
        prop_assert_eq!(caret.matches(&v), range.matches(&v) );
    }

    #[test]
    fn a_comparison_and_its_opposite_share_nothing(v in any_version(), w in any_version()) {
        prop_assume!(!w.pre.is_empty() || v.pre.is_empty());
        let less = Constraint::parse(&format!("<{w}")).unwrap();
        let not_less = Constraint::parse(&format!(">={w}")).unwrap();
        prop_assert!(less.matches(&v) != not_less.matches(&v));
    }

    #[test]
    fn strict_is_never_more_than_the_newer_rule(v in any_version(), a in any_version(), b in any_version()) {
        let both = Constraint::parse(&format!(">={a}, <{b}")).unwrap();
        prop_assert!(!both.matches_strictly(&v) || both.matches(&v));
    }
}
