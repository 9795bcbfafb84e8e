//! The special-purpose addresses of IANA's registries, written out by us.
//!
//! For v4 what is special is listed; for v6 only 2000::/3 is reachable at all, less what is special
//! in it. An address that carries a v4 address is judged by what it carries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why a target is out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Neither `http` nor `https`.
    Scheme,
    /// The URL carries a user name or password.
    UserInfo,
    /// The URL has no host.
    Host,
    /// The name has no address.
    Unresolved,
    /// This machine.
    Loopback,
    /// A private network.
    Private,
    /// 100.64.0.0/10, shared by a carrier's customers.
    Shared,
    /// This link only.
    LinkLocal,
    /// Where clouds keep an instance's credentials.
    Metadata,
    /// Many receivers, or all.
    Multicast,
    /// For documents only.
    Documentation,
    /// 0.0.0.0/8 or `::`, which some systems take for this machine.
    Unspecified,
    /// Anything else that is not the public internet.
    Reserved,
}

impl Reason {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Scheme => "egress.scheme",
            Self::UserInfo => "egress.user_info",
            Self::Host => "egress.host",
            Self::Unresolved => "egress.unresolved",
            Self::Loopback => "egress.loopback",
            Self::Private => "egress.private",
            Self::Shared => "egress.shared",
            Self::LinkLocal => "egress.link_local",
            Self::Metadata => "egress.metadata",
            Self::Multicast => "egress.multicast",
            Self::Documentation => "egress.documentation",
            Self::Unspecified => "egress.unspecified",
            Self::Reserved => "egress.reserved",
        }
    }

    /// For people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Scheme => "only http and https are spoken",
            Self::UserInfo => "a URL must not carry a user name or password",
            Self::Host => "the URL has no host",
            Self::Unresolved => "the name does not resolve",
            Self::Loopback => "this machine itself",
            Self::Private => "a private network",
            Self::Shared => "shared address space",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud's metadata service",
            Self::Multicast => "a multicast or broadcast address",
            Self::Documentation => "for documentation only",
            Self::Unspecified => "an unspecified address",
            Self::Reserved => "reserved",
        }
    }

    /// Opened by `allow_private`.
    pub const fn is_private(self) -> bool {
        matches!(self, Self::Loopback | Self::Private | Self::Shared)
    }
}

/// Where clouds answer with credentials. Named first, since the ranges around them may be opened.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// IANA IPv4 special-purpose registry, and multicast.
const SPECIAL_V4: [([u8; 4], u8, Reason); 20] = [
    ([0, 0, 0, 0], 8, Reason::Unspecified),
    ([10, 0, 0, 0], 8, Reason::Private),
    ([100, 64, 0, 0], 10, Reason::Shared),
    ([127, 0, 0, 0], 8, Reason::Loopback),
    ([169, 254, 0, 0], 16, Reason::LinkLocal),
    ([172, 16, 0, 0], 12, Reason::Private),
    ([192, 0, 0, 0], 24, Reason::Reserved),
    ([192, 0, 2, 0], 24, Reason::Documentation),
    ([192, 31, 196, 0], 24, Reason::Reserved),
    ([192, 52, 193, 0], 24, Reason::Reserved),
    ([192, 88, 99, 0], 24, Reason::Reserved),
    ([192, 168, 0, 0], 16, Reason::Private),
    ([192, 175, 48, 0], 24, Reason::Reserved),
    ([198, 18, 0, 0], 15, Reason::Reserved),
    ([198, 51, 100, 0], 24, Reason::Documentation),
    ([203, 0, 113, 0], 24, Reason::Documentation),
    ([224, 0, 0, 0], 4, Reason::Multicast),
    ([255, 255, 255, 255], 32, Reason::Multicast),
    ([240, 0, 0, 0], 4, Reason::Reserved),
    ([168, 63, 129, 16], 32, Reason::Metadata),
];

/// IANA IPv6 special-purpose registry. First match wins.
const SPECIAL_V6: [([u16; 8], u8, Reason); 11] = [
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, Reason::Unspecified),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, Reason::Loopback),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, Reason::Private),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, Reason::LinkLocal),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, Reason::Private),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, Reason::Multicast),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, Reason::Documentation),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Reason::Documentation),
    // Teredo, ORCHID, benchmarks and the other protocol assignments.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, Reason::Reserved),
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, Reason::Reserved),
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, Reason::Reserved),
];

/// Global unicast: all that is assigned to the public internet.
const PUBLIC_V6: ([u16; 8], u8) = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Why an address is not of the public internet, if it is not.
pub(super) fn reason(address: IpAddr) -> Option<Reason> {
    if METADATA.contains(&address) {
        return Some(Reason::Metadata);
    }
    match address {
        IpAddr::V4(address) => reason_v4(address),
        IpAddr::V6(address) => match carried(address) {
            Some(carried) => reason(IpAddr::V4(carried)),
            None => reason_v6(address),
        },
    }
}

fn reason_v4(address: Ipv4Addr) -> Option<Reason> {
    let address = IpAddr::V4(address);
    let listed = SPECIAL_V4
        .iter()
        .find(|(network, prefix, _)| shares((*network).into(), address, *prefix));
    listed.map(|(_, _, reason)| *reason)
}

fn reason_v6(address: Ipv6Addr) -> Option<Reason> {
    let address = IpAddr::V6(address);
    let listed = SPECIAL_V6
        .iter()
        .find(|(network, prefix, _)| shares((*network).into(), address, *prefix));
    let is_public = shares(PUBLIC_V6.0.into(), address, PUBLIC_V6.1);
    listed
        .map(|(_, _, reason)| *reason)
        .or((!is_public).then_some(Reason::Reserved))
}

/// The v4 address inside a v4-mapped, v4-compatible, NAT64 or 6to4 address.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [first, second, third, fourth, fifth, sixth, high, low] = address.segments();
    let pair = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match (first, second, third, fourth, fifth, sixth) {
        (0, 0, 0, 0, 0, 0xffff) | (0, 0, 0, 0, 0xffff, 0) => Some(pair(high, low)),
        (0, 0, 0, 0, 0, 0) if high != 0 => Some(pair(high, low)),
        (0x64, 0xff9b, 0, 0, 0, 0) => Some(pair(high, low)),
        (0x2002, ..) => Some(pair(second, third)),
        _ => None,
    }
}

/// Both addresses are of one family and agree in their first `prefix` bits.
pub(super) fn shares(network: IpAddr, address: IpAddr, prefix: u8) -> bool {
    let apart = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            u128::from(network.to_bits() ^ address.to_bits()) << 96
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => network.to_bits() ^ address.to_bits(),
        _ => return false,
    };
    apart.leading_zeros() >= u32::from(prefix)
}
