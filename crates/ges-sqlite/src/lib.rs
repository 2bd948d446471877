//! The record of callbacks in one SQLite file, for the standalone edition.
