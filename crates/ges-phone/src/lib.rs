//! The numbering plan: parsing and plausibility of phone numbers.
