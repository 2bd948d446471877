//! The contract of the record store: one function per fact, the same for memory, SQLite and PostgreSQL.
//!
//! A store's test file says how to make an empty store and names the suite once:
//!
//! ```ignore
//! async fn fresh() -> impl ges_testkit::contract::Stores { … }
//! ges_testkit::contract_tests!(fresh);
//! ```

pub mod access;
pub mod booking;
pub mod bulk;
pub mod call_ins;
pub mod capacity;
pub mod catalogue;
pub mod changes;
pub mod credentials;
pub mod former;
pub mod handover;
pub mod idempotency;
pub mod leases;
pub mod lookup;
pub mod notices;
pub mod pauses;
pub mod publishing;
pub mod races;
pub mod reading;
pub mod sessions;
pub mod storm;
pub mod throttles;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ges_domain::booking::Booked;
use ges_domain::callback::{Callback, Change};
use ges_domain::ports::{
    Bookings, BulkJobs, CallIns, Catalogue, ConsoleSessions, FormerSessions, Handed, Handover, HandoverOutcome,
    KeptAnswers, Lookup, Notices, Pauses, ProvisionedServices, Publishing, Record, SealedCredentials, ServiceRef,
    ShardLease, Shards, WakeUps,
};
use ges_domain::{Instant, Refusal, TenantId};

use crate::assert_consistent;
use crate::builders::{Draft, other_tenant, service_row, tenant};

/// A store under test: empty when a fact begins, and nobody else's.
#[async_trait]
pub trait Stores: Send + Sync {
    /// What is provisioned.
    fn catalogue(&self) -> Arc<dyn Catalogue>;
    /// Groups and requests of Click-To-Call-In.
    fn call_ins(&self) -> Arc<dyn CallIns>;
    /// Taking bookings.
    fn bookings(&self) -> Arc<dyn Bookings>;
    /// Answers under keys.
    fn kept(&self) -> Arc<dyn KeptAnswers>;
    /// Single records.
    fn record(&self) -> Arc<dyn Record>;
    /// Sessions that lost their callback, as this node sees them.
    fn former(&self, node: &str) -> Arc<dyn FormerSessions>;
    /// Who monitors what.
    fn shards(&self) -> Arc<dyn Shards>;
    /// What monitors do.
    fn handover(&self) -> Arc<dyn Handover>;
    /// Pushes.
    fn notices(&self) -> Arc<dyn Notices>;
    /// Bulk jobs.
    fn bulk(&self) -> Arc<dyn BulkJobs>;
    /// Pauses of services.
    fn pauses(&self) -> Arc<dyn Pauses>;
    /// Sealed credentials.
    fn credentials(&self) -> Arc<dyn SealedCredentials>;
    /// What was published.
    fn publishing(&self) -> Arc<dyn Publishing>;
    /// Who is signed in at the console.
    fn console_sessions(&self) -> Arc<dyn ConsoleSessions>;
    /// The list of services.
    fn provisioned(&self) -> Arc<dyn ProvisionedServices>;
    /// Finding records.
    fn lookup(&self) -> Arc<dyn Lookup>;
    /// Hints from now on.
    async fn wake_ups(&self) -> Box<dyn WakeUps>;
    /// The store's own time.
    fn now(&self) -> Instant;
    /// How long a node may be silent before it loses its shards.
    fn lease(&self) -> Duration;
    /// Lets the store's own clock run on by `length`: moves it, or really waits.
    async fn pass(&self, length: Duration);
    /// Damages stored hours so that they do not read back any more.
    async fn spoil_hours(&self, tenant: TenantId, name: &str);
}

/// Runs every fact of the contract as a `#[tokio::test]` of its own on a store that `$fresh().await` makes.
///
/// The calling crate needs `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! contract_tests {
    ($fresh:ident) => {
        $crate::contract_facts!($crate::contract_test, $fresh);
    };
}

/// One fact as a test.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_test {
    ($fresh:ident, $area:ident, $($fact:ident)+) => {
        mod $area {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $fact() {
                    let stores = super::$fresh().await;
                    $crate::contract::$area::$fact(&stores).await;
                }
            )+
        }
    };
}

