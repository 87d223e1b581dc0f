//! What HTTP shows of the node, and the SQL sink as a task that can be watched and stopped.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegate_domain::Epoch;
use tidegate_http::{Audience, NodeView};
use tidegate_journal::EventLog;
use tidegate_pipeline::{Fatal, Serving};
use tidegate_sink::SinkProgress;
use tidegate_sink_sql::SqlSink;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::control::Control;
use crate::metrics;
use crate::status::{NodeState, SinkStatus};

/// How long the sink may take to write what is released when the node stops; it goes on from there at the next start.
const SINK_DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The running sink.
pub(crate) struct SinkTask {
    stop: watch::Sender<bool>,
    progress: Arc<SinkProgress>,
    error: Arc<Mutex<Option<String>>>,
    task: JoinHandle<()>,
}

impl SinkTask {
    /// Starts projecting into `file`. A sink that fails says so in the log, the status and the metrics; trading goes on.
    pub(crate) fn start(file: &Path, epoch: Epoch, log: EventLog) -> Self {
        let (stop, stopped) = watch::channel(false);
        let progress = Arc::new(SinkProgress::default());
        let error = Arc::new(Mutex::new(None));
        let (progress_seen, error_seen, file) = (Arc::clone(&progress), Arc::clone(&error), file.to_owned());
        let task = tokio::spawn(async move {
            let run = async {
                let sink = SqlSink::connect(&file.to_string_lossy(), epoch).await?;
                tidegate_sink::run_sink(log, sink, epoch, stopped, progress_seen).await?;
                Ok::<(), Fatal>(())
            };
            if let Err(stopped_by) = run.await {
                tracing::error!(error = %stopped_by, file = %file.display(), "the SQL sink stopped; trading goes on without it");
                *error_seen.lock().expect("no holder of this lock panics") = Some(stopped_by.to_string());
            }
        });
        Self { stop, progress, error, task }
    }

    /// Lets it finish what is released, then ends it.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(SINK_DRAIN_TIMEOUT, self.task).await.is_err() {
            tracing::warn!("the SQL sink is behind; it goes on from its position at the next start");
        }
    }

    pub(crate) fn status(&self) -> SinkStatus {
        SinkStatus {
            running: !self.task.is_finished(),
            through: self.progress.through().raw(),
            error: self.error.lock().expect("no holder of this lock panics").clone(),
        }
    }
}

/// The node as HTTP sees it.
pub(crate) struct View(pub(crate) Arc<Control>);

impl NodeView for View {
    fn ready(&self) -> Result<(), String> {
        match self.0.state() {
            (NodeState::Primary | NodeState::Degraded, _) => Ok(()),
            (state, message) => Err(format!("{}: {message}", state.as_str())),
        }
    }

    fn healthy(&self) -> Result<(), String> {
        match (self.0.state(), self.0.serving.get()) {
            ((NodeState::Stopping, message), _) => Err(message),
            (_, Serving::Not | Serving::Primary { .. } | Serving::Standby { .. }) => Ok(()),
        }
    }

    fn metrics_text(&self) -> String {
        metrics::text(&self.0)
    }

    fn latency_json(&self, audience: Audience) -> serde_json::Value {
        let mut sample = self.0.sample_without_sessions();
        if audience == Audience::Public {
            sample.latency = sample.latency.without_content();
        }
        let mut value = serde_json::to_value(sample).expect("a sample always serialises");
        // It was not asked for: an empty list would say that there are none.
        value.as_object_mut().expect("a sample is an object").remove("sessions");
        value
    }

    fn status_json(&self) -> serde_json::Value {
        serde_json::to_value(self.0.status_now(None)).expect("a status always serialises")
    }
}
