//! Rebuilds the crate when a migration is added, which the compiler cannot see by itself:
//! the migrations are embedded by a macro that lists a folder outside of the crate.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