/// The list of all facts.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_facts {
    ($each:path, $fresh:ident) => {
        use $each as each_area;
        each_area!($fresh, booking,
            every_field_of_a_booking_reads_back
            absent_fields_stay_absent
            large_user_data_reads_back
            an_unknown_or_removed_service_takes_no_booking
            a_refused_booking_writes_nothing
            concurrent_bookings_each_get_their_own_verdict
        );
        each_area!($fresh, reading,
            another_tenant_finds_nothing
            an_expired_record_is_not_found
            an_unknown_id_is_unknown_everywhere
            purge_deletes_the_oldest_in_batches_and_nothing_else
            open_records_with_a_session_are_found_before_they_expire
        );
        each_area!($fresh, capacity,
            a_cell_of_ten_takes_exactly_ten_of_two_hundred
            cells_of_one_rule_slot_share_its_places
            a_cell_without_places_takes_nothing
            usage_is_counted_per_grain
            a_cancel_frees_the_place_and_a_success_does_not
            bookings_and_cancels_at_once_never_exceed_the_cell
            the_watermark_counts_active_callbacks
        );
        each_area!($fresh, throttles,
            the_in_queue_check_counts_open_callbacks_of_the_number
            the_daily_limit_counts_immediate_callbacks_of_the_number
            the_first_full_window_names_the_refusal
            a_window_slides_and_forgets_its_start
            a_full_queue_takes_no_more_under_concurrency
            a_window_is_exact_under_concurrency
            staff_pass_the_abuse_limits_but_not_the_queue_size
            a_counted_refusal_goes_before_a_later_one_and_that_before_capacity
            tenants_and_services_are_counted_apart
            a_move_changes_no_throttle_count
        );
        each_area!($fresh, idempotency,
            a_repeated_booking_is_answered_with_the_first_callback
            another_body_under_the_key_is_refused_and_writes_nothing
            a_refused_booking_keeps_no_answer
            concurrent_bookings_under_one_key_book_once
            concurrent_bookings_with_other_bodies_under_one_key_book_one_of_them
            keys_of_tenants_and_of_operations_are_apart
            a_repeated_cancel_succeeds_again
            a_cancel_that_a_session_settles_is_kept_when_it_is_settled
            concurrent_cancels_under_one_key_all_succeed
            answers_are_forgotten_oldest_first
        );
        each_area!($fresh, changes,
            a_cancel_happens_once
            a_cancel_of_a_session_holder_is_a_durable_wish
            a_session_answers_a_cancel_in_three_ways
            an_answer_of_another_session_settles_nothing
            a_handled_callback_cannot_be_cancelled
            settling_without_a_wish_changes_nothing
            a_move_takes_the_new_place_and_frees_the_old
            a_move_within_its_cell_always_works
            a_move_to_a_full_cell_changes_nothing
            a_move_in_a_full_rule_slot_uses_its_own_place
            a_move_to_now_makes_it_immediate
            a_move_is_refused_by_state_and_by_a_session
            concurrent_moves_into_a_cell_never_exceed_it
            an_edit_changes_what_it_names
            an_edit_is_refused_outside_scheduled
            a_move_takes_fields_along
        );
        each_area!($fresh, sessions,
            m1_and_m2_a_good_day_ends_connected_in_any_order
            m3_a_redial_ends_with_its_own_reason
            m8_an_unreachable_session_confirms_later
            m9_a_pause_and_a_resume_are_kept
            m14_a_session_lost_before_dialing_is_handed_over_again
            a_session_that_gave_up_cannot_take_it_again
            a_lost_session_with_a_wish_to_cancel_ends_it
            m16_a_late_update_after_a_move_is_a_strangers
            a_second_session_is_a_stranger
            a_stale_sequence_is_ignored
            an_illegal_move_is_named
            position_and_wait_are_volatile
            user_data_and_facts_are_merged
            late_news_of_a_cancelled_record_is_kept
            a_session_may_come_before_its_attempt_is_recorded
            an_update_without_a_name_acknowledges_the_attempt
            a_session_says_where_it_runs_and_is_known_by_either_form_of_its_id
            values_that_are_too_large_change_nothing
            what_others_attach_bears_their_name
        );
        each_area!($fresh, former,
            a_session_that_gave_way_to_another_time_has_to_end
            only_a_session_that_may_live_on_has_to_end
            former_sessions_come_when_they_are_due
        );
        each_area!($fresh, handover,
            the_agenda_shows_what_waits_per_service
            due_records_come_in_order_and_up_to_the_limit
            due_leaves_out_what_does_not_wait
            an_attempt_is_recorded_once
            a_hand_over_by_a_late_clock_does_not_turn_time_back
            an_attempt_waits_from_the_stores_own_time_when_the_node_is_behind
            a_changed_record_overtakes_its_attempt
            a_batch_is_answered_in_the_order_asked
            an_unanswered_attempt_rings_at_its_deadline
            a_deadline_rings
            settle_is_one_compare_and_set
            failed_cycles_are_counted_without_a_write
            sizes_count_by_state
            a_stale_lease_changes_nothing
            a_lease_of_another_shard_changes_nothing
        );
        each_area!($fresh, leases,
            the_first_node_holds_everything
            two_nodes_share_evenly
            a_silent_node_loses_its_shards
            a_released_shard_is_taken_at_once
            concurrent_heartbeats_never_share_a_shard
            a_node_that_comes_back_late_holds_new_leases
            a_booking_wakes_its_monitor
            a_move_and_an_unbinding_wake_the_monitor
        );
        each_area!($fresh, catalogue,
            an_unknown_service_is_none
            a_service_reads_back_with_everything_it_refers_to
            a_change_keeps_pause_and_bookings
            a_removed_service_keeps_its_bookings_and_comes_back
            missing_and_unreadable_hours_close_the_service
            hours_are_found_by_name
            the_tenants_throttle_is_below_the_services
            tenants_do_not_share_a_catalogue
            number_and_region_rules_come_with_their_services
            a_tenant_has_two_hundred_number_rules_at_most
            a_number_rule_that_a_service_has_is_not_removed
        );
        each_area!($fresh, call_ins,
            groups_read_back_by_name_and_change
            a_request_reads_back_with_everything
            numbers_are_given_out_in_turn_until_none_is_left
            concurrent_reservations_never_share_a_key
            a_call_finds_its_own_request_once
            calls_at_once_match_a_request_once
            a_request_that_is_over_matches_nothing
            a_caller_who_asks_again_replaces_the_first_request
            a_freed_key_rests
            tenants_do_not_share_keys
            old_requests_are_purged_in_batches
            a_matched_request_is_noted_in_its_callback
            a_call_stays_to_be_told_until_the_right_session_has_heard
            a_call_and_a_session_that_write_at_once_are_both_noted
            a_key_makes_one_request
        );
        each_area!($fresh, notices,
            unclaimed_records_come_in_order_of_their_time
            a_push_is_claimed_once
            an_attempt_without_an_outcome_is_followed_by_the_next
            a_failed_attempt_is_wanted_again_later
            a_new_time_is_claimed_anew
            announcements_are_written_with_what_they_announce
            a_dead_target_leaves_the_record
            a_stale_lease_pushes_nothing
            bookings_with_targets_hint_at_pushes
            pushes_leave_with_their_record
        );
        each_area!($fresh, bulk,
            a_job_takes_the_selected_records
            a_job_takes_what_its_filter_passes
            a_job_takes_ten_thousand_records_and_no_more
            outcomes_are_written_once_and_the_last_ends_the_job
            a_stopped_job_ends_at_once
            old_jobs_are_purged_oldest_first
            opening_a_job_wakes_the_monitor
        );
        each_area!($fresh, pauses,
            only_existing_services_can_be_paused
            all_services_are_paused_and_those_that_come_later
            a_pause_is_kept_with_who_and_when
            a_pause_and_a_resume_wake_the_monitor
            records_that_do_not_fit_their_service_are_found
            a_stale_lease_finds_no_misplaced_records
        );
        each_area!($fresh, credentials,
            credentials_read_back_by_tenant_and_kind
        );
        each_area!($fresh, publishing,
            a_publish_is_in_force_and_reads_back_as_it_was_sent
            changes_and_snapshots_remove_what_was_published_and_nothing_else
            publishes_apply_in_the_order_of_their_time
            publishes_at_once_come_one_after_the_other
            a_bad_row_leaves_its_service_as_it_was
            a_service_that_comes_back_in_time_has_its_rules
            a_service_removed_by_a_publish_keeps_its_records
            special_days_are_the_services_own
            what_a_service_has_does_not_vanish_under_it
        );
        each_area!($fresh, access,
            a_browser_is_taken_back_once
            browsers_at_once_with_one_word_are_one
            a_session_ends_when_it_is_idle
            contents_change_from_what_was_read
            sessions_are_closed_and_purged
            services_are_listed_by_tenant
        );
        each_area!($fresh, races,
            a_cancel_beats_a_dispatch_under_way
            a_move_beats_a_dispatch_under_way
            a_conversation_that_begins_first_beats_the_cancel
            a_reschedule_beats_a_session_that_starts_later
            m16_a_reschedule_beats_the_session_that_gives_way
            an_agent_beats_a_reschedule
            a_booking_that_takes_the_place_beats_the_wish_for_it
            a_move_that_nobody_followed_up_is_settled
            m8_a_cancel_is_told_until_it_is_heard
            a_late_acknowledgement_is_taken_once
            p_9_repeated_and_overtaken_updates_change_nothing
        );
        each_area!($fresh, lookup,
            looks_find_what_fits_latest_first
            looks_begin_with_a_number_or_a_session
            watermarks_count_active_records_by_service
            a_booking_with_its_own_session_is_never_handed_over
        );
        each_area!($fresh, storm,
            a_storm_on_one_record_ends_in_one_timeline
            a_storm_on_one_service_keeps_every_count
        );
    };
}

