//! `ges-sim designer`: publishes to a running GES, and asks it what an IVR asks (integrations 5.6).

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Subcommand};
use ges_sim::{Designer, Question};

/// Whom to speak to and for whom.
#[derive(Debug, Args)]
pub(crate) struct Peer {
    /// The internal listener, like http://127.0.0.1:3050.
    #[arg(long, value_name = "URL")]
    ges: String,
    /// The contact center.
    #[arg(long)]
    ccid: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Publishes a file: an object of sections, or a table `{"version":…,"publishedAt":…,"rows":[…]}`
    Publish {
        #[command(flatten)]
        peer: Peer,
        /// The file.
        #[arg(long)]
        file: PathBuf,
        /// Replaces a whole table through the native API; otherwise sections are put, as Designer does
        #[arg(long)]
        native: bool,
        /// The table that --native replaces
        #[arg(long, default_value = "callback-settings")]
        table: String,
    },
    /// Asks what an IVR asks while a caller waits
    Call {
        #[command(flatten)]
        peer: Peer,
        #[command(subcommand)]
        operation: Operation,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Operation {
    /// Books a callback
    Create {
        /// The queue.
        service: String,
        /// The number to call.
        number: String,
        /// When, in UTC; as soon as possible without.
        #[arg(long)]
        desired: Option<String>,
    },
    /// Free slots of a queue
    Availability {
        /// The queue.
        service: String,
    },
    /// Callbacks in hand
    Watermarks {
        /// The queues; all when none is named.
        services: Vec<String>,
    },
    /// Which pattern texts are
    Patterns {
        /// The texts.
        texts: Vec<String>,
        /// The group.
        #[arg(long)]
        group: Option<String>,
    },
}

/// Does it and prints the answer.
///
/// # Errors
/// There is no answer, or one that is no success.
pub(crate) async fn run(action: Action) -> Result<()> {
    let said = match action {
        Action::Publish { peer, file, native, table } => {
            let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let document = serde_json::from_str(&text).with_context(|| format!("{}", file.display()))?;
            let designer = Designer::new(&peer.ges, &peer.ccid)?;
            if native { designer.publish_table(&table, &document).await? } else { designer.publish(&document).await? }
        }
        Action::Call { peer, operation } => {
            let question = match operation {
                Operation::Create { service, number, desired } => Question::Create { service, number, desired },
                Operation::Availability { service } => Question::Availability { service },
                Operation::Watermarks { services } => Question::Watermarks { services },
                Operation::Patterns { texts, group } => Question::Patterns { group, texts },
            };
            Designer::new(&peer.ges, &peer.ccid)?.ask(&question).await?
        }
    };
    println!("{} {}", said.status, said.body);
    ensure!((200..300).contains(&said.status), "GES did not take it");
    Ok(())
}
