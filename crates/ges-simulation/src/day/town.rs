//! What lies beyond the ports on that day: orchestration nodes with their sessions, the agent floor, two routers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ges_domain::CallbackId;
use ges_domain::callback::State as Stands;
use ges_domain::ports::{Asked, Place, SessionEvent, Told};
use ges_domain::wait::WaitEstimates;
use ges_sim::floor::{Estimate, NewCall, What, Withdrawal};
use tokio::sync::mpsc;
use tokio::time::Instant as Monotonic;
use tokio_util::sync::CancellationToken;

use super::floor::AgentFloor;
use super::plan::Plan;
use super::routers::Routers;
use super::tally::Tally;
use crate::chance::Chance;
use crate::outside::Outside;
use crate::world::World;

/// So long nothing answers for a node that is lost; then somebody knows that its sessions are gone.
const SILENCE: Duration = Duration::from_secs(90);

/// Orchestration nodes.
const NODES: [&str; 3] = ["ors1", "ors2", "ors3"];

/// Something a session has to do at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// End with this reason.
    Finish(String),
    /// Give the callback back: it has a new time.
    HandBack,
    /// Say where the callback stands.
    Say(Stands),
    /// End without a word.
    Stop,
}

/// A session that runs.
struct Line {
    node: usize,
    id: CallbackId,
    /// Its call on the floor.
    call: Option<String>,
    held: bool,
    deeds: mpsc::UnboundedSender<Deed>,
}

struct Nodes {
    alive: Vec<CancellationToken>,
    sessions: BTreeMap<String, Line>,
    /// Sessions of nodes that were lost, and when.
    buried: BTreeMap<String, Monotonic>,
}

pub(crate) struct Town {
    pub(crate) plan: Arc<Plan>,
    pub(crate) floor: Arc<AgentFloor>,
    pub(crate) routers: Arc<Routers>,
    pub(crate) tally: Arc<Tally>,
    nodes: Mutex<Nodes>,
}

impl Town {
    pub(crate) fn new(plan: Arc<Plan>, seed: u64) -> Arc<Self> {
        let began = Monotonic::now();
        let floor = Arc::new(AgentFloor::new(&plan, seed, began));
        let alive = NODES.map(|_| CancellationToken::new()).into();
        let tally = Arc::<Tally>::default();
        Arc::new(Self {
            plan,
            routers: Routers::new(Arc::clone(&floor), Arc::clone(&tally)),
            floor,
            tally,
            nodes: Mutex::new(Nodes { alive, sessions: BTreeMap::new(), buried: BTreeMap::new() }),
        })
    }

    /// A node that is alive takes a session: its name, what ends with it, and what the session will be told.
    pub(crate) fn enter(
        &self,
        chance: &Chance,
        session: &str,
        id: CallbackId,
    ) -> (&'static str, CancellationToken, mpsc::UnboundedReceiver<Deed>) {
        let mut nodes = self.nodes();
        let alive: Vec<usize> = (0..NODES.len()).filter(|node| !nodes.alive[*node].is_cancelled()).collect();
        let node = *chance.one_of(&alive);
        let (deeds, told) = mpsc::unbounded_channel();
        nodes.sessions.insert(session.to_owned(), Line { node, id, call: None, held: false, deeds });
        (NODES[node], nodes.alive[node].clone(), told)
    }

    /// A session is over.
    pub(crate) fn leave(&self, session: &str) {
        self.cut(session);
        self.nodes().sessions.remove(session);
    }

    /// A session puts its call on the floor.
    pub(crate) fn line_up(&self, session: &str, call: NewCall) -> mpsc::UnboundedReceiver<What> {
        let mut nodes = self.nodes();
        let id = call.id.clone();
        let happens = self.floor.offer(call);
        if let Some(line) = nodes.sessions.get_mut(session) {
            if line.held {
                self.floor.hold(&id, true);
            }
            line.call = Some(id);
        }
        happens
    }

