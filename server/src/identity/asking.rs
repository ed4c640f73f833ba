//! Whose sessions these are, asked of the store for all requests that wait, in one question.
//!
//! A request is answered by a question that was asked after it came: what was ended before is seen. While one question is under way, the
//! requests that come share the next one, so that a busy console asks a few hundred times a second and not once a page.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::store::{SessionHash, SessionOwner, Store, StoreError};

/// So many requests may wait for a question; others wait for room.
const WAITING: usize = 256;

/// A question that takes longer than this does not hold up the next one: nobody waits for two silences of the store.
const IN_TURN: Duration = Duration::from_millis(20);

struct Question {
    session: SessionHash,
    answer: oneshot::Sender<Result<Option<SessionOwner>, StoreError>>,
}

/// Asks the store about sessions. Dropping it ends its task.
#[derive(Debug)]
pub(super) struct Asking {
    questions: mpsc::Sender<Question>,
}

impl Asking {
    /// Must be called within a tokio runtime.
    pub(super) fn start(store: Store) -> Self {
        let (questions, asked) = mpsc::channel(WAITING);
        tokio::spawn(answer(store, asked));
        Self { questions }
    }

    /// Whose session this is now.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn owner(&self, session: SessionHash) -> Result<Option<SessionOwner>, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.questions.send(Question { session, answer }).await.map_err(|_| StoreError::Unavailable)?;
        answered.await.unwrap_or(Err(StoreError::Unavailable))
    }
}

async fn answer(store: Store, mut asked: mpsc::Receiver<Question>) {
    let mut batch = Vec::with_capacity(WAITING);
    while asked.recv_many(&mut batch, WAITING).await > 0 {
        let (store, questions) = (store.clone(), std::mem::replace(&mut batch, Vec::with_capacity(WAITING)));
        let answering = tokio::spawn(answer_all(store, questions));
        // Its end is no news, nor is that it takes longer.
        let _ = timeout(IN_TURN, answering).await;
    }
}

async fn answer_all(store: Store, questions: Vec<Question>) {
    let sessions: HashSet<_> = questions.iter().map(|question| question.session).collect();
    let owners = store.session_owners(&sessions.into_iter().collect::<Vec<_>>()).await;
    let owners = owners.map(HashMap::from_iter).inspect_err(|err| tracing::debug!(error = %err, "Sessions could not be confirmed"));
    for Question { session, answer } in questions {
        // Whoever went away needs no answer.
        let _ = answer.send(match &owners {
            Ok(owners) => Ok(HashMap::<_, SessionOwner>::get(owners, &session).cloned()),
            Err(_) => Err(StoreError::Unavailable),
        });
    }
}
