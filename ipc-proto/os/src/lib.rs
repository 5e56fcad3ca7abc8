//! What every adapter needs from the operating system.
