//! The rows: what is measured, and what it should be.

use crate::{
    crowd, echo,
    lab::{ASYNC_STD, BLOCKING, COPY, Lab, MIO, NODE_RUST, Result, SMOL, TOKIO},
    micro,
    result::{
        Bound::{AtLeast, AtMost},
        Samples, Target,
    },
};

/// Something that is measured for everybody who can do it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) key: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) measure: fn(&Lab) -> Result<Samples>,
    pub(crate) targets: &'static [Target],
    /// No more runs than this, for what takes long.
    pub(crate) most_runs: usize,
}

impl Row {
    const fn new(
        key: &'static str,
        title: &'static str,
        unit: &'static str,
        measure: fn(&Lab) -> Result<Samples>,
        targets: &'static [Target],
    ) -> Self {
        Self { key, title, unit, measure, targets, most_runs: usize::MAX }
    }

    const fn at_most_runs(self, most_runs: usize) -> Self {
        Self { most_runs, ..self }
    }
}

/// `who` takes at most so much of what `of` takes.
const fn within(who: &'static str, most: f64, of: &'static str) -> Target {
    Target { who, of: Some(of), bound: AtMost(most) }
}

const fn below(who: &'static str, most: f64) -> Target {
    Target { who, of: None, bound: AtMost(most) }
}

const CPU: &str = "ns of the server's CPU for each message";
const FRAME: &str = "ns for each frame";
const EVENT: &str = "ns for each event";

