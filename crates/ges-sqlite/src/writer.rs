//! The one task that writes: requests that arrive while a transaction is being written share the next one.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use ges_domain::booking::{Booked, NewBooking};
use ges_domain::callback::{Callback, TimelineEvent};
use ges_domain::ports::{ServiceRef, StoreError, Wake};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tokio::sync::{Mutex, broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::bookings::book_for_one_service;
use crate::changes::Written;
use crate::error::unavailable;

/// Requests that wait before callers do.
const QUEUE: usize = 1024;
/// Requests that share one transaction at most.
const BATCH: usize = 512;

/// An act at work in a transaction.
pub(crate) type Acting<'t, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 't>>;

/// Tells a caller, once the transaction is durable. Dropped instead, the caller hears that nothing is known.
type Finish = Box<dyn FnOnce() + Send>;

struct Finished {
    finish: Finish,
    /// The connection failed under it: the transaction must not be committed.
    broken: bool,
}

type Act = Box<dyn for<'t> FnOnce(&'t mut Transaction) -> Pin<Box<dyn Future<Output = Finished> + Send + 't>> + Send>;

/// A booking and who waits for its verdict.
pub(crate) struct BookRequest {
    pub(crate) booking: NewBooking,
    pub(crate) tell: oneshot::Sender<Result<Booked, StoreError>>,
}

enum Job {
    Book(Box<BookRequest>),
    Act(Act),
}

/// What acts of one transaction share.
pub(crate) struct Transaction {
    /// The writing connection, inside a transaction.
    pub(crate) connection: SqliteConnection,
    /// Sent when it is durable.
    pub(crate) hints: Vec<Wake>,
    /// Told when it is durable, if anybody listens.
    pub(crate) changes: Option<Vec<Written>>,
}

impl Transaction {
    /// Notes a write for those who listen.
    pub(crate) fn note(&mut self, before: Option<&Callback>, record: &Callback, event: &TimelineEvent) {
        if let Some(changes) = &mut self.changes {
            changes.push(Written::new(before, record, event));
        }
    }
}

/// Where durable transactions are told.
#[derive(Clone)]
pub(crate) struct Feeds {
    pub(crate) hints: broadcast::Sender<Wake>,
    pub(crate) changes: broadcast::Sender<Written>,
}

/// The way to the writing task.
pub(crate) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    direct: mpsc::WeakSender<Job>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(crate) fn start(connection: SqliteConnection, options: SqliteConnectOptions, feeds: Feeds) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let direct = jobs.downgrade();
        let task = tokio::spawn(write_all(connection, options, feeds, queue));
        Self { jobs: Mutex::new(Some(jobs)), direct, task: Mutex::new(Some(task)) }
    }

    /// Lets the task end after what is queued, and waits for it.
    pub(crate) async fn close(&self) {
        drop(self.jobs.lock().await.take());
        if let Some(task) = self.task.lock().await.take() {
            // It ends by itself; had it panicked, its callers were told.
            let _ = task.await;
        }
    }

    async fn send(&self, job: Job) -> Result<(), StoreError> {
        let jobs = self.direct.upgrade().ok_or_else(|| unavailable("the store is closed"))?;
        jobs.send(job).await.map_err(|_| unavailable("the store is closed"))
    }

    pub(crate) async fn book(&self, booking: NewBooking) -> Result<Booked, StoreError> {
        let (tell, answer) = oneshot::channel();
        self.send(Job::Book(Box::new(BookRequest { booking, tell }))).await?;
        answer.await.map_err(unavailable)?
    }

    pub(crate) async fn act<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'t> FnOnce(&'t mut Transaction) -> Acting<'t, T> + Send + 'static,
    {
        let (tell, answer) = oneshot::channel();
        let act: Act = Box::new(move |transaction| {
            Box::pin(async move {
                let outcome = work(transaction).await;
                let broken = matches!(outcome, Err(StoreError::Unavailable(_)));
                // The caller may be gone; what was done stays done.
                Finished { finish: Box::new(move || drop(tell.send(outcome))), broken }
            })
        });
        self.send(Job::Act(act)).await?;
        answer.await.map_err(unavailable)?
    }
}

async fn write_all(
    connection: SqliteConnection,
    options: SqliteConnectOptions,
    feeds: Feeds,
    mut queue: mpsc::Receiver<Job>,
) {
    let mut open = Some(connection);
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let connection = match open.take() {
            Some(connection) => connection,
            None => match options.connect().await {
                Ok(connection) => connection,
                Err(error) => {
                    tracing::error!(%error, "the callback file does not open again");
                    batch.clear();
                    continue;
                }
            },
        };
        // A task of its own: a panic ends this batch, not the store.
        let work = tokio::spawn(write_batch(connection, std::mem::take(&mut batch), feeds.clone()));
        match work.await {
            Ok(connection) => open = connection,
            Err(error) => tracing::error!(%error, "a batch of writes was abandoned"),
        }
    }
}

/// Writes one batch as one transaction; the connection comes back unless it failed.
async fn write_batch(connection: SqliteConnection, batch: Vec<Job>, feeds: Feeds) -> Option<SqliteConnection> {
    let changes = (feeds.changes.receiver_count() > 0).then(Vec::new);
    let mut transaction = Transaction { connection, hints: Vec::new(), changes };
    let finishes = match carry_out(&mut transaction, batch).await {
        Ok(finishes) => finishes,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a batch of writes failed and was taken back");
            // A connection that cannot even go back is given up, which goes back as well.
            let back = sqlx::query("rollback").execute(&mut transaction.connection).await;
            return back.is_ok().then_some(transaction.connection);
        }
    };
    for hint in transaction.hints {
        // Nobody listening is no failure.
        let _ = feeds.hints.send(hint);
    }
    for change in transaction.changes.into_iter().flatten() {
        let _ = feeds.changes.send(change);
    }
    for finish in finishes {
        finish();
    }
    Some(transaction.connection)
}

async fn carry_out(transaction: &mut Transaction, batch: Vec<Job>) -> Result<Vec<Finish>, StoreError> {
    sqlx::query("begin immediate").execute(&mut transaction.connection).await.map_err(unavailable)?;
    let mut finishes: Vec<Finish> = Vec::with_capacity(batch.len());
    let mut services: HashMap<ServiceRef, Vec<BookRequest>> = HashMap::new();
    for job in batch {
        match job {
            Job::Book(request) => {
                let callback = &request.booking.callback;
                let service = ServiceRef { tenant: callback.tenant, name: callback.service.clone() };
                services.entry(service).or_default().push(*request);
            }
            Job::Act(act) => {
                let finished = act(transaction).await;
                if finished.broken {
                    (finished.finish)();
                    return Err(unavailable("an act of the batch failed"));
                }
                finishes.push(finished.finish);
            }
        }
    }
    for (service, requests) in services {
        let bookings: Vec<&NewBooking> = requests.iter().map(|request| &request.booking).collect();
        let verdicts = book_for_one_service(transaction, &service, &bookings).await?;
        for (request, verdict) in requests.into_iter().zip(verdicts) {
            finishes.push(Box::new(move || drop(request.tell.send(verdict))));
        }
    }
    sqlx::query("commit").execute(&mut transaction.connection).await.map_err(unavailable)?;
    Ok(finishes)
}
