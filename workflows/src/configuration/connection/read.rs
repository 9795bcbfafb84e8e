//! From a document to a typed connection.

use std::time::Duration;

use super::proof::read_auth;
use super::{
    Analyse, AnalyseProfile, Connection, Generate, GenerateProfile, Plain, Price, Provider, Secret,
    channel, source,
};
use crate::configuration::spot::{Fault, Spot, is_name};
use crate::configuration::{header, length};

/// How long a call may take unless the document says otherwise.
const TIMEOUT: Duration = Duration::from_secs(60);

/// So many providers stand in one connection.
const PROVIDERS_MAX: usize = 20;

/// The types of connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::configuration) enum Type {
    Postgres,
    Http,
    Generate,
    Analyse,
    Channel,
}

/// Which type of connection a document is; needed before its keys can be judged.
pub(in crate::configuration) fn read_type(document: &Spot<'_>) -> Option<Type> {
    let types = [
        ("postgres", Type::Postgres),
        ("http", Type::Http),
        ("generate", Type::Generate),
        ("analyse", Type::Analyse),
        ("channel", Type::Channel),
    ];
    document.need("type")?.choice(&types)
}

pub(in crate::configuration) fn read(document: &Spot<'_>, kind: Type) -> Option<Connection> {
    match kind {
        Type::Postgres => source::read_database(document).map(Connection::Postgres),
        Type::Http => source::read_service(document).map(Connection::Http),
        Type::Generate => read_generate(document).map(Connection::Generate),
        Type::Analyse => read_analyse(document).map(Connection::Analyse),
        Type::Channel => channel::read(document).map(Connection::Channel),
    }
}

fn read_generate(document: &Spot<'_>) -> Option<Generate> {
    let header = header::read(document);
    let providers = document
        .need("providers")
        .and_then(|providers| providers.each(PROVIDERS_MAX, read_provider));
    let names: Option<Vec<String>> = providers
        .as_ref()
        .map(|list| list.iter().map(|provider| provider.name.clone()).collect());
    let profiles = document
        .need("profiles")
        .and_then(|profiles| read_profiles(&profiles, |spot| read_profile(spot, names.as_deref())));
    Some(Generate {
        header: header?,
        providers: providers?,
        profiles: profiles?,
    })
}

fn read_analyse(document: &Spot<'_>) -> Option<Analyse> {
    let header = header::read(document);
    let base_url = document.need("base_url").and_then(|url| read_plain(&url));
    let proof = read_auth(document);
    let timeout = read_timeout(document, "timeout", TIMEOUT);
    let profiles = document.need("profiles").and_then(|profiles| {
        read_profiles(&profiles, |spot| {
            read_analysis(spot, timeout.unwrap_or(TIMEOUT))
        })
    });
    Some(Analyse {
        header: header?,
        base_url: base_url?,
        proof: proof?,
        profiles: profiles?,
    })
}

fn read_profiles<'a, T>(
    spot: &Spot<'a>,
    one: impl Fn(&Spot<'a>) -> Option<T>,
) -> Option<Vec<(String, T)>> {
    let read: Vec<Option<(String, T)>> = spot
        .members()?
        .into_iter()
        .map(|(name, profile)| {
            if !is_name(name) {
                return profile.refuse(Fault::new(format!("`{name}` is no name of a profile")));
            }
            Some((name.to_owned(), one(profile.object()?)?))
        })
        .collect();
    read.into_iter().collect()
}

fn read_provider(spot: &Spot<'_>) -> Option<Provider> {
    let provider = spot.object()?;
    let name = provider.need("name").and_then(|name| name.name());
    if let Some(protocol) = provider.get("protocol") {
        protocol.choice(&[("openai", ())])?;
    }
    let base_url = provider.need("base_url").and_then(|url| read_plain(&url));
    let api_key = provider.get("api_key").and_then(|key| read_secret(&key));
    let model = provider.need("model").and_then(|model| read_plain(&model));
    let price = provider
        .get("price")
        .and_then(|price| read_price(price.object()?));
    Some(Provider {
        name: name?.to_owned(),
        base_url: base_url?,
        api_key,
        model: model?,
        timeout: read_timeout(provider, "timeout", TIMEOUT)?,
        price,
    })
}

fn read_price(price: &Spot<'_>) -> Option<Price> {
    let amount = |key: &str| price.need(key)?.number(0.0, f64::MAX);
    let (input, output) = (amount("input_per_million"), amount("output_per_million"));
    let currency = price.need("currency")?;
    let code = currency.text()?;
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return currency.refuse(Fault::new(format!("`{code}` is no currency")).hint("such as USD"));
    }
    Some(Price {
        input_per_million: input?,
        output_per_million: output?,
        currency: code.to_owned(),
    })
}

fn read_profile(profile: &Spot<'_>, providers: Option<&[String]>) -> Option<GenerateProfile> {
    let known = |spot: &Spot<'_>| {
        let name = spot.name()?;
        match providers {
            Some(list) if !list.iter().any(|one| one == name) => {
                spot.refuse(Fault::new(format!("no provider here is named `{name}`")))
            }
            _ => Some(name.to_owned()),
        }
    };
    let tokens = profile
        .get("max_tokens")
        .and_then(|tokens| tokens.integer(1, i64::from(u32::MAX)));
    Some(GenerateProfile {
        system: profile
            .get("system")
            .and_then(|text| Some(text.text()?.to_owned())),
        max_tokens: tokens.and_then(|tokens| u32::try_from(tokens).ok()),
        temperature: profile
            .get("temperature")
            .and_then(|number| number.number(0.0, 2.0)),
        providers: match profile.get("providers") {
            Some(list) => list.each(PROVIDERS_MAX, known)?,
            None => Vec::new(),
        },
    })
}

fn read_analysis(profile: &Spot<'_>, timeout: Duration) -> Option<AnalyseProfile> {
    let path = profile.need("path")?;
    let text = path.text()?;
    if !text.starts_with('/') {
        return path.refuse(Fault::new("a path begins with `/`"));
    }
    Some(AnalyseProfile {
        path: text.to_owned(),
        timeout: read_timeout(profile, "timeout", timeout)?,
    })
}

pub(super) fn read_timeout(section: &Spot<'_>, key: &str, default: Duration) -> Option<Duration> {
    match section.get(key) {
        Some(timeout) => timeout.parsed(length::parse),
        None => Some(default),
    }
}

pub(super) fn read_plain(spot: &Spot<'_>) -> Option<Plain> {
    if spot.tree.as_map().is_none() {
        return Some(Plain::Text(spot.filled()?.to_owned()));
    }
    let env = spot.need("env")?;
    let name = env.text()?;
    let is_variable = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if !is_variable {
        return env.refuse(Fault::new(format!("`{name}` is no environment variable")));
    }
    let default = match spot.get("default") {
        Some(default) => Some(default.text()?.to_owned()),
        None => None,
    };
    Some(Plain::Env {
        name: name.to_owned(),
        default,
    })
}

pub(in crate::configuration) fn read_secret(spot: &Spot<'_>) -> Option<Secret> {
    if spot.tree.as_map().is_none() {
        let fault = Fault::new("a secret stands in no document");
        return spot.refuse(fault.hint("write { secret: name } and give it to the process"));
    }
    let name = spot.need("secret")?.name()?.to_owned();
    let is_optional = match spot.get("optional") {
        Some(optional) => optional.flag()?,
        None => false,
    };
    Some(Secret { name, is_optional })
}
