//! The limits of a cell (R-CAP-2, R-CR-9 to R-CR-13) and what they leave (R-CAP-4).

use super::{CapacityRule, RuleSlot};
use crate::Instant;
use crate::hours::Zone;
use crate::hours::offsets::Offsets;
use crate::slots::{Cell, SlotLength};

/// How many callbacks a cell may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most callbacks in the cell itself.
    pub cell_limit: u32,
    /// A second limit that the cell shares with its neighbours, when a rule slot is longer than the cell (R-CR-10).
    pub shared: Option<Shared>,
}

/// Most callbacks in a whole rule slot `from..until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// Start of the rule slot.
    pub from: Instant,
    /// End of the rule slot, not part of it.
    pub until: Instant,
    /// The rule's value for it.
    pub limit: u32,
}

/// What `limits` leave when `used_cell` callbacks are in the cell and `used_shared` in its rule slot; never negative.
pub fn remaining(limits: &Limits, used_cell: u32, used_shared: u32) -> u32 {
    let own = limits.cell_limit.saturating_sub(used_cell);
    limits.shared.map_or(own, |shared| own.min(shared.limit.saturating_sub(used_shared)))
}

/// The limits of `cell`, a cell of the grid of `slot` in `zone`, under `rule` or else `max_per_slot` (R-CAP-2).
pub fn limits(zone: &Zone, slot: SlotLength, max_per_slot: u32, rule: Option<&CapacityRule>, cell: &Cell) -> Limits {
    LimitReader::new(&zone.offsets(cell.from, cell.until), slot, max_per_slot, rule).limits(cell)
}

/// Reads the limits of many cells; neighbours in one rule slot cost one look at the rule.
pub(crate) struct LimitReader<'a> {
    offsets: &'a Offsets,
    slot: SlotLength,
    max_per_slot: u32,
    rule: Option<&'a CapacityRule>,
    last: Option<(Cell, u32)>,
}

impl<'a> LimitReader<'a> {
    pub(crate) fn new(
        offsets: &'a Offsets,
        slot: SlotLength,
        max_per_slot: u32,
        rule: Option<&'a CapacityRule>,
    ) -> Self {
        Self { offsets, slot, max_per_slot, rule, last: None }
    }

    pub(crate) fn limits(&mut self, cell: &Cell) -> Limits {
        let Some(rule) = self.rule else { return Limits { cell_limit: self.max_per_slot, shared: None } };
        let calendar = rule.calendar();
        let (own, theirs) = (self.slot.minutes(), calendar.slot().minutes());
        // Half hours do not consist of whole 20-minute cells, so such a rule is read by the hour (R-CR-12).
        let by_hour = own == 20 && calendar.slot() == RuleSlot::Half;
        let step = if by_hour { 60 } else { theirs };
        let value_at = |at: Instant| {
            let wall_ms = self.offsets.wall(at.millis());
            if by_hour { calendar.hour_value(wall_ms) } else { calendar.value(wall_ms) }
        };
        if own >= step {
            // Equal grids have one rule slot in the cell (R-CR-9), longer cells cover several (R-CR-11).
            let mut covered = Cell::of(self.offsets, step, cell.from);
            let mut cell_limit = 0_u32;
            while covered.from < cell.until {
                cell_limit = cell_limit.saturating_add(value_at(covered.from));
                covered = covered.next(self.offsets, step);
            }
            return Limits { cell_limit, shared: None };
        }
        let (slot, limit) = match self.last {
            Some((slot, limit)) if slot.contains(cell.from) => (slot, limit),
            _ => {
                let slot = Cell::of(self.offsets, step, cell.from);
                (slot, value_at(slot.from))
            }
        };
        self.last = Some((slot, limit));
        let shared = Shared { from: slot.from, until: slot.until, limit };
        Limits { cell_limit: limit.div_ceil(step / own), shared: Some(shared) }
    }
}
