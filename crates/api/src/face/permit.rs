//! Limited access: what an account needs an approval for, of its own or lent by a vendor.
//!
//! Start at [`Call::permit`]. Which operation needs what is decided by [`gate_of`] from the route alone; handlers ask
//! once their arguments are checked and before they touch anything stored. A token that the client sends is looked at
//! only where the account's own approvals do not suffice; each use of one is noted in the trail of the vendor and in
//! that of the client before it takes effect.

use super::call::Call;
use super::error::Refusal;
use super::routes::Route;
use axum::http::Method;
use likeness_base::{Clock as _, Secret};
use likeness_custody::{Gate, LimitedAccess, LimitedAttribute};
use likeness_service::access::{Caller, Lent, NotLent};
use likeness_service::custody::Order;
use likeness_service::custody::vendors::USED;
use likeness_service::limited_attributes::set_of;
use likeness_store::{AccountId, Actor, AuditOutcome, Event};
use likeness_vision::AttributeSet;
use serde_json::json;
use std::collections::BTreeSet;

/// What an operation requires (`face-api.md` section 4). Detect decides by what is asked of it.
pub(crate) fn gate_of(route: &Route) -> Gate {
    let last = route.path.rsplit('/').find(|segment| *segment != "{}").unwrap_or_default();
    match (&route.method, route.path, last) {
        (&Method::POST, "identify" | "findsimilars" | "group", _) => Gate::Identification,
        (&Method::POST, "verify", _) => Gate::Verification,
        (&Method::PUT, ..) | (&Method::POST, _, "persons" | "persistedfaces" | "train" | "apply") => Gate::Either,
        _ => Gate::Open,
    }
}

impl Call {
    /// Refuses the call unless the account may do what the route does.
    ///
    /// # Errors
    /// The refusals of section 4: the approval is missing, or the token does not count, is for another, or lacks it.
    pub(crate) async fn permit(&self) -> Result<(), Refusal> {
        self.permit_for(gate_of(self.route)).await
    }

    /// The same for a requirement that the route alone does not tell.
    ///
    /// # Errors
    /// As [`Call::permit`].
    pub(crate) async fn permit_for(&self, gate: Gate) -> Result<(), Refusal> {
        // For [`Call::still`]; a call asks for one requirement.
        drop(self.required.set(gate));
        if gate.admits(&self.caller.state.settings.approvals.flags) {
            return Ok(());
        }
        self.permit_by_token(gate).await
    }

    async fn permit_by_token(&self, gate: Gate) -> Result<(), Refusal> {
        let Some(lent) = self.lent().await? else { return Err(missing(gate)) };
        let is_enough = gate.admits(&lent.flags);
        self.note_lent(if is_enough { AuditOutcome::Applied } else { AuditOutcome::Refused }).await?;
        if is_enough { Ok(()) } else { Err(not_lent(gate)) }
    }

    /// The limited attributes that the account is approved for, and those that a token lends to it. Whoever asks says
    /// with [`Call::note_lent`] what came of it.
    ///
    /// # Errors
    /// When there is a token and it does not count.
    pub(crate) async fn attributes(&self) -> Result<AttributeSet, Refusal> {
        let approved = &self.caller.state.settings.approvals.attributes;
        let asked = self.limited();
        let mut granted = approved.clone();
        if !asked.is_subset(approved)
            && let Some(lent) = self.lent().await?
        {
            granted.extend(&lent.attributes);
        }
        let all = set_of(&granted);
        // For [`Call::still`].
        drop(self.granted.set(granted));
        Ok(all)
    }

    /// The limited attributes that the call asks for.
    fn limited(&self) -> BTreeSet<LimitedAttribute> {
        let asked = self.query.text("returnFaceAttributes").filter(|_| self.route.path == "detect");
        asked
            .into_iter()
            .flat_map(|names| names.split(','))
            .filter_map(|name| LimitedAttribute::parse(name.trim()))
            .collect()
    }

    /// Notes the use of the token, if the call needed one and it was not noted yet: one call is one use.
    ///
    /// # Errors
    /// When a trail cannot be written; then nothing may come of the call.
    pub(crate) async fn note_lent(&self, outcome: AuditOutcome) -> Result<(), Refusal> {
        let Some(Lent { token, vendor, .. }) = self.lent.get() else { return Ok(()) };
        self.noted.get_or_try_init(|| self.note_use(token, *vendor, outcome)).await.copied()
    }

