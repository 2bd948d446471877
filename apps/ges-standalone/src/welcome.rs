//! What stands on the screen at start: where everything is, and three lines to paste.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use ges_sim::{Addresses, Seed};

/// What the page tells.
#[derive(Debug)]
pub(crate) struct Welcome {
    pub(crate) external: SocketAddr,
    pub(crate) internal: SocketAddr,
    pub(crate) sim: Addresses,
    pub(crate) record: PathBuf,
    pub(crate) seeded: bool,
}

impl Welcome {
    /// Book now, look at it, list free slots: in this order, in one shell.
    fn lines(&self) -> [String; 3] {
        let base = format!("http://{}/engagement/v3/callbacks", self.external);
        let key = format!("-H 'x-api-key: {}'", Seed::API_KEY);
        let json = "-H 'Content-Type: application/json'";
        [
            format!(
                r#"ID=$(curl -s {key} {json} -d '{{"serviceName":"CB_Sales","phoneNumber":"+15105550100","pushTargets":[{{"channel":"FCM","target":"ok-demo"}}]}}' {base}/create | sed 's/.*"id" *: *"\([^"]*\)".*/\1/'); echo "$ID""#
            ),
            format!(r#"curl -s {key} {json} -d "{{\"id\":\"$ID\"}}" {base}/retrieve; echo"#),
            format!("curl -s {key} '{base}/availability/CB_Support?numberOfDays=7&maxTimeSlots=5'; echo"),
        ]
    }
}

impl fmt::Display for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = if self.seeded { "new, with CB_Sales and CB_Support" } else { "as it was left" };
        writeln!(f, "GES standalone {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "  public API      http://{}/engagement/v3", self.external)?;
        writeln!(f, "  internal API    http://{}/genesys, /ges/v1/health, /metrics", self.internal)?;
        writeln!(f, "  contact centre  simulated; control plane http://{}/_sim/ors/sessions", self.sim.control)?;
        writeln!(f, "  record          {} ({record})", self.record.display())?;
        writeln!(f, "  API key         {}", Seed::API_KEY)?;
        writeln!(f, "\nBook a callback now, look at it, list free times:\n")?;
        for line in self.lines() {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "\nCtrl-C stops. What happens to callbacks (times in UTC):\n")
    }
}
