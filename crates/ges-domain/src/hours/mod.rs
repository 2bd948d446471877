//! Business hours and time zones (domain chapter 8, R-BH-1 to R-BH-8, R-DST-1 to R-DST-4) and open-for (9.7).

mod dates;
mod document;
mod office;
pub(crate) mod offsets;
#[cfg(test)]
pub(crate) mod samples;
mod state;
#[cfg(test)]
mod tests;
mod week;
mod window;
mod zone;

pub use dates::{Dates, NotDates};
pub use office::{BadHours, OfficeHours, Regular, Special};
pub use state::Hours;
pub use week::{Days, NotAnOpening, NotDays, Opening};
pub use window::Window;
pub use zone::{UnknownZone, Zone, zone_data_version};
