//! Builders, the in-memory model of every store port, and the contract suite that all stores pass.