    /// Looks again whether whoever was let in may go on: a body, the address of a picture or a queue may have taken long,
    /// and nothing that was taken back meanwhile may have effects. Gives the caller as they are now.
    ///
    /// # Errors
    /// As the door says, or [`Call::permit`].
    pub(crate) async fn still(&self) -> Result<Caller, Refusal> {
        let now = self.app.clock.now().as_seconds();
        let caller = self.app.access.admit_again(&self.caller, &self.place.origin, &self.shown, now).await?;
        caller.rights.include(|| self.route.action()).map_err(Refusal::PermissionDenied)?;
        let own = &caller.state.settings.approvals;
        let beyond = self.required.get().copied().filter(|gate| !gate.admits(&own.flags));
        let mut limited = self.limited();
        limited.retain(|attribute| !own.attributes.contains(attribute));
        if beyond.is_none() && limited.is_empty() && self.lent.get().is_none() {
            return Ok(caller);
        }
        let lent = match &self.token {
            Some(token) => Some(self.look_at(token, &caller, now).await?),
            None => None,
        };
        match (beyond, &lent) {
            (Some(gate), None) => return Err(missing(gate)),
            (Some(gate), Some(lent)) if !gate.admits(&lent.flags) => return Err(not_lent(gate)),
            _ => {}
        }
        // What was granted and is no longer. What never was is refused in the words of the attribute, by detect itself.
        let held = lent.map(|lent| lent.attributes).unwrap_or_default();
        let was_granted = self
            .granted
            .get()
            .is_some_and(|granted| limited.iter().any(|one| granted.contains(one) && !held.contains(one)));
        if was_granted {
            return Err(Refusal::UnsupportedFeature(
                "Feature is not supported: an approval for a limited attribute was withdrawn meanwhile.".to_owned(),
            ));
        }
        Ok(caller)
    }

    /// What the token of the call lends, if there is one.
    async fn lent(&self) -> Result<Option<&Lent>, Refusal> {
        let Some(header) = &self.token else { return Ok(None) };
        // As it is by now: a body may have taken its time.
        let now = self.app.clock.now().as_seconds();
        self.lent.get_or_try_init(|| self.look_at(header, &self.caller, now)).await.map(Some)
    }

    /// A genuine token that does not count is noted in both trails, so that its vendor sees that somebody tries it.
    async fn look_at(&self, token: &Secret<String>, caller: &Caller, now: i64) -> Result<Lent, Refusal> {
        let problem = match self.app.access.lent(token.expose(), &caller.state, now).await {
            Ok(lent) => return Ok(lent),
            Err(problem) => problem,
        };
        let (genuine, refusal) = match problem {
            NotLent::Invalid(reason) => return Err(Refusal::InvalidLimitedAccessToken(reason)),
            NotLent::Door(denied) => return Err(denied.into()),
            NotLent::Ended(genuine, reason) => (genuine, Refusal::InvalidLimitedAccessToken(reason.to_owned())),
            NotLent::OtherResource(genuine) => (genuine, Refusal::LimitedAccessTokenResourceMismatch),
        };
        if !self.app.meter.is_trying(self.account()) {
            self.note_use(&genuine.token, genuine.vendor, AuditOutcome::Refused).await?;
        }
        Err(refusal)
    }

    /// Notes in both trails that a token was used. The vendor learns the client's resource, the flags, the time and the
    /// operation; not its key, its address, its containers or what came of it.
    async fn note_use(
        &self,
        token: &LimitedAccess,
        vendor: Option<AccountId>,
        outcome: AuditOutcome,
    ) -> Result<(), Refusal> {
        let told = json!({
            "token": token.id,
            "target": token.target,
            "vendor": token.vendor,
            "issuer": token.issuer,
            "flags": token.flags,
            "expires": token.expires_at,
            "operation": self.route.operation,
        });
        let event = Event::of(USED, outcome, Some(told));
        let note = async |account, actor| {
            let order = Order { actor, request_id: self.request_id };
            self.app.custodian.note(account, &order, event.clone()).await
        };
        let for_vendor = async {
            match vendor {
                Some(account) => note(account, Actor::Client).await,
                None => Ok(()),
            }
        };
        let (vendor, client) = tokio::join!(for_vendor, note(self.account(), self.caller.actor.clone()));
        Ok(vendor.and(client)?)
    }
}

fn missing(gate: Gate) -> Refusal {
    let words = gate.words();
    Refusal::UnsupportedFeature(format!(
        "Feature is not supported, missing approval for one or more of the following features: {words}. Ask the operator for it, or send a LimitedAccessToken that lends it."
    ))
}

fn not_lent(gate: Gate) -> Refusal {
    let words = gate.words();
    Refusal::UnsupportedFeature(format!(
        "Feature is not supported: the LimitedAccessToken does not lend {words}. Ask its issuer for one that does."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::routes::ROUTES;

    /// Rows of the checklist by what they require; all others are open, so that a customer can always read, change and
    /// delete.
    #[test]
    fn the_gates_of_the_contract() {
        let identification = [2, 3, 4];
        let either = [6, 11, 13, 18, 20, 25, 30, 32, 37, 41, 46, 48, 53, 62, 64, 70, 75];
        for route in ROUTES {
            let expected = match route.row {
                5 => Gate::Verification,
                row if identification.contains(&row) => Gate::Identification,
                row if either.contains(&row) => Gate::Either,
                _ => Gate::Open,
            };
            assert_eq!(gate_of(route), expected, "{} {}", route.row, route.operation);
        }
    }
}
