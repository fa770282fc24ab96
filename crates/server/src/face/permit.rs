//! Limited access: what an account needs an approval for, of its own or lent by a vendor.
//!
//! Start at [`Call::permit`]. Which operation needs what is decided by [`gate_of`] from the route alone; handlers ask
//! once their arguments are checked and before they touch anything stored. A token that the client sends is looked at
//! only where the account's own approvals do not suffice; each use of one is noted in the trail of the vendor and in
//! that of the client before it takes effect.

use super::call::Call;
use super::error::Refusal;
use super::routes::Route;
use crate::access::{Lent, NotLent};
use crate::custody::Order;
use axum::http::Method;
use likeness_base::Secret;
use likeness_custody::{Gate, LimitedAttribute};
use likeness_store::{Actor, AuditOutcome, Event};
use likeness_vision::AttributeSet;
use serde_json::json;

/// The name under which audit trails tell of a token that was used.
pub(crate) const USED: &str = "use_limited_access_token";

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

/// Each limited attribute and how the networks call it.
const LIMITED: [(LimitedAttribute, AttributeSet); 4] = [
    (LimitedAttribute::Age, AttributeSet::AGE),
    (LimitedAttribute::Smile, AttributeSet::SMILE),
    (LimitedAttribute::FacialHair, AttributeSet::FACIAL_HAIR),
    (LimitedAttribute::Hair, AttributeSet::HAIR),
];

/// All limited attributes.
pub(crate) fn limited_attributes() -> AttributeSet {
    LIMITED.into_iter().map(|(_, attribute)| attribute).collect()
}

fn set_of(attributes: &std::collections::BTreeSet<LimitedAttribute>) -> AttributeSet {
    LIMITED.into_iter().filter(|(name, _)| attributes.contains(name)).map(|(_, attribute)| attribute).collect()
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
        if gate.admits(&self.caller.state.settings.approvals.flags) {
            return Ok(());
        }
        self.permitted.get_or_try_init(|| self.permit_by_token(gate)).await.copied()
    }

    async fn permit_by_token(&self, gate: Gate) -> Result<(), Refusal> {
        let Some(lent) = self.lent().await? else {
            let words = gate.words();
            return Err(Refusal::UnsupportedFeature(format!(
                "Feature is not supported, missing approval for one or more of the following features: {words}. Ask the operator for it, or send a LimitedAccessToken that lends it."
            )));
        };
        let is_enough = gate.admits(&lent.flags);
        self.note_use(lent, if is_enough { AuditOutcome::Applied } else { AuditOutcome::Refused }).await?;
        if is_enough {
            return Ok(());
        }
        let words = gate.words();
        Err(Refusal::UnsupportedFeature(format!(
            "Feature is not supported: the LimitedAccessToken does not lend {words}. Ask its issuer for one that does."
        )))
    }

    /// The limited attributes that the account is approved for, and those that a token lends to it.
    ///
    /// # Errors
    /// When there is a token and it does not count.
    pub(crate) async fn attributes(&self, asked: Option<&str>) -> Result<AttributeSet, Refusal> {
        let own = set_of(&self.caller.state.settings.approvals.attributes);
        let names = asked.into_iter().flat_map(|names| names.split(','));
        let beyond = names
            .filter_map(|name| LimitedAttribute::parse(name.trim()))
            .any(|name| !self.caller.state.settings.approvals.attributes.contains(&name));
        if !beyond {
            return Ok(own);
        }
        let Some(lent) = self.lent().await? else { return Ok(own) };
        self.note_use(lent, AuditOutcome::Applied).await?;
        Ok(own | set_of(&lent.attributes))
    }

    /// What the token of the call lends, if there is one.
    async fn lent(&self) -> Result<Option<&Lent>, Refusal> {
        let Some(header) = &self.token else { return Ok(None) };
        self.lent.get_or_try_init(|| self.look_at(header)).await.map(Some)
    }

    async fn look_at(&self, token: &Secret<String>) -> Result<Lent, Refusal> {
        let now = self.at.as_seconds();
        let lent = self.app.access.lent(token.expose(), &self.caller.state, now).await;
        lent.map_err(|problem| match problem {
            NotLent::Invalid(reason) => Refusal::InvalidLimitedAccessToken(reason),
            NotLent::OtherResource => Refusal::LimitedAccessTokenResourceMismatch,
            NotLent::Door(denied) => denied.into(),
        })
    }

    /// Notes in both trails that a token was used. The vendor learns the client's resource, the flags, the time and the
    /// operation; not its key, its address, its containers or what came of it.
    async fn note_use(&self, lent: &Lent, outcome: AuditOutcome) -> Result<(), Refusal> {
        let token = &lent.token;
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
            match lent.vendor {
                Some(account) => note(account, Actor::Client).await,
                None => Ok(()),
            }
        };
        let (vendor, client) = tokio::join!(for_vendor, note(self.account(), self.caller.actor.clone()));
        Ok(vendor.and(client)?)
    }
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