pub(crate) const ROWS: &[Row] = &[
    Row::new(
        "decode-16",
        "Decode an event, payload 16 B",
        FRAME,
        micro::decode::<16>,
        &[within(micro::OURS, 0.4, micro::RAW_VALUE)],
    ),
    Row::new(
        "decode-64",
        "Decode an event, payload 64 B",
        FRAME,
        micro::decode::<64>,
        &[within(micro::OURS, 0.5, micro::RAW_VALUE)],
    ),
    Row::new(
        "decode-1k",
        "Decode an event, payload 1 KiB",
        FRAME,
        micro::decode::<1024>,
        &[within(micro::OURS, 0.6, micro::RAW_VALUE)],
    ),
    Row::new(
        "decode-64k",
        "Decode an event, payload 64 KiB",
        FRAME,
        micro::decode::<65536>,
        &[within(micro::OURS, 0.6, micro::RAW_VALUE)],
    ),
    Row::new(
        "typed-64",
        "Decode an event and its data into a type, payload 64 B",
        FRAME,
        micro::typed::<64>,
        &[within(micro::OURS, 1.25, micro::INTO_TYPE)],
    ),
    Row::new(
        "typed-1k",
        "Decode an event and its data into a type, payload 1 KiB",
        FRAME,
        micro::typed::<1024>,
        &[within(micro::OURS, 1.25, micro::INTO_TYPE)],
    ),
    Row::new(
        "encode-64",
        "Encode a typed event, payload 64 B",
        EVENT,
        micro::encode::<64>,
        &[within(micro::OURS, 1.1, micro::TO_WRITER)],
    ),
    Row::new(
        "encode-1k",
        "Encode a typed event, payload 1 KiB",
        EVENT,
        micro::encode::<1024>,
        &[within(micro::OURS, 1.1, micro::TO_WRITER)],
    ),
    Row::new(
        "relay-64",
        "Emit a received event again, payload 64 B",
        EVENT,
        micro::relay::<64>,
        &[within(micro::OURS, 0.4, micro::TO_WRITER)],
    ),
    Row::new(
        "relay-1k",
        "Emit a received event again, payload 1 KiB",
        EVENT,
        micro::relay::<1024>,
        &[within(micro::OURS, 0.4, micro::TO_WRITER)],
    ),
    Row::new(
        "echo-1024",
        "Echo 64 B, 1,024 in flight",
        CPU,
        echo::cost::<1024>,
        &[
            within(TOKIO, 0.065, NODE_RUST),
            within(MIO, 0.06, NODE_RUST),
            within(SMOL, 0.085, NODE_RUST),
            within(ASYNC_STD, 0.085, NODE_RUST),
        ],
    ),
    Row::new(
        "echo-64",
        "Echo 64 B, 64 in flight",
        CPU,
        echo::cost::<64>,
        &[within(TOKIO, 1.3, COPY), within(MIO, 1.3, COPY), within(SMOL, 1.3, COPY), within(ASYNC_STD, 1.3, COPY)],
    ),
    Row::new(
        "trip",
        "Echo 64 B, 1 in flight, server and client on one core",
        "µs there and back, the median",
        echo::trip,
        &[within(TOKIO, 1.1, COPY), within(MIO, 1.15, BLOCKING)],
    ),
    Row::new("request", "Requests with 64 B, ipc-tokio at both ends", "µs", echo::request, &[]),
    Row::new(
        "big",
        "Echo one message of 64 MiB, not the first",
        "ms there and back",
        echo::big::<64>,
        &[within(TOKIO, 2.0, COPY), within(MIO, 2.0, BLOCKING), within(SMOL, 2.0, COPY), within(ASYNC_STD, 2.0, COPY)],
    )
    .at_most_runs(3),
    Row::new(
        "first",
        "Echo one message of 64 MiB, the first on its connection",
        "ms there and back",
        echo::first::<64>,
        &[],
    )
    .at_most_runs(3),
    Row::new(
        "linear",
        "Echo one message of 64 MiB, 256 MiB, 1 GiB",
        "ms for each MiB",
        echo::linear,
        &[
            within("256 MiB, ipc-tokio", 1.3, "64 MiB, ipc-tokio"),
            within("1024 MiB, ipc-tokio", 1.3, "64 MiB, ipc-tokio"),
        ],
    )
    .at_most_runs(3),
    Row::new(
        "broadcast",
        "Broadcast 1 KiB to 1,000 clients",
        "µs of the server's CPU for each broadcast",
        crowd::broadcast,
        &[
            within(TOKIO, 1.3, crowd::LOOP),
            within(MIO, 1.3, crowd::LOOP),
            within(SMOL, 1.3, crowd::LOOP),
            within(ASYNC_STD, 1.3, crowd::LOOP),
        ],
    ),
    Row::new("many-1", "Echo 64 B, 1 connection or 5,000, 1 in flight on each", CPU, crowd::many::<1>, MANY),
    Row::new("many-64", "Echo 64 B, 1 connection or 5,000, 64 in flight on each", CPU, crowd::many::<64>, MANY),
    Row::new(
        "idle",
        "Idle connection that has talked",
        "bytes of memory",
        crowd::idle,
        &[below(crowd::CORE, 1536.0), below(TOKIO, 4096.0), below(MIO, 4096.0)],
    )
    .at_most_runs(3),
    Row::new(
        "storm",
        "5,000 clients reconnect after a restart, retrying every 500 ms",
        "ms",
        crowd::storm,
        &[
            below("ipc-tokio: all back", 2500.0),
            below("ipc-mio: all back", 2500.0),
            below("ipc-async-std on smol: all back", 2500.0),
            below("ipc-async-std on async-std: all back", 2500.0),
        ],
    )
    .at_most_runs(3),
    Row::new(
        "cores",
        "Echo 64 B, 1,024 in flight on each connection, ipc-tokio",
        "messages in a second, more is better",
        echo::cores,
        &[Target { who: echo::TWO_CORES, of: Some(echo::ONE_CORE), bound: AtLeast(1.7) }],
    ),
];

const MANY: &[Target] = &[
    within("ipc-tokio, 5000 connections", 1.5, "ipc-tokio, 1 connections"),
    within("ipc-mio, 5000 connections", 1.5, "ipc-mio, 1 connections"),
    within("ipc-async-std on smol, 5000 connections", 1.5, "ipc-async-std on smol, 1 connections"),
    within("ipc-async-std on async-std, 5000 connections", 1.5, "ipc-async-std on async-std, 1 connections"),
];
