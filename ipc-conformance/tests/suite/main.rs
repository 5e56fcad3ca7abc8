//! One suite for every runtime: what an adapter has to do, whatever it is made of.
//!
//! A scenario is a function of a [`Stage`](stage::Stage), written once. It is run for each runtime over each transport that
//! it is about, as `runtime/transport/theme/scenario`; arguments filter by name as in any test. At the end the matrix says
//! how many scenarios passed by runtime and transport.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "these are tests, and a file of the crate is included")]
#![cfg_attr(windows, allow(dead_code, reason = "what is about files of sockets has no scenarios there"))]

#[path = "../../../ipc-tokio/tests/tls/certificates.rs"]
mod certificates;
#[path = "../../../ipc-tokio/tests/cancel/dice.rs"]
mod dice;

mod asking;
mod cancel;
mod captured;
#[cfg(unix)]
mod clients;
mod counting;
mod delivery;
mod faults;
mod handshakes;
mod limits;
mod matrix;
mod network;
#[path = "../../src/host/on_async_std.rs"]
mod on_async_std;
#[cfg(unix)]
mod peers;
mod raw;
mod receive;
#[cfg(unix)]
mod recorded;
mod recovery;
mod refusals;
mod secure;
#[cfg(unix)]
mod servers;
mod slow;
mod stage;
mod sync;
mod talk;
mod tls;
mod udp;
mod wakeups;
mod wire;
mod words;

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use ipc_conformance::host::{Host, Smol};
use ipc_os::Inherited;
use libtest_mimic::{Arguments, Trial};
use matrix::Matrix;
use on_async_std::AsyncStd;
use stage::Stage;
use wire::Wire;

/// Longer than anything takes on the slowest machine; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(180);

/// What a scenario does.
type Run<H> = fn(Stage<H>) -> Pin<Box<dyn Future<Output = ()>>>;

/// A scenario's theme and name, where it is run, and what it does.
type Row<H> = (&'static str, &'static [Wire], Run<H>);

/// What is left out on Windows: a part of its name, and why.
const LEFT_OUT_ON_WINDOWS: &[(&str, &str)] = &[
    ("async-std/", "but for the executor it is what smol runs"),
    ("smol/pipe/", "async-io has no named pipes"),
    ("/pipe/limits/a_peer_that_ends_its_half_still_gets_what_waits", "a pipe has no halves"),
    ("/pipe/talk/a_connection_is_a_sink_and_a_stream", "a pipe has no halves"),
    ("/udp/streams_and_datagrams_make_one_server", "its stream is a file for a socket"),
    ("/tls/receive/", "handshakes take too long where nothing is optimised"),
    ("/tls/cancel/", "handshakes take too long where nothing is optimised"),
    ("smol/tcp/receive/", "it takes long, and ipc-tokio is seen to do it"),
    ("mio/tcp/receive/", "it takes long, and ipc-mio is seen to do it over pipes"),
];

/// Why the scenario of that full name is left out here, if it is.
fn left_out(name: &str) -> Option<&'static str> {
    let listed = LEFT_OUT_ON_WINDOWS.iter().filter(|_| cfg!(windows));
    listed.filter(|(part, _)| name.contains(part)).map(|(_, reason)| *reason).next()
}

/// That, by reason, with how many scenarios it is.
fn what_is_left_out(trials: &[Trial]) -> String {
    let mut counts = BTreeMap::new();
    for reason in trials.iter().filter_map(|trial| left_out(trial.name())) {
        *counts.entry(reason).or_insert(0) += 1;
    }
    counts.iter().map(|(reason, count)| format!("left out: {count}, {reason}\n")).collect()
}

/// Rows from functions of the same name.
macro_rules! rows {
    ($host:ident: $($(#[$when:meta])? $wires:ident $module:ident { $($name:ident),* $(,)? })*) => {{
        let mut rows: Vec<Row<$host>> = Vec::new();
        $($(#[$when])? rows.extend([$((
            concat!(stringify!($module), "/", stringify!($name)),
            Wire::$wires,
            (|stage| Box::pin($module::$name(stage))) as Run<$host>,
        )),*]);)*
        rows
    }};
}

fn main() {
    let mut args = Arguments::from_args();
    // Most of the time a scenario waits.
    args.test_threads.get_or_insert(8);
    let matrix = Arc::new(Matrix::default());
    // A runtime is a line.
    let runtimes = [
        trials::<ipc_tokio::Tokio>(&matrix),
        trials::<AsyncStd>(&matrix),
        trials::<Smol>(&matrix),
        trials::<ipc_mio::Mio>(&matrix),
    ];
    let mut trials: Vec<Trial> = runtimes.into_iter().flatten().collect();
    // What takes longest goes first, so that nothing is waited for in the end.
    trials.sort_by_key(|trial| !trial.name().contains("/recorded/"));
    let left_out = what_is_left_out(&trials);
    let conclusion = libtest_mimic::run(&args, trials);
    matrix.print();
    print!("{left_out}");
    conclusion.exit();
}

