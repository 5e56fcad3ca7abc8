//! message
/// m
pub struct Message;
/// j
pub struct Json;
