//! Every developer habit: test, ci, tidy, services.
mod docs;

fn main() -> anyhow::Result<()> {
    docs::regenerate(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")))
}
