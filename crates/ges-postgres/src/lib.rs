//! The record of callbacks in PostgreSQL.
