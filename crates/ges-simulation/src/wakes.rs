//! Hints that get lost, come twice, or come late.

use std::sync::Arc;

use async_trait::async_trait;
use ges_domain::ports::{Wake, WakeUps};
use tokio::time::Instant as Monotonic;

use crate::bug::Bug;
use crate::world::World;

pub(crate) struct PoorHints {
    world: Arc<World>,
    hints: Box<dyn WakeUps>,
    /// To be given out later.
    held: Vec<(Monotonic, Wake)>,
}

impl PoorHints {
    pub(crate) fn of(world: &Arc<World>) -> Box<dyn WakeUps> {
        Box::new(Self { world: Arc::clone(world), hints: world.store.wake_ups(), held: Vec::new() })
    }

    fn take(&mut self, wake: Wake) {
        let (weather, chance) = (self.world.weather(), &self.world.chance);
        if self.world.has(Bug::NoRescan) || chance.happens(weather.hint_lost) {
            return;
        }
        let now = Monotonic::now();
        if chance.happens(weather.hint_doubled) {
            self.held.push((now + chance.seconds(0, 20), wake.clone()));
        }
        let late = chance.happens(weather.hint_late);
        self.held.push((if late { now + chance.seconds(0, 90) } else { now }, wake));
    }
}

#[async_trait]
impl WakeUps for PoorHints {
    async fn next(&mut self) -> Wake {
        loop {
            let first = (0..self.held.len()).min_by_key(|nth| self.held[*nth].0);
            let at = first.map(|nth| self.held[nth].0);
            if let Some(nth) = first.filter(|nth| self.held[*nth].0 <= Monotonic::now()) {
                return self.held.remove(nth).1;
            }
            let later = async {
                match at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                wake = self.hints.next() => self.take(wake),
                () = later => {}
            }
        }
    }
}
