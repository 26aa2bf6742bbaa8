//! `schemas/plan.schema.json` says what a saved plan looks like; it is made from the types and must not lag behind.
//! `UPDATE_SCHEMAS=1 cargo test -p rehelm-core --test plan_schema` writes it anew.

use rehelm_core::plan::Plan;

#[test]
fn the_schema_of_plans_is_up_to_date() {
    let schema = format!("{:#}\n", schemars::schema_for!(Plan).as_value());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/plan.schema.json");
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(path, &schema).expect("the schemas folder can be written");
    }
    let saved = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        saved == schema,
        "run this test with UPDATE_SCHEMAS=1 and commit the result"
    );
}
