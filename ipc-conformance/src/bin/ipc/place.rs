//! Which endpoints the command's argument stands for.

use std::path;

use ipc_proto::{
    Config,
    endpoint::{self, Endpoint, both_paths, client_paths, server_path},
};

use crate::failure::Failure;

/// Where to listen: an id becomes the path of the config's dialect, or those of both.
pub(crate) fn to_serve(endpoint: Endpoint, config: &mut Config, both: bool) -> Result<Vec<Endpoint>, Failure> {
    let Endpoint::Id(id) = endpoint else {
        return if both {
            Err(Failure::usage("--both-paths is for an id, whose path depends on the dialect"))
        } else {
            Ok(vec![located(endpoint)?])
        };
    };
    endpoint::check_id(&id)?;
    config.id = id;
    let here = ipc_os::environment();
    let paths = if both { both_paths(config, &here) } else { vec![server_path(config, &here)] };
    at(paths)
}

/// What the paths are on this machine.
pub(crate) fn at(paths: Vec<String>) -> Result<Vec<Endpoint>, Failure> {
    paths.into_iter().map(|path| located(Endpoint::Path(path))).collect()
}

/// On Windows a path is a pipe.
pub(crate) fn located(endpoint: Endpoint) -> Result<Endpoint, Failure> {
    match endpoint {
        Endpoint::Path(path) => Ok(endpoint::local_endpoint(&ipc_os::environment(), path)?),
        endpoint => Ok(endpoint),
    }
}

/// What to print for where a client connects to: of an id's paths the one that is there, else the first.
pub(crate) fn to_show(endpoint: &Endpoint, config: &Config) -> String {
    let Endpoint::Id(id) = endpoint else { return show(endpoint) };
    let paths = client_paths(config, &ipc_os::environment(), id);
    let there = paths.iter().find(|path| path::Path::new(path).exists());
    let path = there.or_else(|| paths.first()).cloned().unwrap_or_default();
    show(&Endpoint::Path(path))
}

/// The endpoint in full: a relative path is made absolute, and on Windows a pipe.
pub(crate) fn show(endpoint: &Endpoint) -> String {
    if let Ok(pipe @ Endpoint::Pipe(_)) = located(endpoint.clone()) {
        return pipe.to_string();
    }
    if let Endpoint::Path(path) = endpoint {
        if let Ok(full) = path::absolute(path) {
            return Endpoint::Path(full.to_string_lossy().into_owned()).to_string();
        }
    }
    endpoint.to_string()
}
