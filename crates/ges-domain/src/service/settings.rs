//! One row of CALLBACK_SETTINGS (chapter 7.1): keys, defaults, ranges; seconds unless a name says minutes (R-CON-6).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::callback::Direction;
use crate::slots::SlotLength;
use crate::throttle;
use crate::wait::EwtMode;

/// Who is connected first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FirstParty {
    /// The consumer.
    #[default]
    Customer,
    /// The agent.
    Agent,
}

/// The settings of a service, under their canonical keys. Unknown keys are kept in `extra` and not used (chapter 7.1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Free text, at most 255 characters.
    pub description: String,
    /// Name of the Business Hours object; none means always open.
    pub business_hours: Option<String>,
    /// Callback-type application that the session runs.
    pub callback_application: String,
    /// Which build of it runs.
    pub application_stream: String,
    /// Routing point on the switch.
    pub routing_point: String,
    /// Put before the number when dialing (R-SUB-5).
    pub dial_prefix: String,
    /// Caller id number.
    pub call_display_number: String,
    /// Caller id name.
    pub call_display_name: String,
    /// Whether immediate callbacks are offered.
    pub immediate_callback_enabled: bool,
    /// Whether scheduled callbacks are offered.
    pub scheduled_callback_enabled: bool,
    /// Who dials.
    pub call_direction: Direction,
    /// Length of a bookable cell.
    pub slot_minutes: SlotLength,
    /// Places per cell without a Capacity rule, 0 to 10,000.
    pub max_per_slot: u32,
    /// Seconds after the desired time during which attempts may go on, 60 to 1,209,600.
    pub callback_ttl: u32,
    /// Dial attempts, 1 to 10.
    pub max_dial_attempts: u32,
    /// Seconds between them, 10 to 86,400.
    pub redial_interval: u32,
    /// Seconds to let it ring, 5 to 120.
    pub ring_timeout: u32,
    /// Whether answering machines and faxes are detected.
    pub cpd_enabled: bool,
    /// Who is connected first.
    pub first_party: FirstParty,
    /// Whether an agent is reserved before the consumer is dialed.
    pub wait_for_agent: bool,
    /// Seconds to reserve one, 5 to 300.
    pub agent_reserve_timeout: u32,
    /// Attempts to transfer to an agent, 1 to 20.
    pub max_transfer_attempts: u32,
    /// Routing point of the survey after the call.
    #[serde(rename = "surveyRP")]
    pub survey_rp: String,
    /// Minutes of wait below which CALLBACK_UPCOMING is pushed, 0 to 1440; 0 is off.
    pub push_threshold_minutes: u32,
    /// Call-in group whose numbers CALLBACK_CALL_IN carries; empty for none.
    pub call_in_group: String,
    /// Whether external creates need a CAPTCHA.
    pub captcha_required: bool,
    /// Which of the tenant's CAPTCHA site keys is used; none means the only one or the default one (R-CPT-1).
    pub captcha_site_key: Option<String>,
    /// Queue its sessions wait in; none means the one named as the service is (R-CON-5, integrations 5.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_queue: Option<String>,
    /// Queue whose wait counts; none means the one its sessions wait in.
    pub ewt_queue: Option<String>,
    /// How that wait is estimated; none means as the deployment does (R-EWT-2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ewt_mode: Option<EwtMode>,
    /// Limits and number screening of its own; what it leaves out the tenant says (R-THR-1).
    #[serde(flatten)]
    pub throttle: throttle::Settings,
    /// Priority of callbacks that name none, -1000 to 1000.
    pub default_priority: Option<i32>,
    /// Unknown keys, kept and shown.
    #[serde(flatten)]
    pub extra: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            description: String::new(),
            business_hours: None,
            callback_application: String::new(),
            application_stream: "Live".into(),
            routing_point: String::new(),
            dial_prefix: String::new(),
            call_display_number: String::new(),
            call_display_name: String::new(),
            immediate_callback_enabled: true,
            scheduled_callback_enabled: true,
            call_direction: Direction::UserTerminated,
            slot_minutes: SlotLength::default(),
            max_per_slot: 100,
            callback_ttl: 86_400,
            max_dial_attempts: 3,
            redial_interval: 300,
            ring_timeout: 32,
            cpd_enabled: true,
            first_party: FirstParty::Customer,
            wait_for_agent: false,
            agent_reserve_timeout: 30,
            max_transfer_attempts: 5,
            survey_rp: String::new(),
            push_threshold_minutes: 5,
            call_in_group: String::new(),
            captcha_required: false,
            captcha_site_key: None,
            virtual_queue: None,
            ewt_queue: None,
            ewt_mode: None,
            throttle: throttle::Settings::default(),
            default_priority: None,
            extra: BTreeMap::new(),
        }
    }
}

/// A setting outside its range (R-CFG-1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} must be {valid}")]
pub struct BadSetting {
    /// The canonical key.
    pub key: &'static str,
    /// What it may be.
    pub valid: &'static str,
}

