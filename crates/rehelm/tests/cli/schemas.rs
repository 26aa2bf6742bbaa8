//! The committed schemas are what the code says.

use camino::Utf8Path;

#[test]
fn the_schema_of_the_configuration_is_up_to_date() {
    let path = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/rehelm.schema.json");
    let schema = rehelm::run_folder::schema();
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs_err::write(&path, &schema).expect("written");
    }
    let committed = fs_err::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, schema,
        "run the tests with UPDATE_SCHEMAS=1 and commit schemas/"
    );
}
