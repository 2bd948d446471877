//! Hand-over to the orchestration engine: stream entries over Redis or in process.
