//! Which addresses a call may reach.
//!
//! The guard is the resolver of the HTTP client: a name is resolved once, every address it has must
//! be allowed, and those addresses are the ones connected to, so a second answer cannot rebind. A
//! literal address never meets a resolver, so `check_url` looks at it first. What is not listed as
//! reachable in `special` is refused.

mod special;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use futures::future::BoxFuture;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

pub use self::special::Reason;

/// What an operator opens. Nothing in a template can.
#[derive(Clone, Debug, Default)]
pub struct EgressRules {
    /// Loopback, private and shared address ranges may be reached. Metadata addresses may not.
    pub allow_private: bool,
    /// Hosts and networks that may be reached whatever they are.
    pub allow: Vec<Allowed>,
}

/// One opened target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A host name, whatever it resolves to.
    Host(String),
    /// All addresses that share the first `prefix` bits.
    Network {
        /// Any address of the network.
        address: IpAddr,
        /// How many bits count.
        prefix: u8,
    },
}

/// The text of an `Allowed` is neither a network nor a host name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is neither a network such as 10.1.0.0/16 nor a host name")]
pub struct AllowedError(String);

impl FromStr for Allowed {
    type Err = AllowedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = text
            .split_once('/')
            .map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let refused = || AllowedError(text.to_owned());
        match (address.parse::<IpAddr>(), prefix) {
            (Ok(address), None) => Ok(Self::Network {
                address,
                prefix: width(address),
            }),
            (Ok(address), Some(prefix)) => match prefix.parse::<u8>() {
                Ok(prefix) if prefix <= width(address) => Ok(Self::Network { address, prefix }),
                _ => Err(refused()),
            },
            (Err(_), None) if is_host_name(text) => Ok(Self::Host(text.to_ascii_lowercase())),
            (Err(_), _) => Err(refused()),
        }
    }
}

impl Allowed {
    fn opens(&self, host: &str, address: IpAddr) -> bool {
        match self {
            Self::Host(name) => name == host,
            Self::Network {
                address: network,
                prefix,
            } => special::shares(*network, address, *prefix),
        }
    }
}

/// Why a target was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// As the URL names it.
    pub host: String,
    /// The address that is not allowed, if it came to addresses.
    pub address: Option<IpAddr>,
    /// What is wrong with it.
    pub reason: Reason,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(
                out,
                "`{}` is out of reach: {address} is {}",
                self.host,
                self.reason.text()
            ),
            None => write!(
                out,
                "`{}` is out of reach: {}",
                self.host,
                self.reason.text()
            ),
        }
    }
}

impl Refusal {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        self.reason.code()
    }

    /// May be different next time: the name did not resolve.
    pub fn is_passing(&self) -> bool {
        self.reason == Reason::Unresolved
    }
}

/// How names become addresses.
pub trait Lookup: Send + Sync + 'static {
    /// All addresses of `host`.
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The guard.
#[derive(Clone)]
pub struct Egress {
    rules: Arc<EgressRules>,
    lookup: Arc<dyn Lookup>,
}

impl Egress {
    /// A guard with these rules.
    pub fn new(rules: EgressRules, lookup: Arc<dyn Lookup>) -> Self {
        Self {
            rules: Arc::new(rules),
            lookup,
        }
    }

    /// Refuses what can be refused before any name is resolved.
    pub fn check_url(&self, url: &Url) -> Result<(), Refusal> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let refused = |reason| {
            Err(Refusal {
                host: host.clone(),
                address: None,
                reason,
            })
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refused(Reason::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused(Reason::UserInfo);
        }
        // `host_str` wraps a v6 address in brackets and has normalised every odd spelling.
        let literal = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        match literal {
            Ok(address) => self.check_address(&host, address),
            Err(_) if host.is_empty() => refused(Reason::Host),
            Err(_) => Ok(()),
        }
    }

    /// Refuses an address that is not allowed.
    pub fn check_address(&self, host: &str, address: IpAddr) -> Result<(), Refusal> {
        if self
            .rules
            .allow
            .iter()
            .any(|allowed| allowed.opens(host, address))
        {
            return Ok(());
        }
        match special::reason(address) {
            None => Ok(()),
            Some(reason) if self.rules.allow_private && reason.is_private() => Ok(()),
            Some(reason) => Err(Refusal {
                host: host.to_owned(),
                address: Some(address),
                reason,
            }),
        }
    }

    /// Resolves a name; every address that it has must be allowed.
    async fn resolved(&self, host: String) -> Result<Vec<SocketAddr>, Refusal> {
        let found = self.lookup.lookup(host.clone()).await.unwrap_or_default();
        if found.is_empty() {
            return Err(Refusal {
                host,
                address: None,
                reason: Reason::Unresolved,
            });
        }
        let name = host.trim_end_matches('.');
        found
            .iter()
            .try_for_each(|&address| self.check_address(name, address))?;
        Ok(found
            .into_iter()
            .map(|address| SocketAddr::new(address, 0))
            .collect())
    }
}

impl Resolve for Egress {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let addresses = guard.resolved(host).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_host_name(text: &str) -> bool {
    let fits =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_');
    !text.is_empty()
        && text.len() <= 253
        && text.chars().all(fits)
        && text.chars().any(|c| c.is_ascii_alphabetic())
}
