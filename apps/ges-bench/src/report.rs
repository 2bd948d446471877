//! Figures, what they must be, and the table of all of them.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use serde::Serialize;

/// What a figure is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn holds(self, measured: f64) -> bool {
        match self {
            Self::AtMost(limit) => measured <= limit,
            Self::AtLeast(limit) => measured >= limit,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {limit}"),
            Self::AtLeast(limit) => format!("≥ {limit}"),
        }
    }
}

/// How a figure stands to its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Verdict {
    /// Better than aimed at.
    Aim,
    /// Within what must be.
    Must,
    /// Worse than what must be.
    Missed,
    /// Told for information.
    Told,
}

/// One measured figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figure {
    what: String,
    measured: f64,
    unit: &'static str,
    must: Option<Bound>,
    aim: Option<Bound>,
    /// How it came about, for whoever wonders.
    note: String,
}

impl Figure {
    /// A figure without bounds.
    pub(crate) fn told(what: impl Into<String>, measured: f64, unit: &'static str) -> Self {
        Self { what: what.into(), measured, unit, must: None, aim: None, note: String::new() }
    }

    /// With its bounds in the cost budget.
    pub(crate) fn bounds(self, must: Bound, aim: Bound) -> Self {
        Self { must: Some(must), aim: Some(aim), ..self }
    }

    /// With a remark.
    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    fn verdict(&self) -> Verdict {
        let Some(must) = self.must else { return Verdict::Told };
        if self.aim.is_some_and(|aim| aim.holds(self.measured)) {
            Verdict::Aim
        } else if must.holds(self.measured) {
            Verdict::Must
        } else {
            Verdict::Missed
        }
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    row: &'static str,
    #[serde(flatten)]
    figure: Figure,
    verdict: Verdict,
}

/// Everything measured in one run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    quick: bool,
    processors: usize,
    figures: Vec<Line>,
    failures: Vec<(&'static str, String)>,
}

impl Report {
    pub(crate) fn new(quick: bool) -> Self {
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        Self { quick, processors, figures: Vec::new(), failures: Vec::new() }
    }

    /// Takes what a row came to; says it at once, as a run is long.
    pub(crate) fn add(&mut self, row: &'static str, figures: Vec<Figure>) {
        for figure in figures {
            let verdict = figure.verdict();
            eprintln!(
                "ges-bench:   {}: {} {} {:?} {}",
                figure.what,
                number(figure.measured),
                figure.unit,
                verdict,
                figure.note
            );
            self.figures.push(Line { row, verdict, figure });
        }
    }

    /// Takes a row that could not be measured.
    pub(crate) fn fail(&mut self, row: &'static str, error: &anyhow::Error) {
        eprintln!("ges-bench: {row} could not be measured: {error:#}");
        self.failures.push((row, format!("{error:#}")));
    }

    /// The table for people.
    pub(crate) fn table(&self) -> String {
        let mut lines = vec![["row", "what", "measured", "must", "aim", "verdict"].map(str::to_owned)];
        for Line { row, figure, verdict } in &self.figures {
            let bound = |bound: Option<Bound>| bound.map_or_else(|| "–".to_owned(), Bound::text);
            let verdict = match verdict {
                Verdict::Aim => "aim",
                Verdict::Must => "must",
                Verdict::Missed => "MISSED",
                Verdict::Told => "",
            };
            let measured = format!("{} {}", number(figure.measured), figure.unit);
            let (row, what) = ((*row).to_owned(), figure.what.clone());
            lines.push([
                row,
                what,
                measured.trim().to_owned(),
                bound(figure.must),
                bound(figure.aim),
                verdict.to_owned(),
            ]);
        }
        for (row, _) in &self.failures {
            lines.push([row, "could not be measured", "", "", "", "FAILED"].map(str::to_owned));
        }
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        let mut text = String::new();
        for (index, line) in lines.iter().enumerate() {
            for (cell, width) in line.iter().zip(widths) {
                let _ = write!(text, "| {cell:width$} ");
            }
            text.push_str("|\n");
            if index == 0 {
                widths.iter().for_each(|width| text.push_str(&format!("|{}", "-".repeat(width + 2))));
                text.push_str("|\n");
            }
        }
        text
    }

    /// Whether everything could be measured. A missed bound is a figure, not a failure: machines differ.
    pub(crate) fn verdict(&self) -> Result<()> {
        match self.failures.as_slice() {
            [] => Ok(()),
            failures => {
                let list: Vec<_> = failures.iter().map(|(row, error)| format!("{row}: {error}")).collect();
                bail!("could not be measured:\n  {}", list.join("\n  "))
            }
        }
    }
}

/// Few digits where the number is large, more where it is small.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The value below which this part of the sorted values lies, by nearest rank; 0 when there are none.
pub(crate) fn percentile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank: whole, positive, small")]
    let rank = (part * values.len() as f64).ceil().max(1.0) as usize;
    values.get(rank - 1).or(values.last()).copied().unwrap_or(0.0)
}

/// The middle one.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    percentile(values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_judged_by_its_bounds() {
        let verdict = |measured, must, aim| Figure::told("x", measured, "").bounds(must, aim).verdict();
        assert_eq!(verdict(300.0, Bound::AtMost(300.0), Bound::AtMost(110.0)), Verdict::Must);
        assert_eq!(verdict(301.0, Bound::AtMost(300.0), Bound::AtMost(110.0)), Verdict::Missed);
        assert_eq!(verdict(2.1, Bound::AtLeast(1.0), Bound::AtLeast(2.0)), Verdict::Aim);
        assert_eq!(verdict(0.9, Bound::AtLeast(1.0), Bound::AtLeast(2.0)), Verdict::Missed);
        assert_eq!(Figure::told("x", 1.0, "").verdict(), Verdict::Told);
    }

    #[test]
    fn the_table_has_a_line_for_each_figure_and_each_failure() {
        let mut report = Report::new(true);
        let figure = Figure::told("CPU per create", 120.0, "µs").bounds(Bound::AtMost(300.0), Bound::AtMost(110.0));
        report.add("cpu", vec![figure]);
        report.fail("idle", &anyhow::anyhow!("no server"));
        let table = report.table();
        assert_eq!(table.lines().count(), 4, "{table}");
        assert!(table.contains("| 120 µs") && table.contains("≤ 300") && table.contains("FAILED"), "{table}");
        let widths: std::collections::BTreeSet<_> = table.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths.len(), 1, "{table}");
        assert!(report.verdict().unwrap_err().to_string().contains("no server"));
    }

    #[test]
    fn percentiles_go_by_nearest_rank() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((percentile(&mut values, 0.5), percentile(&mut values, 0.99)), (50.0, 99.0));
        assert_eq!((median(&mut [7.0]), median(&mut [])), (7.0, 0.0));
    }
}
