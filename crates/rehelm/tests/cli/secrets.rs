//! `rehelm secrets convert`

use crate::place::Place;

const RULES: &str = "\
classes:
  - name: kept
    helm-owned: true
    secrets:
      shop-password: {file: password}
      shop-api: {}
groups:
  extras: also take the extras' secrets
";

fn place() -> Place {
    let place = Place::with_product();
    place.write("shop/secrets.yaml", RULES);
    place.write(
        "secrets/password.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: shop-password, uid: x}\ndata: {password: aHVudGVyMg==}\n",
    );
    place
}

#[test]
fn all_problems_are_reported_and_nothing_is_written() {
    let place = place();
    let said = place.rehelm("secrets convert --profile ./shop");
    insta::assert_snapshot!(said);
    assert!(!place.path("migration-secrets").exists());
}

#[test]
fn the_converted_secrets_are_for_the_release() {
    let place = place();
    place.write(
        "secrets/shop-api.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: shop-api}\ndata: {a: Yg==}\n",
    );
    insta::assert_snapshot!(place.rehelm("secrets convert --profile ./shop -n elsewhere"));
    insta::assert_snapshot!("converted", place.read("migration-secrets/password.yaml"));
}

#[test]
fn a_program_gets_the_report_as_json() {
    let place = place();
    let said = place.rehelm("secrets convert --profile ./shop -o json");
    assert!(
        said.contains("\"secret-missing\"") && !said.contains("aHVudGVyMg"),
        "{said}"
    );
}

#[test]
fn a_folder_that_is_not_there_is_said() {
    let place = Place::with_product();
    insta::assert_snapshot!(place.rehelm("secrets convert --profile ./shop --from nowhere"));
}