/// Provisions `CB_Sales` and `CB_Support` for both tenants.
pub(crate) async fn provision(stores: &dyn Stores) {
    for tenant in [tenant(), other_tenant()] {
        for name in ["CB_Sales", "CB_Support"] {
            stores.catalogue().put_service(tenant, &service_row(name)).await.unwrap();
        }
    }
}

/// Books what must be accepted.
pub(crate) async fn book(stores: &dyn Stores, draft: Draft) -> Callback {
    match stores.bookings().book(draft.build()).await.unwrap() {
        Booked::Accepted(callback) => *callback,
        other => panic!("not accepted: {other:?}"),
    }
}

/// Books what must be refused.
pub(crate) async fn refused(stores: &dyn Stores, draft: Draft) -> Refusal {
    match stores.bookings().book(draft.build()).await.unwrap() {
        Booked::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// Books all at once; how many were accepted.
pub(crate) async fn book_at_once(stores: &dyn Stores, drafts: impl IntoIterator<Item = Draft>) -> Vec<Booked> {
    let mut tasks = tokio::task::JoinSet::new();
    for draft in drafts {
        let bookings = stores.bookings();
        tasks.spawn(async move { bookings.book(draft.build()).await.unwrap() });
    }
    tasks.join_all().await
}

pub(crate) fn accepted(verdicts: &[Booked]) -> usize {
    verdicts.iter().filter(|verdict| matches!(verdict, Booked::Accepted(_))).count()
}

/// The record as it stands, with its timeline checked against it (I8, P-8).
pub(crate) async fn standing(stores: &dyn Stores, record: &Callback) -> Callback {
    let now = record.created_at;
    let row = stores.record().find(record.tenant, record.id, now).await.unwrap().expect("the record is there");
    let timeline = stores.record().timeline(record.tenant, record.id).await.unwrap();
    assert_consistent(&row, &timeline);
    row
}

/// Asserts that nothing was written to the record since it was read as `before`.
pub(crate) async fn assert_untouched(stores: &dyn Stores, before: &Callback) {
    assert_eq!(standing(stores, before).await, *before, "nothing was written");
}

/// The last changes of the record's timeline.
pub(crate) async fn last_changes(stores: &dyn Stores, record: &Callback) -> Vec<Change> {
    let timeline = stores.record().timeline(record.tenant, record.id).await.unwrap();
    timeline.last().expect("a record has a timeline").changes.clone()
}

pub(crate) fn service_of(record: &Callback) -> ServiceRef {
    ServiceRef { tenant: record.tenant, name: record.service.clone() }
}

/// The right to act on the shard of the record's service, held by node `a`.
pub(crate) async fn lease_for(stores: &dyn Stores, record: &Callback) -> ShardLease {
    let shard = service_of(record).shard();
    let held = stores.shards().hold("a").await.unwrap();
    held.into_iter().find(|lease| lease.shard == shard).expect("node a is alone")
}

/// Records the next attempt of a record.
pub(crate) async fn hand_over(stores: &dyn Stores, record: &Callback, attempt: u32, at: Instant) -> HandoverOutcome {
    let lease = lease_for(stores, record).await;
    let handed = [Handed { tenant: record.tenant, id: record.id, attempt, nth: record.attempt_of_its_time(attempt) }];
    let outcomes = stores.handover().record_handed(lease, &handed, at).await.unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes[0]
}

/// How many places are booked in the quarter of `at`.
pub(crate) async fn used(stores: &dyn Stores, record: &Callback, at: Instant) -> u32 {
    let cell = crate::builders::quarter(at);
    let usage = stores.bookings().usage(record.tenant, &record.service, cell.from, cell.until).await.unwrap();
    usage.used(cell.from, cell.until)
}

#[cfg(test)]
mod tests {
    /// A fact that nobody runs proves nothing.
    #[test]
    fn every_fact_is_on_the_list() {
        let list = include_str!("mod.rs");
        let areas = [
            include_str!("booking.rs"),
            include_str!("reading.rs"),
            include_str!("capacity.rs"),
            include_str!("throttles.rs"),
            include_str!("idempotency.rs"),
            include_str!("changes.rs"),
            include_str!("sessions.rs"),
            include_str!("handover.rs"),
            include_str!("leases.rs"),
            include_str!("catalogue.rs"),
            include_str!("notices.rs"),
            include_str!("bulk.rs"),
            include_str!("pauses.rs"),
            include_str!("credentials.rs"),
            include_str!("call_ins.rs"),
            include_str!("publishing.rs"),
            include_str!("races.rs"),
            include_str!("lookup.rs"),
            include_str!("storm.rs"),
        ];
        let facts = areas.iter().flat_map(|area| area.split("pub async fn ").skip(1));
        let facts: Vec<&str> = facts.map(|rest| rest.split('(').next().unwrap()).collect();
        assert!(facts.len() > 70, "{}", facts.len());
        for fact in facts {
            assert!(list.lines().any(|line| line.trim() == fact), "{fact} is not on the list");
        }
    }
}
