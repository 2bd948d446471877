//! What a store has to write for a publish (chapter 7.2). Stores call it under the tenant's lock, so all decide alike.

use std::collections::{BTreeMap, BTreeSet};

use super::uses::{calendar_of, days_of, stays_for};
use super::{
    Cells, Edition, Extent, Flaw, Identity, Kind, Present, Problem, Publish, Report, Section, Standing, TableState,
    read_capacity, read_hours, read_settings, read_special_days,
};
use crate::ServiceName;
use crate::capacity::CapacityRule;
use crate::hours::{OfficeHours, Special};
use crate::service::Settings;

/// Hours that a service has for itself, because special days are added to its calendar. No calendar may be called like that.
const OWN_HOURS: &str = "service:";

/// What becomes of a publish.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// To be written.
    Apply(Box<Changes>),
    /// A later one is in force (R-PUB-3).
    Older,
    /// Applied before (R-PUB-3).
    Repeated,
    /// The table has another version than the sender expects.
    VersionDiffers,
}

/// A service to put. Its rules and its pause are not touched (R-PUB-5, R-PUB-8).
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedService {
    /// Its name.
    pub name: ServiceName,
    /// Its settings.
    pub settings: Settings,
    /// The stored hours it keeps; none is always (R-BH-7).
    pub hours: Option<String>,
}

/// Everything a publish changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// The configuration as published since: revision, tables and all sections.
    pub standing: Standing,
    /// Names of sections to write, found in `standing`.
    pub written: BTreeSet<String>,
    /// Names of sections that are gone.
    pub gone: BTreeSet<String>,
    /// Hours to put.
    pub hours: Vec<OfficeHours>,
    /// Calendars that go, unless a service has come to keep them meanwhile.
    pub hours_gone: Vec<String>,
    /// Capacity rules to put.
    pub rules: Vec<CapacityRule>,
    /// Capacity rules that go, unless a service has come to have them meanwhile (R-CR-5).
    pub rules_gone: Vec<String>,
    /// Services to put.
    pub services: Vec<PublishedService>,
    /// Services that take no bookings any more (R-PUB-6).
    pub services_gone: Vec<ServiceName>,
    /// What to tell the sender.
    pub report: Report,
}

/// What a publish comes to. `present`: what the tenant has beside its sections (R-CFG-2).
///
/// Calendars, special days and capacity rules that are taken away while a service uses them stay, and the sender hears so; the
/// first publish after nobody uses them any more takes them away.
pub fn decide(standing: &Standing, present: &Present, publish: &Publish) -> Verdict {
    if let Some(refused) = refused(standing, publish) {
        return refused;
    }
    let revision = standing.revision + 1;
    let edition = match &publish.edition {
        Some(edition) => edition.clone(),
        None => Edition { id: format!("revision-{revision}"), published_at: publish.received_at },
    };
    let mut decision = Decision {
        before: standing,
        present,
        known: present.hours.clone(),
        fresh: BTreeSet::new(),
        parting: BTreeSet::new(),
        changes: Changes { standing: standing.clone(), ..Changes::default() },
        edition,
    };
    decision.changes.standing.revision = revision;
    decision.changes.report.revision = revision;
    if !publish.is_empty() {
        decision.changes.standing.last = Some(decision.edition.clone());
    }
    decision.enter(publish);
    decision.take_away();
    decision.read_calendars();
    decision.read_services();
    decision.let_go();
    decision.tell(publish);
    Verdict::Apply(Box::new(decision.changes))
}

/// Order and version (R-PUB-3, integrations 5.4).
fn refused(standing: &Standing, publish: &Publish) -> Option<Verdict> {
    let touched: BTreeSet<_> = match &publish.extent {
        Extent::Snapshot(table) => BTreeSet::from([*table]),
        Extent::Changes { .. } => {
            publish.sections.iter().filter_map(|(name, cells)| Kind::of(name, cells).table()).collect()
        }
    };
    let states = || touched.iter().filter_map(|table| standing.tables.get(table));
    if let Some(edition) = &publish.edition {
        if states().any(|state| state.edition.id == edition.id) {
            return Some(Verdict::Repeated);
        }
        if states().any(|state| state.edition.published_at > edition.published_at) {
            return Some(Verdict::Older);
        }
    }
    let expected = publish.only_if.as_ref()?;
    let is_there = states().any(|state| expected == "*" || state.edition.id == *expected);
    (!is_there).then_some(Verdict::VersionDiffers)
}