    /// A session takes its call off the floor, wherever it is.
    pub(crate) fn cut(&self, session: &str) {
        let call = self.nodes().sessions.get_mut(session).and_then(|line| line.call.take());
        if let Some(call) = call {
            self.floor.cut(&call);
        }
    }

    /// A node is lost with everything on it. Says for which callbacks sessions ran there.
    pub(crate) fn lose(&self, node: usize) -> Vec<CallbackId> {
        let mut nodes = self.nodes();
        nodes.alive[node].cancel();
        let gone: Vec<String> =
            nodes.sessions.iter().filter(|(_, line)| line.node == node).map(|(session, _)| session.clone()).collect();
        let mut bereft = Vec::new();
        for session in gone {
            if let Some(line) = nodes.sessions.remove(&session) {
                if let Some(call) = &line.call {
                    self.floor.cut(call);
                }
                bereft.push(line.id);
                nodes.buried.insert(session, Monotonic::now());
            }
        }
        bereft
    }

    /// A node that was lost takes sessions again; it knows nothing of those before.
    pub(crate) fn revive(&self, node: usize) {
        self.nodes().alive[node] = CancellationToken::new();
    }

    /// What becomes of a session that is to give its callback up.
    fn give_up(&self, session: &str, deed: Deed) -> Told {
        let nodes = self.nodes();
        let Some(line) = nodes.sessions.get(session) else { return nodes.nobody(session) };
        let withdrawn = line.call.as_ref().map(|call| self.floor.withdraw(call));
        if withdrawn == Some(Withdrawal::Talking) {
            return Told::Refused;
        }
        let _ = line.deeds.send(deed);
        Told::Accepted
    }

    fn hold(&self, session: &str, held: bool) -> Told {
        let mut nodes = self.nodes();
        let Some(line) = nodes.sessions.get_mut(session) else { return nodes.nobody(session) };
        let done = line.call.as_ref().is_none_or(|call| self.floor.hold(call, held));
        if held && !done {
            return Told::Refused;
        }
        line.held = held;
        let _ = line.deeds.send(Deed::Say(if held { Stands::Paused } else { Stands::Queued }));
        Told::Accepted
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Nodes {
    /// What is answered for a session that does not run.
    fn nobody(&self, session: &str) -> Told {
        match self.buried.get(session) {
            Some(lost) if lost.elapsed() < SILENCE => Told::Unreachable,
            _ => Told::Gone,
        }
    }
}

impl Outside for Town {
    fn tell(&self, session: &str, event: &SessionEvent) -> Told {
        match event {
            SessionEvent::Cancel { reason, .. } => self.give_up(session, Deed::Finish(reason.as_str().to_owned())),
            SessionEvent::Reschedule { .. } => self.give_up(session, Deed::HandBack),
            SessionEvent::Pause => self.hold(session, true),
            SessionEvent::Resume => self.hold(session, false),
            SessionEvent::UserData(_) | SessionEvent::Priority(_) | SessionEvent::CalledIn(_) => Told::Accepted,
        }
    }

    fn terminate(&self, session: &str) {
        if let Some(line) = self.nodes().sessions.get(session) {
            let _ = line.deeds.send(Deed::Stop);
        }
        self.cut(session);
    }

    fn place(&self, session: &str) -> Asked<Place> {
        let nodes = self.nodes();
        let Some(line) = nodes.sessions.get(session) else {
            return match nodes.nobody(session) {
                Told::Unreachable => Asked::Unreachable,
                _ => Asked::Gone,
            };
        };
        let Some(found) = line.call.as_ref().and_then(|call| self.floor.place(call)) else {
            return Asked::Answered(Place::default());
        };
        let ewt = match found.wait {
            Estimate::Seconds(seconds) => u32::try_from(seconds).ok().filter(|seconds| *seconds < 10_000),
            Estimate::Unknown | Estimate::NoAgents => None,
        };
        Asked::Answered(Place { position: u32::try_from(found.position).ok(), ewt, answer: String::new() })
    }

    fn waits(&self, _: &Arc<World>) -> Arc<dyn WaitEstimates> {
        self.routers.clone()
    }
}
