//! The callback record, its states, reasons and life cycle (chapters 2 and 3).
//!
//! A record changes only through [`Callback::apply`]: rules decide a list of [`Change`]s, the store writes the changed
//! row and one timeline event in the same transaction, and so `fold(timeline) == row` (I8).

pub mod acts;
mod change;
mod former;
mod life_cycle;
mod particulars;
mod reason;
mod record;
mod session;
mod state;
mod user_data;

pub use change::{Actor, Change, TimelineEvent, fold};
pub use former::{FormerSession, TO_END, TRY_AGAIN, former_session};
pub use life_cycle::{Act, may_act, session_may_move};
pub use particulars::{FirstDial, OfferType, OwnSession, Particulars, PushTarget, Source};
pub use reason::{Category, NotAReason, Reason};
pub use record::{BrokenRecord, Callback, CancelWish, MoveWish, RETENTION, SessionBinding, Submission};
pub use session::{Ignored, Overgrown, SessionEnd, SessionUpdate, SessionVerdict, decide_session_update};
pub use state::{Direction, Kind, State};
pub use user_data::{Scalar, UserData, UserDataTooLarge};
