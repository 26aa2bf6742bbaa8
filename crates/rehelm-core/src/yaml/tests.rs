use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(text: &str) -> Value {
    let mut documents = parse_documents(text, "x.yaml").expect("reads");
    assert_eq!(documents.len(), 1, "one document in {text:?}");
    documents.remove(0)
}

#[test]
fn scalars_are_read_as_kubernetes_tools_read_them() {
    assert_eq!(
        read("a: 0644\nb: on\nc: \"on\"\nd: 1_000\ne: ~\nf: 2020-01-02\ng: 0x1F\nh: no\ni: .5\nj:\n"),
        json!({"a": 420, "b": true, "c": "on", "d": 1000, "e": null, "f": "2020-01-02", "g": 31, "h": false, "i": 0.5, "j": null})
    );
}

/// What kubectl 1.32 (`label --local -o json`) and PyYAML 6.0 said about the same text.
#[test]
fn each_dialect_reads_plain_scalars_as_its_tool() {
    let text = |s: &str| Value::from(s);
    for (scalar, kubernetes, python) in [
        ("y", json!(true), text("y")),
        ("N", json!(false), text("N")),
        ("yes", json!(true), json!(true)),
        ("tRue", text("tRue"), text("tRue")),
        ("1e3", json!(1000), text("1e3")),
        ("1.0e3", json!(1000), text("1.0e3")),
        ("1.0e+3", json!(1000), json!(1000.0)),
        ("5.", json!(5), json!(5.0)),
        ("-.5", json!(-0.5), text("-.5")),
        (".8571_", text(".8571_"), json!(0.8571)),
        ("0644", json!(420), json!(420)),
        ("0899", json!(899), text("0899")),
        ("0o17", json!(15), text("0o17")),
        ("0_", json!(0), json!(0)),
        ("0x_1F", json!(31), json!(31)),
        ("0X1f", json!(31), text("0X1f")),
        ("-0b11", json!(-3), json!(-3)),
        ("+12", json!(12), json!(12)),
        ("1__0", json!(10), json!(10)),
        ("-_1", json!(-1), text("-_1")),
        ("_1", text("_1"), text("_1")),
        ("12:30:45", text("12:30:45"), json!(45045)),
        ("1:30.5", text("1:30.5"), json!(90.5)),
        ("1:60", text("1:60"), text("1:60")),
        ("2020-01-02", text("2020-01-02"), text("2020-01-02")),
        ("18446744073709551615", json!(u64::MAX), json!(u64::MAX)),
        ("=", text("="), text("=")),
        (".inf", text(".inf"), text(".inf")),
        ("!!str 12", text("12"), text("12")),
        ("! 12", text("12"), text("12")),
        ("!!binary aGk=", text("hi"), text("hi")),
        ("!!int \"12\"", json!(12), json!(12)),
        ("!mine 1", text("1"), text("1")),
    ] {
        let document = format!("k: {scalar}\n");
        let read = |dialect| parse_documents_as(&document, "x", dialect).unwrap().remove(0)["k"].clone();
        assert_eq!(read(Dialect::Kubernetes), kubernetes, "{scalar} as kubectl reads it");
        assert_eq!(read(Dialect::Python), python, "{scalar} as PyYAML reads it");
    }
}

#[test]
fn keys_are_text() {
    assert_eq!(
        read("0755: a\non: b\n1.5: c\n\"1\": d\ntrue: e\n"),
        json!({"493": "a", "true": "e", "1.5": "c", "1": "d"})
    );
    for odd in ["? [a]\n: b\n", "{{ .Values.x }}: 1\n", "~: 1\n", "<<: 1\n"] {
        let error = parse_documents(odd, "x").unwrap_err();
        assert_eq!(
            (error.line, error.expected.starts_with("expected")),
            (1, true),
            "{error}"
        );
    }
}

#[test]
fn a_last_line_without_end_is_read_as_each_tool_does() {
    let text = "a: |\n  b";
    assert_eq!(parse_documents(text, "x").unwrap(), [json!({"a": "b\n"})]);
    assert_eq!(
        parse_documents_as(text, "x", Dialect::Python).unwrap(),
        [json!({"a": "b"})]
    );
}

#[test]
fn nesting_has_an_end() {
    parse_documents(&"[".repeat(100_000), "x").unwrap_err();
    parse_documents(&format!("{}1{}", "[".repeat(150), "]".repeat(150)), "x").unwrap_err();
    parse_documents("&a [*a]\n", "x").unwrap_err();
    read(&format!("{}1{}", "[".repeat(60), "]".repeat(60)));
}

#[test]
fn the_last_of_duplicate_keys_wins_and_merge_keys_expand() {
    assert_eq!(read("a: 1\nb: 2\na: 3\n"), json!({"a": 3, "b": 2}));
    assert_eq!(
        read("one: &x {a: 1, b: 2}\ntwo: &y {b: 4, c: 5}\nall:\n  b: 3\n  <<: [*x, *y]\n"),
        json!({"one": {"a": 1, "b": 2}, "two": {"b": 4, "c": 5}, "all": {"a": 1, "b": 3, "c": 5}})
    );
}

