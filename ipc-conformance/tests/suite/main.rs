//! One suite for every runtime: what an adapter has to do, whatever it is made of.
//!
//! A scenario is a function of a [`Stage`](stage::Stage), written once. It is run for each runtime over each transport that
//! it is about, as `runtime/transport/theme/scenario`; arguments filter by name as in any test. At the end the matrix says
//! how many scenarios passed by runtime and transport.
#![allow(clippy::unwrap_used, reason = "these are tests")]

#[path = "../../../ipc-tokio/tests/tls/certificates.rs"]
mod certificates;

mod asking;
mod cancel;
mod counting;
mod delivery;
mod limits;
mod matrix;
mod raw;
mod recovery;
mod slow;
mod stage;
mod sync;
mod talk;
mod tls;
mod wakeups;
mod wire;

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use ipc_conformance::host::Host;
use libtest_mimic::{Arguments, Trial};
use matrix::Matrix;
use stage::Stage;
use wire::Wire;

/// Longer than anything takes on the slowest machine; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a scenario does.
type Run<H> = fn(Stage<H>) -> Pin<Box<dyn Future<Output = ()>>>;

/// A scenario's theme and name, where it is run, and what it does.
type Row<H> = (&'static str, &'static [Wire], Run<H>);

/// Rows from functions of the same name.
macro_rules! rows {
    ($host:ident: $($wires:ident $module:ident { $($name:ident),* $(,)? })*) => {
        vec![$($((
            concat!(stringify!($module), "/", stringify!($name)),
            Wire::$wires,
            (|stage| Box::pin($module::$name(stage))) as Run<$host>,
        )),*),*]
    };
}

fn main() {
    let mut args = Arguments::from_args();
    // Most of the time a scenario waits.
    args.test_threads.get_or_insert(8);
    let matrix = Arc::new(Matrix::default());
    // A runtime is a line.
    let trials = [trials::<ipc_tokio::Tokio>(&matrix)].into_iter().flatten().collect();
    let conclusion = libtest_mimic::run(&args, trials);
    matrix.print();
    conclusion.exit();
}

fn trials<H: Host>(matrix: &Arc<Matrix>) -> Vec<Trial> {
    let rows = scenarios::<H>().into_iter();
    let placed = rows.flat_map(|(name, wires, run)| wires.iter().map(move |wire| (name, *wire, run)));
    placed.map(|(name, wire, run)| trial(name, wire, run, matrix)).collect()
}

fn trial<H: Host>(name: &str, wire: Wire, run: Run<H>, matrix: &Arc<Matrix>) -> Trial {
    let matrix = Arc::clone(matrix);
    let test = move || {
        matrix.start(H::NAME, wire);
        let ended = H::run(|host| async move {
            let scenario = run(Stage::new(host.clone(), wire));
            host.timeout(PATIENCE, scenario).await
        });
        ended.ok_or_else(|| format!("it took longer than {PATIENCE:?}"))?;
        matrix.pass(H::NAME, wire);
        Ok(())
    };
    Trial::test(format!("{}/{wire}/{name}", H::NAME), test).with_ignored_flag(!wire.is_there())
}

fn scenarios<H: Host>() -> Vec<Row<H>> {
    rows! { H:
        STREAMS talk {
            hello_world,
            events_begin_with_connected_and_end_with_disconnected,
            many_messages_each_way_in_order,
            large_messages_both_ways,
            fifty_clients,
            broadcasts_reach_everybody_and_emits_only_one,
            the_accept_level_needs_no_tasks,
            routed_messages_are_answered_in_the_connections_task,
            a_client_is_a_sink_and_a_stream,
            raw_bytes_pass_as_they_are,
            frames_for_a_new_connection_come_first,
        }
        STREAMS recovery {
            what_is_emitted_before_the_server_is_there_arrives_in_order,
            a_restarted_server_is_found_again,
            nothing_is_lost_unreported,
            retries_run_out,
            a_disconnect_without_a_connection_gives_everything_back,
            of_knows_the_connected_and_forgets_the_disconnected,
        }
        PLAIN recovery {
            a_server_that_resets_is_found_again,
        }
        LOCAL recovery {
            servers_are_found_by_their_id,
        }
        STREAMS delivery {
            deliveries_say_what_became_of_a_message,
            a_message_that_was_cut_may_have_arrived,
            the_oldest_make_room_where_that_is_wanted,
            a_full_queue_hands_the_newest_back,
            what_waits_too_long_comes_back,
            a_guarded_client_that_is_not_connected_survives_a_full_queue,
            a_server_that_stops_waits_for_a_late_reader,
            a_close_that_takes_too_long_gives_back_what_is_left,
            a_connections_close_gives_back_what_is_left_too,
            a_client_that_was_never_connected_gives_back_everything,
        }
        PLAIN delivery {
            what_waits_for_a_peer_that_closes_comes_back,
        }
        STREAMS slow {
            a_slow_peer_misses_the_newest,
            a_slow_peer_misses_the_oldest,
            a_clients_overflow_policy_leaves_a_servers_peers_bounded,
            the_peer_that_holds_most_goes_and_no_other_notices,
        }
        PLAIN slow {
            a_slow_peer_is_disconnected_and_its_messages_come_back,
            garbage_from_many_costs_no_more_than_the_limits,
        }
        STREAMS asking {
            a_router_answers_many_at_once,
            late_and_given_up_answers_are_ignored,
            a_server_asks_its_peers,
            a_request_fails_when_its_connection_ends,
            a_request_that_has_not_left_is_asked_of_the_next_server,
            rooms_hold_some_of_the_peers,
        }
        STREAMS sync {
            the_next_message_goes_when_the_last_is_answered,
            the_next_message_answers_a_request,
            a_late_answer_is_not_the_next_ones,
            a_lost_connection_does_not_wedge_the_queue,
            answers_that_do_not_come_do_not_wedge_the_queue,
        }
        SECURE limits {
            an_event_that_is_not_allowed_ends_an_assured_connection,
        }
        STREAMS limits {
            surplus_connections_are_closed_at_once,
            a_bad_frame_closes_in_modern_and_is_passed_over_in_classic,
            a_bad_frame_destroys_a_modern_client,
            frames_have_a_size,
            partial_frames_have_an_age,
            guarded_keeps_reserved_names_to_itself,
            guarded_ends_a_connection_that_does_not_keep_up,
            a_peer_that_ends_its_half_still_gets_what_waits,
        }
        STREAMS cancel {
            clients_and_servers,
            listeners_and_connections,
            requests_and_deliveries,
        }
        PLAIN cancel {
            no_connection_is_lost_by_accepting,
            a_close_that_is_dropped_keeps_what_could_not_be_delivered,
        }
        STREAMS wakeups {
            emits_from_another_thread,
            emits_between_polls,
            a_server_that_hangs_up_at_once,
            a_reader_that_falls_behind_is_read_on,
            a_flood_beside_a_quiet_peer,
            a_flood_does_not_deafen_its_sender,
            idle_connections_are_left_alone,
        }
        PLAIN wakeups {
            edges_that_come_before_registration,
        }
    }
}
