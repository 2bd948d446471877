//! The schema's steps, embedded: forward only, never edited after they have landed.

use sqlx::SqliteConnection;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr, SqlStr};

fn step(version: i64, description: &'static str, sql: SqlStr) -> Migration {
    Migration::new(version, description.into(), MigrationType::Simple, sql, false)
}

/// Brings the file to this version's schema. A file of a newer version is refused.
pub(crate) async fn apply(connection: &mut SqliteConnection) -> Result<(), MigrateError> {
    let steps = vec![
        step(1, "spine", include_str!("../migrations/0001_spine.sql").into_sql_str()),
        step(20, "idempotency", include_str!("../migrations/0020_idempotency.sql").into_sql_str()),
        step(25, "call ins", include_str!("../migrations/0025_call_ins.sql").into_sql_str()),
        step(
            26,
            "number and region rules",
            include_str!("../migrations/0026_number_and_region_rules.sql").into_sql_str(),
        ),
        step(30, "push", include_str!("../migrations/0030_push.sql").into_sql_str()),
        step(34, "cancel to tell", include_str!("../migrations/0034_cancel_to_tell.sql").into_sql_str()),
        step(40, "lookup", include_str!("../migrations/0040_lookup.sql").into_sql_str()),
        step(45, "publishes", include_str!("../migrations/0045_publishes.sql").into_sql_str()),
        step(50, "console sessions", include_str!("../migrations/0050_console_sessions.sql").into_sql_str()),
        step(55, "pauses", include_str!("../migrations/0055_pauses.sql").into_sql_str()),
        step(56, "bulk", include_str!("../migrations/0056_bulk.sql").into_sql_str()),
        step(62, "former sessions", include_str!("../migrations/0062_former_sessions.sql").into_sql_str()),
    ];
    Migrator::with_migrations(steps).run(connection).await
}

#[cfg(test)]
mod tests {
    /// A migration that is not applied is a schema nobody has.
    #[test]
    fn every_file_is_a_step() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let source = include_str!("migrations.rs");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(source.contains(&format!("../migrations/{name}")), "{name}");
        }
    }
}
