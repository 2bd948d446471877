//! Every outside system, simulated: orchestration, agent floor, router, environment service.
