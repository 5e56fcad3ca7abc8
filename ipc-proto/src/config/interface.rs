//! From where a client dials out.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// From where a client dials out over TCP and TLS: node-ipc's `interface`.
///
/// Local sockets and UDP take no notice, and servers neither.
///
/// ```
/// use ipc_proto::{Config, Interface};
///
/// let mut interface = Interface::default();
/// interface.local_address = Some([127, 0, 0, 2].into());
/// let config = Config::default().interface(interface);
/// assert!(config.interface.suits([127, 0, 0, 1].into()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Interface {
    /// The address to dial from. `None` (the default): the system chooses.
    pub local_address: Option<IpAddr>,
    /// The port to dial from. `None` (the default): the system chooses. With a fixed port only one connection
    /// to a server can be there at a time.
    pub local_port: Option<u16>,
    /// Which of a host name's addresses to try. `None` (the default): all of them. A host that is written as an
    /// address is tried in any case, as in Node.
    pub family: Option<Family>,
}

/// A generation of the Internet Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

impl Interface {
    /// Whether `address`, which a host name was looked up to be, is to be tried.
    #[must_use]
    pub fn suits(&self, address: IpAddr) -> bool {
        let family = Family::of(address);
        let local = self.local_address.map(Family::of);
        self.family.is_none_or(|wanted| wanted == family) && local.is_none_or(|local| local == family)
    }

    /// What to bind a socket to before it connects to `remote`; `None` when the system may choose.
    #[must_use]
    pub fn bind_to(&self, remote: IpAddr) -> Option<SocketAddr> {
        if self.local_address.is_none() && self.local_port.is_none() {
            return None;
        }
        let any = match Family::of(remote) {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        Some(SocketAddr::new(self.local_address.unwrap_or(any), self.local_port.unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    #[test]
    fn addresses_are_chosen_by_family() {
        let any = Interface::default();
        let v6 = Interface { family: Some(Family::V6), ..Interface::default() };
        let from_v4 = Interface { local_address: Some(V4), ..Interface::default() };
        for (interface, suits) in [(any, [true, true]), (v6, [false, true]), (from_v4, [true, false])] {
            assert_eq!([V4, V6].map(|address| interface.suits(address)), suits, "{interface:?}");
        }
    }

    #[test]
    fn a_port_alone_binds_to_any_address() {
        assert_eq!(Interface::default().bind_to(V4), None);
        let port = Interface { local_port: Some(7), ..Interface::default() };
        assert_eq!(port.bind_to(V4), Some("0.0.0.0:7".parse().unwrap()));
        assert_eq!(port.bind_to(V6), Some("[::]:7".parse().unwrap()));
        let address = Interface { local_address: Some(V6), ..Interface::default() };
        assert_eq!(address.bind_to(V6), Some("[::1]:0".parse().unwrap()));
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Where an address suits, binding to the local one and connecting to it is possible.
        #[test]
        fn what_suits_can_be_dialled(
            local_address in any::<Option<IpAddr>>(),
            local_port in prop::option::of(1..=u16::MAX),
            family in prop::option::of(prop_oneof![Just(Family::V4), Just(Family::V6)]),
            remote in any::<IpAddr>(),
        ) {
            let interface = Interface { local_address, local_port, family };
            let bound = interface.bind_to(remote);
            prop_assert_eq!(bound.is_none(), local_address.is_none() && local_port.is_none());
            if let Some(bound) = bound {
                prop_assert_eq!(bound.port(), local_port.unwrap_or(0));
                prop_assert!(local_address.map_or_else(|| bound.ip().is_unspecified(), |address| bound.ip() == address));
            }
            let same = bound.is_none_or(|bound| bound.is_ipv4() == remote.is_ipv4());
            let wanted = family.is_none_or(|family| (family == Family::V4) == remote.is_ipv4());
            prop_assert_eq!(interface.suits(remote), same && wanted);
        }
    }
}
