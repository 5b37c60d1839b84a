//! Lists of addresses and networks.

use ipnet::{IpNet, Ipv4Net};
use std::net::IpAddr;
use std::str::FromStr;

/// Addresses and networks; an address is the network of it alone. IPv4 ones that were written as
/// IPv6 are IPv4 ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// Why a text is no list of networks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetworks {
    /// One is neither an address nor a network.
    #[error(
        "must be addresses or networks such as `10.0.0.0/8`, separated by commas, but one is `{0}`"
    )]
    NotANetwork(String),
    /// One is all there is.
    #[error("`{0}` would be everybody")]
    Everybody(String),
}

impl Networks {
    /// Whether one of them has this address in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Networks {
    type Err = InvalidNetworks;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let items = text.split(',').map(str::trim);
        items
            .filter(|item| !item.is_empty())
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn parse(text: &str) -> Result<IpNet, InvalidNetworks> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => text.parse::<IpNet>().ok(),
    };
    let network = network.ok_or_else(|| InvalidNetworks::NotANetwork(text.to_owned()))?;
    let network = unmapped(network);
    if network.prefix_len() == 0 {
        Err(InvalidNetworks::Everybody(text.to_owned()))
    } else {
        Ok(network.trunc())
    }
}

fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(six) = network else {
        return network;
    };
    let prefix = six.prefix_len().checked_sub(96);
    let four = six.addr().to_ipv4_mapped().zip(prefix);
    four.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok())
        .map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Networks {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_and_networks_are_found() {
        let some = networks("10.1.2.3/8, 192.0.2.7,,2001:db8::/32,::ffff:198.51.100.0/120");
        for inside in [
            "10.255.0.1",
            "192.0.2.7",
            "::ffff:192.0.2.7",
            "2001:db8:ffff::1",
            "198.51.100.9",
        ] {
            assert!(some.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "2001:db9::1", "::1", "::192.0.2.7"] {
            assert!(!some.contains(outside.parse().unwrap()), "{outside}");
        }
        assert!(networks("").is_empty() && networks(" , ").is_empty());
        assert!(!networks("").contains("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_told() {
        for text in [
            "localhost",
            "10.0.0.0/33",
            "10.0.0",
            "10.0.0.1:80",
            "[::1]",
            "*",
        ] {
            let said = text.parse::<Networks>().unwrap_err().to_string();
            assert!(said.ends_with(&format!("one is `{text}`")), "{said}");
        }
        for text in ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"] {
            let said = text.parse::<Networks>().unwrap_err().to_string();
            assert_eq!(said, format!("`{text}` would be everybody"));
        }
    }
}
