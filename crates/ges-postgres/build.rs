//! Embeds the migration files, so that a binary carries its schema and a new file is noticed.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=migrations");
    let mut files: Vec<_> = fs::read_dir("migrations")?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    let mut source = String::from("&[\n");
    for file in files {
        let name = file.file_name().into_string().map_err(|_| io::Error::other("migration name is not Unicode"))?;
        let Some(stem) = name.strip_suffix(".sql") else { continue };
        let (version, title) =
            stem.split_once('_').ok_or_else(|| io::Error::other(format!("{name} is not VERSION_title.sql")))?;
        let version: i64 = version.parse().map_err(io::Error::other)?;
        let path = fs::canonicalize(file.path())?;
        source.push_str(&format!("    ({version}, {title:?}, include_str!({:?})),\n", path.display().to_string()));
    }
    source.push(']');
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(Path::new(&out).join("migrations.rs"), source)
}