impl Settings {
    /// How long after the desired time attempts may go on.
    pub fn ttl(&self) -> Duration {
        Duration::from_secs(u64::from(self.callback_ttl))
    }

    /// The wait below which CALLBACK_UPCOMING is pushed; zero is off (R-PSH-3).
    pub fn push_threshold(&self) -> Duration {
        Duration::from_secs(u64::from(self.push_threshold_minutes) * 60)
    }

    /// Checks required cells and ranges (R-CFG-1).
    ///
    /// # Errors
    /// The first cell that is missing or out of range.
    pub fn check(&self) -> Result<(), BadSetting> {
        let text = |key, value: &str, max: usize, valid| {
            if value.chars().count() > max || value.contains('\0') { Err(BadSetting { key, valid }) } else { Ok(()) }
        };
        let number = |key, value: i64, min: i64, max: i64, valid| {
            if (min..=max).contains(&value) { Ok(()) } else { Err(BadSetting { key, valid }) }
        };
        if self.callback_application.is_empty() {
            return Err(BadSetting { key: "callbackApplication", valid: "the name of a callback application" });
        }
        if self.routing_point.is_empty() {
            return Err(BadSetting { key: "routingPoint", valid: "a routing point" });
        }
        text("description", &self.description, 255, "at most 255 characters")?;
        text("dialPrefix", &self.dial_prefix, 16, "at most 16 of the digits, * # +")?;
        if !self.dial_prefix.chars().all(|c| c.is_ascii_digit() || "*#+".contains(c)) {
            return Err(BadSetting { key: "dialPrefix", valid: "at most 16 of the digits, * # +" });
        }
        text("callDisplayNumber", &self.call_display_number, 32, "at most 32 characters")?;
        text("callDisplayName", &self.call_display_name, 64, "at most 64 characters")?;
        text("callInGroup", &self.call_in_group, 255, "at most 255 characters")?;
        number("maxPerSlot", self.max_per_slot.into(), 0, 10_000, "0 to 10000")?;
        self.throttle.check()?;
        number("callbackTtl", self.callback_ttl.into(), 60, 1_209_600, "60 to 1209600 seconds")?;
        number("maxDialAttempts", self.max_dial_attempts.into(), 1, 10, "1 to 10")?;
        number("redialInterval", self.redial_interval.into(), 10, 86_400, "10 to 86400 seconds")?;
        number("ringTimeout", self.ring_timeout.into(), 5, 120, "5 to 120 seconds")?;
        number("agentReserveTimeout", self.agent_reserve_timeout.into(), 5, 300, "5 to 300 seconds")?;
        number("maxTransferAttempts", self.max_transfer_attempts.into(), 1, 20, "1 to 20")?;
        number("pushThresholdMinutes", self.push_threshold_minutes.into(), 0, 1440, "0 to 1440 minutes")?;
        number("defaultPriority", self.default_priority.unwrap_or(0).into(), -1000, 1000, "-1000 to 1000")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Settings {
        Settings { callback_application: "CallbackApp".into(), routing_point: "5001".into(), ..Settings::default() }
    }

    /// R-CON-6: units.
    #[test]
    fn defaults_of_the_table_hold_and_required_cells_are_required() {
        assert_eq!(row().check(), Ok(()));
        assert_eq!(Settings::default().check().unwrap_err().key, "callbackApplication");
        assert_eq!(Settings { routing_point: String::new(), ..row() }.check().unwrap_err().key, "routingPoint");
        assert_eq!((row().max_per_slot, row().callback_ttl, row().slot_minutes), (100, 86_400, SlotLength::default()));
    }

    /// R-CFG-1.
    #[test]
    fn a_value_outside_its_range_is_named() {
        assert_eq!(Settings { callback_ttl: 59, ..row() }.check().unwrap_err().key, "callbackTtl");
        assert_eq!(Settings { max_per_slot: 10_001, ..row() }.check().unwrap_err().key, "maxPerSlot");
        assert_eq!(Settings { dial_prefix: "+a".into(), ..row() }.check().unwrap_err().key, "dialPrefix");
    }

    #[test]
    fn the_document_reads_back_and_keeps_unknown_keys() {
        let json = r#"{"callbackApplication":"A","routingPoint":"1","slotMinutes":30,"inQueueCheck":"strict","throttleLimit1":7,"futureKey":"x"}"#;
        let settings: Settings = serde_json::from_str(json).unwrap();
        assert_eq!(settings.throttle.in_queue_check, Some(throttle::InQueueCheck::Strict));
        assert_eq!(settings.throttle.throttle_limit1, Some(7));
        assert_eq!(settings.extra.get("futureKey").map(String::as_str), Some("x"));
        let again: Settings = serde_json::from_str(&serde_json::to_string(&settings).unwrap()).unwrap();
        assert_eq!(again, settings);
    }
}
