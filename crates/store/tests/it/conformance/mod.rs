//! What every backend must do. A case is an async function that takes a backend with nothing in it;
//! [`for_each_case`] is the table of them, and each backend names itself once to get a test per case.

mod accounts;
mod audit;
mod concurrency;
mod containers;
mod custody;
mod directory;
mod dynamic_groups;
mod expiry;
mod faces;
mod feed;
mod holdings;
mod isolation;
mod keys;
mod leases;
mod limits;
mod operations;
mod outbox;
mod paging;
mod parts;
mod persons;
mod records;
mod repetition;
mod snapshots;
mod training;

/// Hands the table of cases to a macro that makes tests of them.
macro_rules! for_each_case {
    ($backend:ident, $fresh:path) => {
        run_cases! { $backend, $fresh,
            accounts: [
                account_is_made_once_and_listed,
                keys_are_found_by_digest_and_listed_unsealed,
                replaced_key_is_dead_at_once,
                key_value_belongs_to_one_slot_only,
                unknown_account_has_nothing,
                totals_follow_what_comes_and_goes,
            ],
            audit: [
                every_command_leaves_one_row_of_a_chain,
                refused_command_leaves_no_row,
                chain_goes_on_after_reopening,
                rows_tell_who_what_and_where_and_nothing_else,
                old_rows_are_removed_and_the_rest_can_be_checked,
                who_left_becomes_a_pseudonym_and_the_chain_holds,
                meddling_is_found_where_it_happened,
                every_change_of_access_is_told,
            ],
            concurrency: [
                writes_that_arrive_together_keep_their_order_and_numbers,
                refused_write_does_not_disturb_those_beside_it,
                abandoned_call_is_still_done_or_not_but_never_half,
                many_calls_of_one_account_hold_up_no_other,
            ],
            containers: [
                container_lives_and_dies,
                kinds_are_worlds_of_their_own,
                update_leaves_what_it_does_not_name,
                deleting_takes_everything_along,
                number_is_never_used_again,
                missing_container_is_told_by_every_call,
            ],
            custody: [
                account_is_made_whole,
                settings_change_only_from_the_version_that_was_read,
                record_ends_at_the_very_instant_and_is_swept,
                nodes_learn_what_changed_about_access,
                closed_account_is_destroyed_when_its_time_has_come,
                installation_is_no_account,
                events_and_counters_stand_beside_the_records,
            ],
            directory: [
                directory_comes_into_being_with_its_first_person,
                face_belongs_to_a_person_and_a_model,
                limit_counts_the_faces_of_one_model,
                model_is_for_the_directory_alone,
                person_numbers_come_in_the_order_asked,
            ],
            dynamic_groups: [
                members_come_and_go,
                one_unknown_person_refuses_everything,
                deleted_person_leaves_their_groups,
                deleted_group_leaves_its_members,
                pages_walk_members_and_groups,
                random_membership_is_the_set_it_should_be,
            ],
            expiry: [
                face_id_ends_at_the_very_instant,
                answers_come_in_the_order_asked,
                sweep_takes_the_oldest_first_and_says_whether_more_is_due,
                sweep_without_work_writes_nothing,
                face_id_of_another_hour_is_refused,
                keys_of_an_hour_end_with_it,
                shortened_life_reaches_what_is_stored,
            ],
            faces: [
                spaces_are_known_and_counted,
                face_of_a_list_lives_and_dies,
                face_belongs_to_its_person_alone,
                templates_of_a_person_come_as_they_went_in,
                number_is_never_used_again,
                face_of_any_size_comes_back,
            ],
            feed: [
                versions_have_no_gaps,
                replay_from_any_version_ends_in_the_same_set,
                random_history_replays,
                version_is_never_cut_in_two,
                loading_while_others_write_misses_nothing,
                follower_from_before_the_trim_reloads,
                follower_from_the_future_reloads,
                resolving_names_the_living_only,
                versions_come_in_the_order_asked,
            ],
            holdings: [
                every_row_is_counted_under_its_kind,
                what_is_past_its_end_is_overdue_while_it_can_be_opened,
            ],
            isolation: [
                no_answer_crosses_accounts,
                no_write_crosses_accounts,
                no_directory_crosses_accounts,
            ],
            keys: [
                installation_key_is_wrapped_and_found_again,
                data_of_before_providers_gets_a_provider,
                account_moves_to_a_provider_and_back,
                key_that_is_disabled_is_obeyed_in_time_and_nobody_else_notices,
                provider_that_hangs_costs_its_account_a_bounded_time,
                provider_that_lies_is_not_believed,
                rotation_wraps_what_is_behind_and_goes_on_after_a_stop,
                key_is_disabled_by_order,
                wrapped_key_opens_in_no_other_row,
                locked_account_can_still_end,
                everything_is_sealed_anew_with_a_new_data_key,
                digests_of_account_keys_are_renewed_once,
            ],
            leases: [
                one_holder_has_a_job_at_a_time,
                lease_ends_by_itself,
            ],
            limits: [
                last_place_is_taken_and_the_next_refused,
                refusal_leaves_nothing_behind,
                stored_bytes_are_counted_and_bounded,
            ],
            operations: [
                operation_status_is_kept_with_the_command_or_not_at_all,
                operation_ends_at_the_very_instant_and_is_swept,
            ],
            outbox: [
                deliveries_of_a_queue_are_made_in_order,
                one_worker_has_a_queue_at_a_time,
                lease_that_ran_out_goes_to_another,
                failed_delivery_waits_and_holds_up_its_queue_alone,
                delivery_is_given_up_at_the_very_instant,
                delivery_comes_with_its_cause_or_not_at_all,
                deliveries_are_bounded,
                deliveries_survive_reopening,
            ],
            paging: [
                pages_of_any_size_walk_the_same_list,
                page_may_start_anywhere,
            ],
            parts: [
                large_copy_is_the_source,
                copy_has_what_the_source_has_when_it_is_shown,
                half_a_copy_is_seen_by_nobody_and_swept,
                container_is_gone_with_the_first_part_of_its_deletion,
                members_and_records_go_in_parts_too,
                copy_ends_with_its_snapshot,
                hopeless_copy_is_refused_at_once,
                repeated_large_command_doubles_nothing,
            ],
            persons: [
                person_lives_and_dies,
                deleting_a_person_takes_their_faces,
                update_leaves_what_it_does_not_name,
                number_is_never_used_again,
            ],
            records: [
                record_is_written_only_over_what_was_read,
                row_of_a_kind_is_obeyed,
                tags_find_records_in_pages,
                unique_tag_belongs_to_one_living_record,
                of_many_callers_one_takes_a_record_with_its_effect,
                nothing_is_taken_when_the_effect_is_refused,
                record_goes_with_its_person,
                record_of_a_trail_stays_until_it_expires,
                record_wakes_no_access_table,
                every_write_of_a_record_leaves_its_row,
                expired_records_are_swept_with_their_tags,
                record_survives_reopening,
            ],
            repetition: [
                repeated_command_doubles_nothing,
                same_key_gets_the_same_answer_and_does_nothing,
                idempotency_keys_are_forgotten_by_the_sweep,
            ],
            snapshots: [
                copy_does_not_follow_its_source,
                applied_copy_is_the_source_under_other_keys,
                trained_state_is_copied,
                snapshot_is_seen_by_its_taker_and_its_scope,
                scope_is_changed_by_its_taker_alone,
                snapshot_ends_at_the_very_instant_and_is_swept,
                large_snapshot_is_swept_in_parts,
                both_audit_logs_tell_of_a_hand_over,
                applied_copy_counts_against_limits,
                refused_snapshot_leaves_nothing_behind,
                snapshots_and_offers_are_bounded,
                whoever_is_offered_a_snapshot_may_decline_it,
            ],
            training: [
                training_goes_from_asked_for_to_visible,
                failure_keeps_the_former_training,
                second_start_is_refused_while_one_runs,
                stale_news_of_a_training_is_refused,
                unfinished_trainings_are_found_after_reopening,
            ],
        }
    };
}

/// One test per case: `conformance::<backend>::<module>::<case>`.
macro_rules! run_cases {
    ($backend:ident, $fresh:path, $($module:ident: [$($case:ident,)+],)+) => {
        mod $backend {
            $(
                mod $module {
                    $(
                        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                        async fn $case() {
                            let name = concat!(stringify!($backend), "::", stringify!($module), "::", stringify!($case));
                            let Some(backend) = $fresh(name) else { return };
                            crate::conformance::$module::$case(&backend).await;
                            // Whatever the case did, what is counted is what is there.
                            crate::scene::Backend::open(&backend).await.check_integrity().await.unwrap();
                        }
                    )+
                }
            )+
        }
    };
}

for_each_case!(sqlite, crate::sqlite::fresh_for);
for_each_case!(postgres, crate::postgres::fresh);
