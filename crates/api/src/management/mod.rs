//! The management API below `/admin/v1/`: accounts, keys, approvals, roles, vendors, audit, usage, notices, persons.
//!
//! Start at [`routes::ROUTES`], the table of what there is and what each row needs; [`api`] serves it. What
//! is done is done by [`likeness_service::accounts`], to which the command line goes too.

mod accounts;
mod api;
mod device_keys;
mod devices_openapi;
mod error;
mod keys;
mod liveness;
mod liveness_shapes;
pub(crate) mod openapi;
mod records;
mod routes;
mod shapes;
mod vendors;

pub(crate) use api::Management;

pub(crate) use accounts::Assign;
pub(crate) use records::{moment, whole_days};
pub(crate) use vendors::Revoke;
