//! What every adapter has under the same name, whatever its runtime: it re-exports all of this.

pub use crate::{
    Backoff, BindError, Code, Config, ConfigError, ConnectionError, Cx, DecodeError, Delimiter, Dialect, Emit,
    EmitError, EncodeError, Encoding, Event, Family, Frame, Interface, IoError, Json, Limits, Loaded, Message, Outcome,
    Overflow, PeerId, PeerInfo, Pressure, Profile, ProtocolError, Reason, Retry, Router, Side, SlowPeer, Stats,
    SyncLoss, TlsOptions, TlsVersion, Undelivered,
    endpoint::Endpoint,
    facade::{AcceptErrors, Delivery, Error, Handler, RequestError, Sender, ServerStats, Task},
    request::Request,
};