#[test]
fn bom_crlf_and_empty_documents_are_fine() {
    let text = "\u{feff}---\r\na: 1\r\n---\r\n# nothing\r\n---\r\n\r\n---\r\nb: |\r\n  x\r\n  y\r\n...\r\n";
    assert_eq!(
        parse_documents(text, "x").unwrap(),
        vec![json!({"a": 1}), json!({"b": "x\ny\n"})]
    );
    assert_eq!(parse_documents("", "x").unwrap(), Vec::<Value>::new());
    assert_eq!(parse_documents("# only a comment\n", "x").unwrap(), Vec::<Value>::new());
}

#[test]
fn trailing_tabs_after_scalars_are_read() {
    assert_eq!(
        read("env:\n- name: some-env\t\t\t\n  value: \"a\"\t\n- name: b\t# why\nc:\t\t1\t\n"),
        json!({"env": [{"name": "some-env", "value": "a"}, {"name": "b"}], "c": 1})
    );
}

#[test]
fn an_error_says_where_and_quotes_nothing() {
    let error = parse_documents("a: b\nc: [hunter2\nd: e\n", "secrets/x.yaml").unwrap_err();
    assert_eq!(error.file, "secrets/x.yaml");
    assert!(error.line >= 2, "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn our_own_files_are_read_strictly() {
    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {
        #[expect(dead_code)]
        a: u8,
    }
    from_str::<Own>("a: 1\n", "own").unwrap();
    let error = from_str::<Own>("a: 1\nb: 2\n", "own").unwrap_err().to_string();
    assert!(error.starts_with("own:2:1: "), "{error}");
    assert!(!error.contains("line 2"), "{error}");
    from_str::<Own>("a: 1\na: 2\n", "own").unwrap_err();
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let p = i - 1;
        text += &format!("a{i}: &a{i} [*a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}]\n");
    }
    parse_documents(&text, "bomb").unwrap_err();
}

#[test]
fn lists_are_flattened_and_what_is_no_object_is_said() {
    let text = "kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a}}\n- {apiVersion: v1, kind: SecretList, items: [{apiVersion: v1, kind: Secret, metadata: {name: b}}]}\n---\njust text\n";
    let (objects, findings) = parse_objects(text, "f").unwrap();
    let names: Vec<_> = objects.iter().map(|o| o.reference().to_string()).collect();
    assert_eq!(names, ["Service/a", "Secret/b"]);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].args["document"], "2");
}

#[test]
fn what_a_reader_could_mistake_is_quoted() {
    for text in [
        "y",
        "N",
        "on",
        "Off",
        "yes",
        "~",
        "null",
        "",
        "0755",
        "1e3",
        "1_000",
        "0x1f",
        "0o17",
        "0b1",
        "12:30:45",
        ".5",
        "5.",
        ".inf",
        "2020-01-02",
        "=",
        "<<",
        "- a",
        "a: b",
        "a #b",
        "\ttab",
        "tab\t",
        "true",
        "1.2.3e",
        "123",
        "9007199254740993",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "---",
        "...",
    ] {
        let written = to_string(&json!({ "k": text, text: 1 }));
        let value = written.lines().next().unwrap().strip_prefix("k: ").unwrap();
        // `1.2.3e` is text for everyone; the others have to carry quotes.
        if text != "1.2.3e" {
            assert!(value.starts_with(['"', '\'']), "{text:?} is written {written:?}");
        }
        assert_eq!(read(&written), json!({ "k": text, text: 1 }), "{written:?}");
    }
}

#[test]
fn no_raw_line_break_other_than_newline_is_written() {
    let text = "a\u{2028}b\u{2029}c\u{85}d\re\n\tf\u{feff}";
    let written = to_string(&json!({ "k": text }));
    assert_eq!(written.lines().count(), 1);
    assert!(written.is_ascii(), "{written:?}");
    assert_eq!(read(&written), json!({ "k": text }));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[-+.0-9_xoeybnfTZ:~ ]{0,8}".prop_map(Value::from),
        "[ \t\n\r#:\\-a\"'|>%{}\\[\\]]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[-?:&*!|>'\"%@`{}\\[\\],#a1~<. \t\n\\\\]{0,80}", any in any::<String>()) {
        for dialect in [Dialect::Kubernetes, Dialect::Python] {
            let _ = parse_documents_as(&text, "x", dialect);
            let _ = parse_documents_as(&any, "x", dialect);
        }
    }

    #[test]
    fn arbitrary_text_survives(key in any::<String>(), text in any::<String>()) {
        let value = json!({ key: text });
        prop_assert_eq!(read(&to_string(&value)), value);
    }

    #[test]
    fn arbitrary_values_survive(value in any_json()) {
        let value = json!({ "v": value });
        prop_assert_eq!(&read(&to_string(&value)), &value);
        prop_assert_eq!(parse_documents_as(&to_string(&value), "x", Dialect::Python).unwrap().remove(0), value);
    }
}
