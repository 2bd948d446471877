//! Worked examples and properties.
