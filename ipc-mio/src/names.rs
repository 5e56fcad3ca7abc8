//! What the parts and the handles have in common.

pub use ipc_os::Inherited;
pub use ipc_proto::{
    Backoff, BindError, Code, Config, ConfigError, ConnectionError, Cx, DecodeError, Delimiter, Dialect, Emit,
    EmitError, EncodeError, Encoding, Event, Family, Frame, Interface, IoError, Json, Limits, Loaded, Message, Outcome,
    Overflow, PeerId, PeerInfo, Pressure, Profile, ProtocolError, Reason, Retry, Router, Side, SlowPeer, Stats,
    SyncLoss, TlsOptions, TlsVersion, Undelivered,
    endpoint::Endpoint,
    facade::{AcceptErrors, Asking, Delivery, Error, Handler, RequestError, Sender, ServerStats},
    request::Request,
};
