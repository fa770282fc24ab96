//! The program put together: what every handler can reach.

use crate::access::Access;
use crate::accounts::{AccountService, Attribution};
use crate::clock::SharedClock;
use crate::config::AppConfig;
use crate::fetch::Fetcher;
use crate::galleries::Galleries;
use crate::inference::Inference;
use crate::leases::Leases;
use crate::ledger::Ledger;
use crate::limits::Limits;
use crate::liveness::{Captures, LivenessSessions};
use crate::meter::Meter;
use crate::recognisers::Recognisers;
use crate::shares::FairShares;
use crate::trainings::Trainings;
use likeness_base::Randomness;
use likeness_store::{AccountId, AuditEvent, AuditOutcome, Store};
use likeness_vision::AttributeSet;
use std::sync::Arc;

/// Everything, shared by all requests.
pub struct App {
    /// Settings, checked at start.
    pub config: AppConfig,
    /// For reading.
    pub store: Arc<dyn Store>,
    /// For writing; the only way.
    pub ledger: Arc<Ledger>,
    /// For searching.
    pub galleries: Arc<Galleries>,
    /// For analysing pictures.
    pub inference: Inference,
    /// The recogniser of new containers, and those beside it.
    pub recognisers: Arc<Recognisers>,
    /// The attributes that the installed networks can compute.
    pub attributes: AttributeSet,
    /// Trainings in the background.
    pub trainings: Trainings,
    /// Which node does a job that is done once.
    pub leases: Leases,
    /// For pictures by address.
    pub fetcher: Fetcher,
    /// Authenticates and admits callers.
    pub access: Access,
    /// Changes accounts.
    pub accounts: AccountService,
    /// Keeps liveness sessions.
    pub liveness: LivenessSessions,
    /// Captures under way on this node.
    pub captures: Captures,
    /// Counts calls.
    pub meter: Meter,
    /// What all calls share beside the workers.
    pub shares: Arc<FairShares>,
    /// Call rates and quotas of accounts.
    pub limits: Limits,
    /// The one clock.
    pub clock: Arc<SharedClock>,
    /// The one source of randomness.
    pub randomness: Arc<dyn Randomness>,
    /// Renders the metrics page.
    pub metrics: metrics_exporter_prometheus::PrometheusHandle,
}

impl App {
    /// Records in an account's audit log that a call of an authenticated caller was refused. Failed authentication is in the
    /// log only.
    pub async fn audit_refusal(&self, account: AccountId, attribution: &Attribution, operation: &str, code: &str) {
        if self.meter.throttles_refusals(account, &attribution.actor) {
            return;
        }
        let detail = serde_json::json!({ "operation": operation, "code": code });
        let event = AuditEvent::of("refuse", AuditOutcome::Refused, Some(detail));
        if let Err(error) = self.accounts.note(account, attribution, event).await {
            tracing::error!(request_id = %attribution.request_id, %error, "A refusal could not be recorded in the audit log");
        }
    }
}