fn trials<H: Host<Inherited = Inherited>>(matrix: &Arc<Matrix>) -> Vec<Trial> {
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
    let name = format!("{}/{wire}/{name}", H::NAME);
    let is_left_out = left_out(&name).is_some();
    Trial::test(name, test).with_ignored_flag(is_left_out || !wire.is_there())
}

fn scenarios<H: Host<Inherited = Inherited>>() -> Vec<Row<H>> {
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
            a_connection_is_a_sink_and_a_stream,
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
        #[cfg(unix)]
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
        STREAMS faults {
            bytes_that_trickle_are_frames_in_the_end,
            a_server_that_never_reads_holds_its_client_to_the_limit,
        }
        PLAIN faults {
            a_peer_that_ends_its_half_and_then_dies_is_not_waited_for,
        }
        #[cfg(unix)]
        LOCAL faults {
            servers_that_end_their_half_lose_nothing,
        }
        NET faults {
            resets_under_load_cost_nobody_else_anything,
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
        #[cfg(unix)]
        LOCAL cancel { a_close_that_is_dropped_keeps_what_could_not_be_delivered }
        PLAIN cancel {
            no_connection_is_lost_by_accepting,
        }
        STREAMS wakeups {
            emits_from_another_thread,
            broadcasts_from_another_thread,
            emits_between_polls,
            a_server_that_hangs_up_at_once,
            a_reader_that_falls_behind_is_read_on,
            a_flood_beside_a_quiet_peer,
            a_flood_that_is_handled_beside_a_quiet_peer,
            a_flood_does_not_deafen_its_sender,
            idle_connections_are_left_alone,
        }
        PLAIN wakeups {
            edges_that_come_before_registration,
        }
        STREAMS captured {
            streams_in_recorded_chunks,
            streams_in_random_chunks,
        }
        DATAGRAMS captured {
            datagrams_as_they_were_recorded,
        }
        DATAGRAMS udp {
            two_servers_talk,
            frames_and_parts_of_them,
            many_datagrams_and_their_echoes,
            a_large_answer_waits_for_the_second_datagram,
            what_is_too_large_is_refused_and_the_largest_passes,
            failed_sends_are_told,
            a_peer_that_is_disconnected_comes_back_under_another_number,
            a_broadcast_reaches_those_who_spoke,
            streams_and_datagrams_make_one_server,
            a_router_answers_each_peer_on_a_state_of_its_own,
            raw_bytes_and_many_peers,
            requests_are_answered_and_fail_when_they_cannot_leave,
            what_udp_cannot_be_is_said,
        }
        SECURE secure {
            both_versions_from_files_and_from_texts,
            both_sides_show_certificates,
            a_server_name_of_its_own,
            an_address_is_a_name,
            what_is_cut_in_the_session_is_reported_and_the_rest_arrives,
            reloaded_certificates_are_for_the_connections_to_come,
            a_client_reloads_whom_it_trusts,
            a_listener_gives_the_connection_before_its_handshake,
        }
        SECURE handshakes {
            bad_certificates_are_errors_on_both_sides_and_nobody_else_notices,
            a_rejected_client_runs_out_of_retries,
            a_server_may_do_without_certificates_but_not_with_bad_ones,
            who_does_not_speak_tls_is_a_failed_handshake,
            a_server_that_does_not_speak_tls_is_a_failed_attempt,
            a_handshake_that_takes_too_long_is_given_up,
            a_flood_of_handshakes_costs_its_cap_and_keeps_nobody_waiting,
        }
        #[cfg(unix)]
        SECURE refusals {
            options_are_errors_at_once,
            assured_refuses_what_proves_nobody,
            local_sockets_and_explicit_tcp_stay_plain,
            an_inherited_port_speaks_tls_as_well,
        }
        #[cfg(unix)]
        LOCAL peers {
            a_unix_peer_is_a_process_of_a_user,
            other_users_are_closed_at_once_and_never_seen,
            the_accept_level_asks_and_refuses_too,
            an_inherited_socket_is_served_by_several_and_stays,
            an_abstract_socket_is_served,
            assured_takes_no_socket_that_others_bound,
        }
        #[cfg(unix)]
        NET peers {
            a_network_peer_is_an_address,
            where_nobody_knows_the_user_the_option_is_an_error,
            an_inherited_port_is_served,
            a_port_is_shared_on_demand_and_nothing_else_is,
        }
        NET network {
            what_an_address_leaves_out_the_config_says,
            a_name_is_tried_by_family,
        }
        #[cfg(target_os = "linux")]
        NET network { a_client_dials_from_its_own_address_and_port }
        #[cfg(unix)]
        LOCAL words {
            of_options,
            of_endpoints,
            of_places,
        }
        NET words { of_a_port_in_use }
        #[cfg(windows)]
        NET words { of_pipes_where_there_are_none }
        STREAMS words {
            of_attempts,
        }
        STREAMS receive {
            by_a_server_in_recorded_chunks,
            by_a_server_byte_by_byte,
            by_a_client_in_recorded_chunks,
            by_a_client_byte_by_byte,
        }
        #[cfg(unix)]
        LOCAL recorded { scenarios_over_local_sockets }
        #[cfg(unix)]
        NET recorded { scenarios_over_tcp }
    }
}
