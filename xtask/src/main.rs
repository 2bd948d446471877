//! Every developer habit: test, ci, tidy, services.
fn main() {}
