//! Estimated wait times from the router's Web API.
