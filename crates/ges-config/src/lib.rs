//! Every setting: sources, precedence, origin, secrets.
