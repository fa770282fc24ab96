//! The program put together: what every handler can reach.

use crate::access::Access;
use crate::config::AppConfig;
use crate::accounts::{Custodian, Order};
use crate::clock::SharedClock;
use crate::fetch::Fetcher;
use crate::galleries::Galleries;
use crate::inference::Inference;
use crate::leases::Leases;
use crate::ledger::Ledger;
use crate::limits::Limits;
use crate::meter::Meter;
use crate::recognisers::Recognisers;
use crate::trainings::Trainings;
use likeness_base::Randomness;
use likeness_store::{AccountId, AuditOutcome, Event, Store};
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
    /// For looking at pictures.
    pub inference: Inference,
    /// The recogniser of new containers, and those beside it.
    pub recognisers: Arc<Recognisers>,
    /// The attributes that the installed networks can compute.
    pub attributes: AttributeSet,
    /// Trainings in the background.
    pub trainings: Trainings,
    /// Who of the nodes does a job that is done once.
    pub leases: Leases,
    /// For pictures by address.
    pub fetcher: Fetcher,
    /// Who may call.
    pub access: Access,
    /// Changes who may do what.
    pub custodian: Custodian,
    /// Counts calls.
    pub meter: Meter,
    /// How fast, and what they may hold.
    pub limits: Limits,
    /// The one clock.
    pub clock: Arc<SharedClock>,
    /// The one source of randomness.
    pub randomness: Arc<dyn Randomness>,
    /// Renders the metrics page.
    pub metrics: metrics_exporter_prometheus::PrometheusHandle,
}

impl App {
    /// Tells an account's trail of somebody who is known and asked for what they may not have. Strangers are none of its
    /// business: they are in the log.
    pub async fn note_refusal(&self, account: AccountId, order: &Order, operation: &str, code: &str) {
        if self.meter.is_noisy(account) {
            return;
        }
        let detail = serde_json::json!({ "operation": operation, "code": code });
        let event = Event::of("refuse", AuditOutcome::Refused, Some(detail));
        if let Err(error) = self.custodian.note(account, order, event).await {
            tracing::error!(request_id = %order.request_id, %error, "A refusal could not be noted in the audit trail");
        }
    }
}
