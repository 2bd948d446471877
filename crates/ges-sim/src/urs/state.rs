//! Seeded answers of the router (integrations 3.8).

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Value, json};

use super::Node;
use super::crowd::Crowd;

/// A queue with an answer of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Row {
    /// Walk-in callers of its own.
    #[serde(rename_all = "camelCase")]
    Moving { arrival_per_min: f64, agents: u32, aht_sec: u64 },
    /// Always the same.
    Fixed { ewt: f64, pos: u64, agents: Option<u32> },
}

/// What a test may put in place.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    tenants: BTreeMap<String, BTreeMap<String, Row>>,
    #[serde(default)]
    role: BTreeMap<String, String>,
}

/// Seeded answers and roles.
#[derive(Debug, Default)]
pub(crate) struct UrsState {
    document: Document,
    crowds: HashMap<(String, String), Crowd>,
}

impl UrsState {
    /// Reads the document.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(document: Value) -> Result<Self, serde_json::Error> {
        Ok(Self { document: serde_json::from_value(document)?, crowds: HashMap::new() })
    }

    /// Whether the listener answers: by its role under its port or under `primary`/`backup`, its usual name; the first
    /// listener unless told otherwise.
    pub(super) fn is_primary(&self, node: Node, port: u16) -> bool {
        let (usual, documented) = match node {
            Node::First => ("primary", "5580"),
            Node::Second => ("backup", "5581"),
        };
        let roles = &self.document.role;
        let role = roles.get(&port.to_string()).or_else(|| roles.get(documented)).or_else(|| roles.get(usual));
        role.map_or(usual, String::as_str) == "primary"
    }

    pub(super) fn knows(&self, tenant: &str) -> bool {
        self.document.tenants.contains_key(tenant)
    }

    /// The seeded answer for a queue; none when the floor decides.
    pub(super) fn answer(&mut self, tenant: Option<&str>, queue: &str, now: u64) -> Option<Value> {
        let tenants = self.document.tenants.iter();
        let (tenant, row) = tenants
            .filter(|(name, _)| tenant.is_none_or(|tenant| tenant == name.as_str()))
            .find_map(|(name, queues)| Some((name, queues.get(queue)?)))?;
        Some(match row {
            Row::Fixed { ewt, pos, agents } => {
                let mut answer = json!({ "ewt": ewt.to_string(), "pos": pos.to_string(), "wpos": pos.to_string() });
                if let Some(agents) = agents {
                    answer["agents"] = agents.to_string().into();
                }
                answer
            }
            Row::Moving { arrival_per_min, agents, aht_sec } => {
                let key = (tenant.clone(), queue.to_owned());
                let crowd = self
                    .crowds
                    .entry(key)
                    .or_insert_with(|| Crowd::new(*arrival_per_min, *agents, aht_sec * 1_000, 1, now));
                super::figures(&crowd.view(now))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_figures_are_text_and_the_floor_answers_for_the_rest() {
        let mut state = UrsState::read(json!({
            "tenants": { "Environment": { "VQ_Sales": { "ewt": 127.5, "pos": 4, "agents": 6 } } }
        }))
        .unwrap();
        let answer = state.answer(Some("Environment"), "VQ_Sales", 0).unwrap();
        assert_eq!(answer, json!({ "ewt": "127.5", "pos": "4", "wpos": "4", "agents": "6" }));
        assert_eq!(state.answer(Some("Environment"), "VQ_Other", 0), None);
        assert_eq!(state.answer(Some("Another"), "VQ_Sales", 0), None);
    }

    #[test]
    fn roles_can_be_switched_by_port_or_name() {
        let usual = UrsState::default();
        assert!(usual.is_primary(Node::First, 1) && !usual.is_primary(Node::Second, 2));
        for role in
            [json!({ "5580": "backup", "5581": "primary" }), json!({ "primary": "backup", "backup": "primary" })]
        {
            let switched = UrsState::read(json!({ "role": role })).unwrap();
            assert!(!switched.is_primary(Node::First, 1) && switched.is_primary(Node::Second, 2));
        }
    }
}
