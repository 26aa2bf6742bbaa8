//! Whatever text is written into a values file, Helm reads it back.

use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rehelm_core::values::file::write;
use serde_json::{Map, Value, json};

use crate::support::has_tools;

const ODD: [&str; 24] = [
    "y",
    "n",
    "on",
    "Off",
    "yes",
    "~",
    "null",
    "",
    " ",
    "0755",
    "1e6",
    "1_000",
    "9007199254740993",
    "0x1F",
    "1:30",
    "2024-01-01",
    "\t",
    "a\tb\n\tc\n",
    "\u{2028}",
    "\u{85}x",
    "line\n  two\n\n",
    " leading",
    "- a: b #c",
    "{{ .Values.x }}",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(&ODD[..]).prop_map(str::to_owned),
        ".{0,20}",
        "[ \t\n\r#:'\"|>%@`a-c-]{0,16}",
        "[0-9eE_+.:xo-]{1,8}",
        "(?s)[\u{0}-\u{ff}\u{2028}\u{2029}\u{feff}]{0,6}",
    ]
}

#[test]
fn helm_reads_every_text_that_is_written() {
    if !has_tools() {
        return;
    }
    let helm = rehelm_clients::program("helm", "HELM_BIN").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let chart = folder.path().join("echo");
    std::fs::create_dir_all(chart.join("templates")).unwrap();
    std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: echo\nversion: 1.0.0\n").unwrap();
    // In base64, so that nothing between the template and us reads the text once more.
    std::fs::write(
        chart.join("templates/out.yaml"),
        "out: {{ .Values | toJson | b64enc }}\n",
    )
    .unwrap();
    let file = folder.path().join("values.yaml");
    let entries = prop::collection::vec((text(), text()), 150);
    let mut runner = TestRunner::new(Config {
        cases: 12,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&entries, |entries| {
            let mut map = Map::new();
            for (at, (key, content)) in entries.iter().enumerate() {
                map.insert(
                    format!("{at}{key}"),
                    json!({"t": content, "l": [content, {"k": content}]}),
                );
                map.insert(format!("k{at}"), json!({ key.clone(): content }));
            }
            let values = json!({"e": map});
            std::fs::write(&file, write(&values, &json!({}), &[], &Default::default())).unwrap();
            let ran = Command::new(&helm)
                .args(["template", "x"])
                .arg(&chart)
                .arg("-f")
                .arg(&file)
                .output()
                .unwrap();
            prop_assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
            let out = String::from_utf8(ran.stdout).unwrap();
            let coded = out.lines().find_map(|line| line.strip_prefix("out: ")).unwrap();
            let read: Value = serde_json::from_slice(&decoded(coded)).unwrap();
            prop_assert_eq!(&read["e"], &values["e"]);
            Ok(())
        })
        .unwrap();
}

fn decoded(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text.trim()).unwrap()
}
