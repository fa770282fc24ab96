//! Trainings.

use super::{Applied, Domain};
use crate::types::{ContainerName, TrainingOutcome};

/// What is recorded of a training.
#[derive(Clone, Debug)]
pub enum TrainingWrite {
    /// Records that a training was asked for. It covers what is in the container now.
    /// Refused with [`TrainingRunning`](crate::StoreError::TrainingRunning) while another is under way.
    Start {
        /// Which container.
        container: ContainerName,
    },
    /// Records that the work of a training has begun.
    Progress {
        /// Which container.
        container: ContainerName,
        /// The number [`Applied::training`] gave when it was started.
        training: i64,
    },
    /// Records how a training ended. Success makes visible what the training covers.
    Finish {
        /// Which container.
        container: ContainerName,
        /// The number [`Applied::training`] gave when it was started.
        training: i64,
        /// How it ended.
        outcome: TrainingOutcome,
    },
}

impl Domain for TrainingWrite {
    fn action(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start_training",
            Self::Progress { .. } => "progress_training",
            Self::Finish { .. } => "finish_training",
        }
    }

    fn erases(&self, _applied: &Applied) -> bool {
        false
    }
}
