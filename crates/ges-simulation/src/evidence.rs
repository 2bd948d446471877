//! What a run leaves behind, in the form that the promises are judged by.

use std::collections::{BTreeMap, BTreeSet};

use ges_domain::callback::Kind;
use ges_domain::hours::Zone;
use ges_domain::invariants::{CellLimit, Evidence, Story};
use ges_domain::ports::ServiceRef;
use ges_domain::slots::Grid;

use crate::world::World;

impl World {
    /// Bookings, records, timelines and the limits of every cell that was booked.
    pub(crate) fn books(&self) -> Evidence {
        let stories: Vec<_> =
            self.store.everything().into_iter().map(|(record, timeline)| Story { record, timeline }).collect();
        let scheduled = stories.iter().map(|story| &story.record).filter(|record| record.kind == Kind::Scheduled);
        let offers = self.setting.offers.iter();
        // Every zone of a run is whole hours from UTC, so every grid is one of UTC.
        let grid = |slot| Grid::new(&Zone::utc(), slot);
        let grids: BTreeMap<_, _> =
            offers.map(|offer| (offer.service.clone(), (grid(offer.slot), offer.places))).collect();
        let booked: BTreeSet<_> = scheduled
            .filter_map(|record| {
                let service = ServiceRef { tenant: record.tenant, name: record.service.clone() };
                let (grid, places) = grids.get(&service)?;
                let cell = grid.cell_at(record.desired_at);
                Some((service, cell, *places))
            })
            .collect();
        let limit = |(service, cell, limit): (ServiceRef, _, _)| CellLimit {
            tenant: service.tenant,
            service: service.name,
            cell,
            limit,
        };
        let cells = booked.into_iter().map(limit).collect();
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
