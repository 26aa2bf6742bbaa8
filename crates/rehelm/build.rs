//! Profiles are embedded by a macro, which cargo does not see: say when to build again.

fn main() {
    println!("cargo::rerun-if-changed=../../profiles");
}
