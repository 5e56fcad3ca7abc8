//! Named pipes for mio, and all the unsafe code of this crate.
//!
//! mio's own constructor claims a pipe's name as nobody else's for each instance, so that there can be only one, and does
//! not refuse clients of other machines; of a client's end it has none. What it offers for both is to take a handle over,
//! which is unsafe, as asking Windows for an instance is. Both are done here, each once, for handles that nobody else has
//! seen.
#![allow(unsafe_code, reason = "two calls that have no safe form, see above")]

use std::{
    fs::File,
    io,
    os::windows::{
        fs::OpenOptionsExt as _,
        io::{FromRawHandle as _, IntoRawHandle as _, OwnedHandle},
    },
    ptr,
};

use ipc_os::PIPE_ROOM;
use mio::windows::NamedPipe;
use windows_sys::Win32::{
    Foundation::INVALID_HANDLE_VALUE,
    Storage::FileSystem::{FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, PIPE_ACCESS_DUPLEX},
    System::Pipes::{CreateNamedPipeW, PIPE_REJECT_REMOTE_CLIENTS, PIPE_TYPE_BYTE, PIPE_UNLIMITED_INSTANCES},
};

/// An instance of the pipe with the full name `name`: of bytes, for clients of this machine. As the `first` one it fails
/// where there is another.
///
/// # Errors
///
/// What the system says.
pub(crate) fn create(name: &str, first: bool) -> io::Result<NamedPipe> {
    let name: Vec<u16> = name.encode_utf16().chain([0]).collect();
    let first = if first { FILE_FLAG_FIRST_PIPE_INSTANCE } else { 0 };
    // SAFETY: `name` lives through the call and ends with a zero. The null is for the default of what is left out. What comes
    // back is a handle of our own, or the one that says that there is none.
    let handle = unsafe {
        let handle = CreateNamedPipeW(
            name.as_ptr(),
            PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | first,
            PIPE_TYPE_BYTE | PIPE_REJECT_REMOTE_CLIENTS,
            PIPE_UNLIMITED_INSTANCES,
            PIPE_ROOM,
            PIPE_ROOM,
            0,
            ptr::null(),
        );
        if handle == INVALID_HANDLE_VALUE {
            return Err(io::Error::last_os_error());
        }
        OwnedHandle::from_raw_handle(handle)
    };
    Ok(overlapped(handle))
}

/// A client's end of the pipe with the full name `name`.
///
/// # Errors
///
/// What the system says.
pub(crate) fn open(name: &str) -> io::Result<NamedPipe> {
    let file: File = ipc_os::pipe_options().custom_flags(FILE_FLAG_OVERLAPPED).open(name)?;
    Ok(overlapped(file.into()))
}

/// Takes a pipe over that was opened for overlapped operations, as mio wants it.
fn overlapped(handle: OwnedHandle) -> NamedPipe {
    // SAFETY: the handle is open, and given up here, so that the pipe is its only owner.
    unsafe { NamedPipe::from_raw_handle(handle.into_raw_handle()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(of: &str) -> String {
        format!(r"\\.\pipe\ipc-mio-{of}-{}", std::process::id())
    }

    #[test]
    fn an_instance_is_one_of_several_and_is_closed_when_it_is_dropped() {
        let name = name("several");
        let first = create(&name, true).unwrap();
        let second = create(&name, false).unwrap();
        let clients = [open(&name).unwrap(), open(&name).unwrap()];
        assert!(ipc_os::is_pipe_busy(&open(&name).unwrap_err()));
        drop((first, second, clients));
        assert_eq!(open(&name).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_the_system_refuses_is_an_error() {
        assert!(create("no pipe", true).is_err());
        assert!(open(&name("missing")).is_err());
    }
}
