//! What can be set on the floor.

use serde::{Deserialize, Serialize};

/// The people behind a group of queues and how they work. Durations are means in milliseconds, before the speed is applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Crew {
    /// Agents logged in, 0 to 10,000.
    pub agents: u32,
    /// Average handling time.
    pub handling_ms: u64,
    /// Time from reserving an agent to dialing.
    pub reserve_ms: u64,
    /// Time until somebody answers, when somebody does.
    pub ring_ms: u64,
    /// Time after which an unanswered call is given up.
    pub ring_timeout_ms: u64,
    /// Chance that a dialed consumer answers, 0 to 1.
    pub answer: f64,
    /// Rest between two dial attempts, for calls that bring none of their own.
    pub redial_ms: u64,
    /// How long a reserved agent waits for a consumer who calls in.
    pub call_in_ms: u64,
}

impl Default for Crew {
    fn default() -> Self {
        Self {
            agents: 3,
            handling_ms: 20_000,
            reserve_ms: 1_000,
            ring_ms: 3_000,
            ring_timeout_ms: 8_000,
            answer: 0.85,
            redial_ms: 10_000,
            call_in_ms: 60_000,
        }
    }
}

/// A crew and the queues it serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupSettings {
    /// Its name.
    pub name: String,
    /// Callback services and virtual queues it serves.
    pub queues: Vec<String>,
    /// Its people.
    #[serde(default)]
    pub crew: Crew,
}

/// The whole floor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FloorSettings {
    /// Groups by name.
    pub groups: Vec<GroupSettings>,
    /// The crew a queue gets that no group serves, from its first call on.
    pub elsewhere: Crew,
    /// Dial attempts of calls that bring no limit of their own, at least 1.
    pub max_dial_attempts: u32,
    /// How many times faster than real everything goes; larger than 0. Agreed times are not scaled.
    pub speed: f64,
}

impl Default for FloorSettings {
    /// The default seed: one group for sales, one for support.
    fn default() -> Self {
        let group = |name: &str| GroupSettings {
            name: name.into(),
            queues: vec![format!("CB_{name}"), format!("VQ_{name}")],
            crew: Crew::default(),
        };
        Self {
            groups: vec![group("Sales"), group("Support")],
            elsewhere: Crew::default(),
            max_dial_attempts: 3,
            speed: 1.0,
        }
    }
}

impl FloorSettings {
    /// The same floor with this many agents in every group.
    #[must_use]
    pub fn with_agents(mut self, agents: u32) -> Self {
        for group in &mut self.groups {
            group.crew.agents = agents;
        }
        self.elsewhere.agents = agents;
        self
    }

    /// The same floor, this many times faster.
    #[must_use]
    pub fn with_speed(mut self, speed: f64) -> Self {
        self.speed = speed;
        self
    }
}
