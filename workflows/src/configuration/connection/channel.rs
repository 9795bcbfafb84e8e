//! Channels: where messages leave, and the texts that they carry.

use super::proof::read_auth;
use super::read::{read_plain, read_secret};
use super::{Message, Plain, Proof, Secret};
use crate::configuration::limit::per_second;
use crate::configuration::spot::{Fault, Spot, is_name};
use crate::configuration::{Header, header};
use crate::document::step::FunctionName;

/// Where messages leave.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Name, title, description, labels.
    pub header: Header,
    /// How they leave.
    pub way: Way,
    /// How a request proves who sends it.
    pub proof: Option<Proof>,
    /// Messages a second.
    pub rate: Option<f64>,
    /// Texts by name; a channel without any leaves them to whoever takes the message.
    pub messages: Vec<(String, Message)>,
}

/// How messages leave.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// A POST of all that is known of the message.
    Webhook(Address),
    /// A POST of its text alone, as the incoming webhooks of chat programs take it.
    Chat(Address),
    /// A handler is called with what a webhook is sent.
    Handler(FunctionName),
}

/// A URL, which may itself be the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// As written, or from the environment.
    Plain(Plain),
    /// All of it is a secret.
    Secret(Secret),
}

impl Channel {
    /// The message of that name.
    pub fn message(&self, name: &str) -> Option<&Message> {
        let found = self.messages.iter().find(|(known, _)| known == name);
        found.map(|(_, message)| message)
    }
}

#[derive(Clone, Copy)]
enum Protocol {
    Webhook,
    Chat,
    Handler,
}

pub(super) fn read(document: &Spot<'_>) -> Option<Channel> {
    let header = header::read(document);
    let way = read_way(document);
    let proof = read_auth(document);
    let rate = document.get("rate").map(|rate| rate.parsed(per_second));
    let messages = document.get("messages").map(|spot| read_messages(&spot));
    let way = way?;
    if let (Way::Chat(_), None) = (&way, &messages) {
        let fault = Fault::new("`messages` is missing").hint("a chat is sent nothing but a text");
        document.report("configuration.missing_key", fault);
        return None;
    }
    Some(Channel {
        header: header?,
        way,
        proof: proof?,
        rate: rate.map_or(Some(None), |read| read.map(Some))?,
        messages: messages.unwrap_or_else(|| Some(Vec::new()))?,
    })
}

fn read_way(document: &Spot<'_>) -> Option<Way> {
    let protocols = [
        ("webhook", Protocol::Webhook),
        ("chat", Protocol::Chat),
        ("handler", Protocol::Handler),
    ];
    let protocol = document
        .need("protocol")?
        .choice_or_later(&protocols, &["smtp"])?;
    let address = || read_address(&document.need("url")?);
    match protocol {
        Protocol::Webhook => address().map(Way::Webhook),
        Protocol::Chat => address().map(Way::Chat),
        Protocol::Handler => read_handler(&document.need("handler")?).map(Way::Handler),
    }
}

pub(in crate::configuration) fn read_address(spot: &Spot<'_>) -> Option<Address> {
    match spot.tree.get("secret") {
        Some(_) => read_secret(spot).map(Address::Secret),
        None => read_plain(spot).map(Address::Plain),
    }
}

/// `name:1.0.0`
fn read_handler(spot: &Spot<'_>) -> Option<FunctionName> {
    let text = spot.text()?;
    let is_version = |version: &str| {
        let parts: Vec<&str> = version.split('.').collect();
        parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok())
    };
    match text.split_once(':') {
        Some((name, version)) if is_name(name) && is_version(version) => Some(FunctionName {
            name: name.to_owned(),
            version: version.to_owned(),
        }),
        _ => spot.refuse(
            Fault::new(format!("`{text}` is no handler")).hint("write handler: 'name:1.0.0'"),
        ),
    }
}

fn read_messages(spot: &Spot<'_>) -> Option<Vec<(String, Message)>> {
    let read = spot.members()?.into_iter().map(|(name, message)| {
        if !is_name(name) {
            return message.refuse(Fault::new(format!("`{name}` is no name of a message")));
        }
        Some((name.to_owned(), read_message(message.object()?)?))
    });
    read.collect::<Vec<_>>().into_iter().collect()
}

fn read_message(message: &Spot<'_>) -> Option<Message> {
    let text = message.need("text").and_then(|text| text.text());
    let part = |key: &str| match message.get(key) {
        Some(part) => part.text().map(|text| Some(text.to_owned())),
        None => Some(None),
    };
    let (subject, html) = (part("subject"), part("html"));
    Some(Message {
        subject: subject?,
        text: text?.to_owned(),
        html: html?,
    })
}
