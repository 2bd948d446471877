//! What a run leaves behind, in the form that the promises are judged by.

use std::collections::BTreeSet;

use ges_domain::callback::Kind;
use ges_domain::invariants::{CellLimit, Evidence, Story};
use ges_testkit::builders::quarter;

use crate::world::{PLACES, World};

impl World {
    /// Bookings, records, timelines and the limits of every cell that was booked.
    pub(crate) fn books(&self) -> Evidence {
        let stories: Vec<_> =
            self.store.everything().into_iter().map(|(record, timeline)| Story { record, timeline }).collect();
        let scheduled = stories.iter().map(|story| &story.record).filter(|record| record.kind == Kind::Scheduled);
        let cells: BTreeSet<_> =
            scheduled.map(|record| (record.tenant, record.service.clone(), quarter(record.desired_at).from)).collect();
        let cells = cells
            .into_iter()
            .map(|(tenant, service, from)| CellLimit { tenant, service, cell: quarter(from), limit: PLACES })
            .collect();
        let acknowledged = self.seen().acknowledged.clone();
        Evidence { acknowledged, stories, cells, taken_at: Some(self.now()), ..Evidence::default() }
    }

    /// Everything, at the end.
    pub(crate) fn evidence(&self) -> Evidence {
        let books = self.books();
        let entries = self.ledger.all();
        let mut seen = self.seen();
        Evidence {
            cancels: std::mem::take(&mut seen.cancels),
            repeated: std::mem::take(&mut seen.repeated),
            sessions: std::mem::take(&mut seen.sessions),
            dials: std::mem::take(&mut seen.dials),
            writes: std::mem::take(&mut seen.writes),
            reads: std::mem::take(&mut seen.reads),
            entries,
            at_rest: true,
            ..books
        }
    }
}
