//! The stored form of office hours.

use serde::{Deserialize, Serialize};

use super::office::{BadHours, OfficeHours, Regular, Special};
use super::{Dates, Days, NotAnOpening, Opening, Zone};

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    name: String,
    timezone: Zone,
    #[serde(default)]
    regular: Vec<RegularEntry>,
    #[serde(default)]
    special: Vec<SpecialEntry>,
    #[serde(default)]
    effective: Vec<Dates>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    additional: Vec<SpecialEntry>,
}

#[derive(Clone, Serialize, Deserialize)]
struct RegularEntry {
    days: Days,
    start: String,
    end: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct SpecialEntry {
    date: Dates,
    kind: Kind,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    windows: Vec<Span>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Open,
    Closed,
}

#[derive(Clone, Serialize, Deserialize)]
struct Span {
    start: String,
    end: String,
}

impl TryFrom<Document> for OfficeHours {
    type Error = BadHours;

    fn try_from(document: Document) -> Result<Self, BadHours> {
        let regular = document.regular.into_iter().enumerate().map(|(place, entry)| {
            let opening = Opening::new(&entry.start, &entry.end).map_err(|wrong| BadHours::Regular(place, wrong))?;
            Ok(Regular { days: entry.days, opening })
        });
        let regular = regular.collect::<Result<_, _>>()?;
        let hours =
            Self::new(&document.name, document.timezone, regular, dated(document.special)?, document.effective)?;
        Ok(hours.with_added(dated(document.additional)?))
    }
}

fn dated(entries: Vec<SpecialEntry>) -> Result<Vec<Special>, BadHours> {
    let special = entries.into_iter().enumerate().map(|(place, entry)| {
        if (entry.kind == Kind::Open) == entry.windows.is_empty() {
            return Err(BadHours::SpecialKind(place));
        }
        let openings = entry.windows.iter().map(|span| Opening::new(&span.start, &span.end));
        let openings =
            openings.collect::<Result<_, NotAnOpening>>().map_err(|wrong| BadHours::Special(place, wrong))?;
        Ok(Special { dates: entry.date, openings })
    });
    special.collect()
}

impl From<OfficeHours> for Document {
    fn from(hours: OfficeHours) -> Self {
        let regular = hours.regular().iter().map(|entry| RegularEntry {
            days: entry.days,
            start: entry.opening.start_text(),
            end: entry.opening.end_text(),
        });
        let dated = |entry: &Special| SpecialEntry {
            date: entry.dates,
            kind: if entry.openings.is_empty() { Kind::Closed } else { Kind::Open },
            windows: entry
                .openings
                .iter()
                .map(|opening| Span { start: opening.start_text(), end: opening.end_text() })
                .collect(),
        };
        Self {
            name: hours.name().to_owned(),
            timezone: hours.zone().clone(),
            regular: regular.collect(),
            special: hours.special().iter().map(dated).collect(),
            effective: hours.effective().to_vec(),
            additional: hours.added().iter().map(dated).collect(),
        }
    }
}
