//! Names of queues in one text (R-EWT-6).

/// Most queues of one question.
pub const MOST_NAMES: usize = 100;

/// The text names no queue, or too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadNames {
    /// Nothing is left between the commas.
    #[error("is required")]
    None,
    /// More than [`MOST_NAMES`].
    #[error("must name at most {MOST_NAMES} virtual queues")]
    TooMany,
}

/// Splits comma lists into names: trimmed, empty ones dropped, in order; repeated ones stay, because each is answered (the API
/// reference, section 10, wins over the collapsing of R-EWT-6).
///
/// # Errors
/// [`BadNames`] unless 1 to [`MOST_NAMES`] remain.
pub fn names<'a>(lists: impl IntoIterator<Item = &'a str>) -> Result<Vec<&'a str>, BadNames> {
    let names: Vec<_> =
        lists.into_iter().flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty()).collect();
    match names.len() {
        0 => Err(BadNames::None),
        1..=MOST_NAMES => Ok(names),
        _ => Err(BadNames::TooMany),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_empty_ones_dropped() {
        assert_eq!(names(["VQ_A, VQ B ,,VQ_A,"]), Ok(vec!["VQ_A", "VQ B", "VQ_A"]), "R-EWT-6");
        assert_eq!(names(["a", "b,c"]), Ok(vec!["a", "b", "c"]));
        assert_eq!(names([" , ,"]), Err(BadNames::None));
        assert_eq!(names([]), Err(BadNames::None));
        let hundred = vec!["x"; 100].join(",");
        assert_eq!(names([hundred.as_str()]).unwrap().len(), 100);
        assert_eq!(names([hundred.as_str(), "x"]), Err(BadNames::TooMany));
    }
}
