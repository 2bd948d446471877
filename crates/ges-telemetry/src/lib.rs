//! Logs and metrics under their exact names.
