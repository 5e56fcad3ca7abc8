//! Endpoint names: what is read is written the same, and no name leads out of its folder (PROTOCOL.md, rules N1–N3).

use ipc_proto::{
    Config, Dialect,
    endpoint::{Endpoint, Environment, PIPE_PREFIX, check_id, check_path, host_port, local_path, pipe_name},
};

const SCHEMES: [&str; 7] = ["unix", "abstract", "pipe", "tcp", "tls", "udp4", "udp6"];

/// The input is a name.
pub fn endpoint(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let pipe = text.starts_with(PIPE_PREFIX);
    let scheme = text.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| SCHEMES.contains(scheme));
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            assert_eq!(matches!(endpoint, Endpoint::Id(_)), scheme.is_none() && !pipe, "{endpoint:?}");
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    id(text);
    // These may fail, but never panic.
    let _ = (host_port(text).is_ok(), pipe_name(text).is_ok());
    assert!(check_path(text, text.len()).is_err() || !text.contains('\0'));
}

fn id(text: &str) {
    let plain = !text.contains(['/', '\0']);
    assert_eq!(Config::default().id(text).validate().is_ok(), plain);
    if check_id(text).is_err() {
        return;
    }
    assert!(plain);
    for dialect in [Dialect::Classic, Dialect::Modern] {
        let path = local_path(&Config::default(), &Environment::default(), dialect, text);
        let (folder, name) = path.rsplit_once('/').expect("a path has a folder");
        assert!(folder.starts_with('/') && name.ends_with(text) && name != "." && name != "..", "{path}");
    }
}
