//! The management API below `/admin/v1/`: accounts, keys, approvals, roles, vendors, audit, usage, notices, persons.
//!
//! Start at [`routes::ROUTES`], the table of what there is and what each row needs; [`door`] judges a call by it. What
//! is done is done by [`likeness_service::custody`], to which the command line goes too.

pub(crate) mod accounts;
pub(crate) mod door;
pub(crate) mod error;
pub(crate) mod openapi;
pub(crate) mod records;
pub(crate) mod routes;
mod shapes;
pub(crate) mod vendors;