struct Decision<'a> {
    before: &'a Standing,
    present: &'a Present,
    /// Calendars that rows may refer to.
    known: BTreeMap<String, OfficeHours>,
    /// Sections of this publish.
    fresh: BTreeSet<String>,
    /// Sections that this publish takes away and that a service may use.
    parting: BTreeSet<String>,
    changes: Changes,
    edition: Edition,
}

impl Decision<'_> {
    /// Puts the new sections among the old and takes out what goes.
    fn enter(&mut self, publish: &Publish) {
        match &publish.extent {
            Extent::Changes { removed } => removed.iter().for_each(|name| self.part_with(name)),
            Extent::Snapshot(table) => {
                let rows = self.before.sections.iter();
                let rows = rows.filter(|(name, section)| Kind::of(name, &section.cells) == table.kind());
                rows.for_each(|(name, _)| self.part_with(name));
                let unnamed = publish.refused.iter().filter(|problem| !publish.sections.contains_key(&problem.row));
                let state = TableState { edition: self.edition.clone(), problems: unnamed.cloned().collect() };
                self.changes.standing.tables.insert(*table, state);
            }
        }
        let sections = &mut self.changes.standing.sections;
        for (name, cells) in &publish.sections {
            let identity = Identity::of(name, cells);
            if identity.kind != Kind::Other {
                // The same thing under another section name: the newer one stands for it.
                let twin = |(other, section): (&String, &Section)| {
                    other != name && Identity::of(other, &section.cells) == identity
                };
                let twins = sections.iter().filter(|(other, section)| twin((other, section)));
                let twins: Vec<_> = twins.map(|(other, _)| other.clone()).collect();
                for other in twins {
                    sections.remove(&other);
                    self.parting.remove(&other);
                    self.changes.gone.insert(other);
                }
            }
            let same = |(other, section): &(&String, &Section)| Identity::of(other, &section.cells) == identity;
            let applied = self.before.sections.iter().find(same).is_some_and(|(_, section)| section.applied);
            let problems = publish.refused.iter().filter(|problem| problem.row == *name).cloned().collect();
            let edition = self.edition.clone();
            let section = Section { cells: cells.clone(), problems, applied, leaving: false, edition };
            sections.insert(name.clone(), section);
            self.parting.remove(name);
            self.changes.gone.remove(name);
            self.changes.written.insert(name.clone());
            self.fresh.insert(name.clone());
            if let (Extent::Changes { .. }, Some(table)) = (&publish.extent, identity.kind.table()) {
                let state = TableState { edition: self.edition.clone(), problems: Vec::new() };
                self.changes.standing.tables.insert(table, state);
            }
        }
    }

    /// Takes a section out; what services may use leaves later, when it is known whether they do.
    fn part_with(&mut self, name: &str) {
        let Some(section) = self.changes.standing.sections.get_mut(name) else { return };
        let may_be_used =
            matches!(Kind::of(name, &section.cells), Kind::OfficeHours | Kind::SpecialDays | Kind::Capacity);
        if may_be_used && section.applied {
            section.leaving = true;
            self.parting.insert(name.to_owned());
        } else {
            self.changes.standing.sections.remove(name);
            self.changes.gone.insert(name.to_owned());
        }
    }

    /// What was in force and is named by no section any more.
    fn take_away(&mut self) {
        let identities = |standing: &Standing, applied: bool| -> BTreeSet<Identity> {
            let sections = standing.sections.iter().filter(|(_, section)| !applied || section.applied);
            sections.map(|(name, section)| Identity::of(name, &section.cells)).collect()
        };
        let stay = identities(&self.changes.standing, false);
        for Identity { kind, name } in identities(self.before, true).difference(&stay) {
            match kind {
                Kind::Callback => self.changes.services_gone.extend(ServiceName::new(name)),
                Kind::OfficeHours => {
                    self.known.remove(name);
                    self.changes.hours_gone.push(name.clone());
                }
                Kind::Capacity => self.changes.rules_gone.push(name.clone()),
                Kind::SpecialDays | Kind::Patterns | Kind::NumberValidation | Kind::Other => {}
            }
        }
        self.changes.report.services_changed = !self.changes.services_gone.is_empty();
    }

    /// Reads new calendars before the rows that refer to them (R-CFG-2, R-PUB-4).
    fn read_calendars(&mut self) {
        for section in self.fresh.clone() {
            let cells = &self.changes.standing.sections[&section].cells;
            let Identity { kind, name } = Identity::of(&section, cells);
            let read = match kind {
                Kind::OfficeHours if name.starts_with(OWN_HOURS) => {
                    Err(vec![Flaw::new("name", "must not begin with service:")])
                }
                Kind::OfficeHours => read_hours(&name, cells).map(|hours| {
                    self.known.insert(name, hours.clone());
                    self.changes.hours.push(hours);
                }),
                Kind::Capacity => read_capacity(&name, cells).map(|rule| self.changes.rules.push(rule)),
                Kind::SpecialDays => read_special_days(cells).map(drop),
                Kind::Callback | Kind::Patterns | Kind::NumberValidation | Kind::Other => continue,
            };
            self.settle(&section, read);
        }
    }

    /// Reads new rows, and those refused before: what they lacked may be here now (R-CFG-1, R-CFG-2).
    fn read_services(&mut self) {
        let specials = self.special_days();
        for section in self.changes.standing.sections.keys().cloned().collect::<Vec<_>>() {
            let kept = &self.changes.standing.sections[&section];
            if Kind::of(&section, &kept.cells) != Kind::Callback {
                continue;
            }
            let cells = kept.cells.clone();
            if self.fresh.contains(&section) || !kept.is_valid() {
                let read = self.service(&section, &cells, &specials);
                self.settle(&section, read);
            } else if let Ok((_, Some(own))) = self.hours_of(&section, &cells, &specials) {
                // Its calendar or its special days may be other ones now.
                self.changes.hours.push(own);
            }
        }
    }

    fn service(
        &mut self,
        section: &str,
        cells: &Cells,
        specials: &BTreeMap<String, Vec<Special>>,
    ) -> Result<(), Vec<Flaw>> {
        let name = super::named(Kind::Callback, section);
        let name = ServiceName::new(name).map_err(|bad| vec![Flaw::new("serviceName", bad.to_string())])?;
        if !section.starts_with("service.") {
            return Err(vec![Flaw::new("serviceName", "the section must be called service. and the queue")]);
        }
        let settings = read_settings(name.as_str(), cells)?;
        let (hours, own) = self.hours_of(section, cells, specials).map_err(|flaw| vec![flaw])?;
        self.changes.hours.extend(own);
        self.changes.services.push(PublishedService { name, settings, hours });
        self.changes.report.services_changed = true;
        Ok(())
    }

    /// The name of the hours a row keeps, and those hours when they are its own (R-PUB-4).
    fn hours_of(
        &self,
        section: &str,
        cells: &Cells,
        specials: &BTreeMap<String, Vec<Special>>,
    ) -> Result<(Option<String>, Option<OfficeHours>), Flaw> {
        let days = days_of(cells);
        let Some((column, calendar)) = calendar_of(cells) else {
            return match days.first() {
                Some((column, _)) => Err(Flaw::new(*column, "needs business hours, whose zone the days are in")),
                None => Ok((None, None)),
            };
        };
        let office = self.known.get(calendar).ok_or_else(|| Flaw::new(column, "names no known business hours"))?;
        let Some((column, _)) = days.first() else { return Ok((Some(calendar.to_owned()), None)) };
        let mut more = Vec::new();
        for (column, name) in &days {
            more.extend_from_slice(
                specials.get(*name).ok_or_else(|| Flaw::new(*column, "names no known special days"))?,
            );
        }
        let own = format!("{OWN_HOURS}{}", super::named(Kind::Callback, section));
        let hours = office.with_special_days(&own, &more).map_err(|_| Flaw::new(*column, "has too long a name"))?;
        Ok((Some(own), Some(hours)))
    }

    /// Every readable Special Days object.
    fn special_days(&self) -> BTreeMap<String, Vec<Special>> {
        let sections = self.changes.standing.sections.iter();
        let all = sections.map(|(name, section)| (Identity::of(name, &section.cells), section));
        let days = all.filter(|(identity, _)| identity.kind == Kind::SpecialDays);
        days.filter_map(|(identity, section)| Some((identity.name, read_special_days(&section.cells).ok()?))).collect()
    }

    fn settle(&mut self, section: &str, read: Result<(), Vec<Flaw>>) {
        let Some(kept) = self.changes.standing.sections.get_mut(section) else { return };
        let before = (kept.problems.clone(), kept.applied);
        match read {
            Ok(()) => {
                kept.applied = true;
                kept.problems.clear();
            }
            Err(flaws) => kept.problems = flaws.into_iter().map(|flaw| flaw.of(section)).collect(),
        }
        if (&kept.problems, kept.applied) != (&before.0, before.1) {
            self.changes.written.insert(section.to_owned());
        }
    }

    /// Takes away what nobody uses any more, and keeps what somebody does.
    fn let_go(&mut self) {
        let sections = self.changes.standing.sections.iter().filter(|(_, section)| section.leaving);
        for name in sections.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            let Some(section) = self.changes.standing.sections.get(&name) else { continue };
            let what = Identity::of(&name, &section.cells);
            let (put, gone) = (&self.changes.services, &self.changes.services_gone);
            let sections = &self.changes.standing.sections;
            let users = self.present.users((what.kind, &what.name), sections, put, gone);
            if users.is_empty() {
                self.changes.standing.sections.remove(&name);
                self.changes.written.remove(&name);
                self.changes.gone.insert(name);
                match what.kind {
                    Kind::OfficeHours => self.changes.hours_gone.push(what.name),
                    Kind::Capacity => self.changes.rules_gone.push(what.name),
                    Kind::SpecialDays | Kind::Callback | Kind::Patterns | Kind::NumberValidation | Kind::Other => {}
                }
                continue;
            }
            let problem = Problem { row: name.clone(), column: "name".into(), cause: stays_for(&users) };
            let Some(section) = self.changes.standing.sections.get_mut(&name) else { continue };
            if self.parting.contains(&name) {
                self.changes.report.invalid.push(problem.clone());
            } else if section.problems == [problem.clone()] {
                continue;
            }
            section.problems = vec![problem];
            self.changes.written.insert(name);
        }
    }

    /// What the sender hears.
    fn tell(&mut self, publish: &Publish) {
        let name = |section: &String, cells: &Cells| Identity::of(section, cells).name;
        let report = &mut self.changes.report;
        let old: BTreeMap<Identity, &Cells> = self
            .before
            .sections
            .iter()
            .map(|(name, section)| (Identity::of(name, &section.cells), &section.cells))
            .collect();
        for section in &self.fresh {
            let kept = &self.changes.standing.sections[section];
            if !kept.is_valid() {
                report.invalid.extend(kept.problems.iter().cloned());
                continue;
            }
            match old.get(&Identity::of(section, &kept.cells)) {
                None => report.added.push(name(section, &kept.cells)),
                Some(cells) if **cells != kept.cells => report.updated.push(name(section, &kept.cells)),
                Some(_) => {}
            }
        }
        let fresh = &self.fresh;
        report.invalid.extend(publish.refused.iter().filter(|problem| !fresh.contains(&problem.row)).cloned());
        let sections = &self.changes.standing.sections;
        let stay: BTreeSet<_> = sections.iter().map(|(name, section)| Identity::of(name, &section.cells)).collect();
        let gone = old.keys().filter(|identity| !stay.contains(identity));
        report.removed = gone.map(|identity| identity.name.clone()).collect();
    }
}
