//! Which limited attributes an account may ask for.
//!
//! Accounts carry no approvals of their own yet: what the operator allows in the settings holds for every account of
//! this server. Whoever stores approvals with accounts changes this one function.

use crate::app::App;
use likeness_store::AccountId;
use likeness_vision::AttributeSet;

/// The limited attributes that an account may ask for.
pub(super) fn approvals_of(app: &App, _account: AccountId) -> AttributeSet {
    app.config.features.approved()
}
