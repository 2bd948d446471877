//! Inbound HTTP: /engagement/v3, the internal /genesys API, health and metrics.
