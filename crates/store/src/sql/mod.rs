//! Commands and queries in SQL: one text, compiled once for each engine.
//!
//! Each engine includes this folder as a module of its own and says in its module `engine` what `Connection` and
//! `EngineRow` are, so every statement is checked and run with the engine's own types and driver. What both engines
//! understand alike stands here as it is; the few words in which they differ are macros that the engine defines
//! before it includes this folder: `ids_in!` and `numbers_in!` (a bound JSON list as rows) and `then_join!` (a join
//! that must keep its order where the planner needs to be told).
//!
//! All parameters are numbered (`$1`), all numbers are 64 bits, all moments are milliseconds.

/// That the container may be seen whose account and number are the first two arguments: see [`HIDDEN`](crate::types::HIDDEN).
macro_rules! container_is_visible {
    () => {
        "EXISTS (SELECT 1 FROM container v WHERE v.account_id = $1 AND v.number = $2 AND v.kind <> 8)"
    };
}

/// That the record `r` may be seen: it goes with nobody, or with a person of a container that may be.
macro_rules! record_is_visible {
    () => {
        "(r.container IS NULL OR EXISTS (
             SELECT 1 FROM container v WHERE v.account_id = r.account_id AND v.number = r.container AND v.kind <> 8))"
    };
}

/// How many sealed bytes an account has: the sum of all its values.
macro_rules! sealed_bytes_of {
    ($account:literal) => {
        concat!(
            "(SELECT CAST(coalesce(sum(length(sealed_name) + coalesce(length(sealed_user_data), 0)), 0) AS BIGINT)
              FROM container_text t WHERE t.account_id = ", $account, ")
           + (SELECT CAST(coalesce(sum(length(sealed_name) + coalesce(length(sealed_user_data), 0)), 0) AS BIGINT)
              FROM person t WHERE t.account_id = ", $account, ")
           + (SELECT CAST(coalesce(sum(length(sealed_template) + coalesce(length(sealed_user_data), 0)), 0) AS BIGINT)
              FROM face t WHERE t.account_id = ", $account, ")
           + (SELECT CAST(coalesce(sum(length(sealed_template)), 0) AS BIGINT)
              FROM face_id t WHERE t.account_id = ", $account, ")
           + (SELECT CAST(coalesce(sum(length(sealed_user_data)), 0) AS BIGINT)
              FROM snapshot t WHERE t.account_id = ", $account, ")
           + (SELECT CAST(coalesce(sum(length(sealed)), 0) AS BIGINT)
              FROM record t WHERE t.account_id = ", $account, ")
           + (SELECT CAST(coalesce(sum(length(sealed)), 0) AS BIGINT)
              FROM outbox t WHERE t.account_id = ", $account, ")"
        )
    };
}

pub(crate) mod access;
mod account_keys;
pub(crate) mod delete;
pub(crate) mod engine_store;
pub(crate) mod integrity;
pub(crate) mod key_ring;
mod mend;
pub(crate) mod read;
pub(crate) mod sealing;
mod taking_in;
mod transfer;
pub(crate) mod unlock;
pub(crate) mod write;

use super::engine;
