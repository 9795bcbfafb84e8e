//! The guard: no byte leaves for an address that is not allowed, however it is spelled.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use windlass_workers::egress::{Allowed, Egress, EgressRules, Lookup, Reason, SystemLookup};
use windlass_workers::perform::{PerformerOptions, StepFailure};

use crate::perform::site::{Site, call, context, get, performer, reply};

/// Spellings of addresses that nobody may reach by default. Each is tried on the port of a listener.
const FORBIDDEN: [&str; 75] = [
    "127.0.0.1",
    "127.0.0.2",
    "127.255.255.255",
    "127.1",
    "127.0.1",
    "0",
    "0.0.0.0",
    "0.1.2.3",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0X7F.1",
    "017700000001",
    "0177.0.0.1",
    "0177.1",
    "127.0.0.1.",
    "localhost",
    "LOCALHOST",
    "127%2e0%2e0%2e1",
    "%31%32%37.0.0.1",
    "127。0。0。1",
    "１２７.0.0.1",
    "127．0．0．1",
    "①②⑦.0.0.1",
    "10.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    "3232235521",
    "100.64.0.1",
    "100.127.255.255",
    "100.100.100.200",
    "169.254.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "169.254.170.2",
    "168.63.129.16",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "4294967295",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a00:1]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "[2001:db8::1]",
    "[100::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[5f00::1]",
];

async fn refusal(options: PerformerOptions, url: String) -> StepFailure {
    performer(options)
        .perform(&call(get(url)), &context())
        .await
        .expect_err("refused")
}

/// Connections wait in the listener's queue until accepted: this counts them.
fn accepted(listener: &TcpListener) -> usize {
    listener.set_nonblocking(true).expect("our own socket");
    std::iter::from_fn(|| listener.accept().ok()).count()
}

#[tokio::test]
async fn no_spelling_of_a_forbidden_address_is_connected_to() {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();

    for host in FORBIDDEN {
        let failure = refusal(
            PerformerOptions::default(),
            format!("http://{host}:{port}/"),
        )
        .await;
        let code = failure.fault.code().to_owned();
        // A spelling that no URL can hold never gets as far as the guard.
        assert!(
            ["authorization", "configuration"].contains(&code.as_str()),
            "{host}: {failure:?}"
        );
    }

    assert_eq!(accepted(&listener), 0);
    drop(std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens"));
    assert_eq!(accepted(&listener), 1, "the count is not blind");
}

#[tokio::test]
async fn private_access_is_opened_by_rule_but_never_to_metadata() {
    let open = EgressRules {
        allow_private: true,
        allow: Vec::new(),
    };
    let guard = Egress::new(open, Arc::new(SystemLookup));
    let reason = |host: &str| {
        let url = reqwest::Url::parse(&format!("http://{host}/")).expect("a URL");
        guard.check_url(&url).err().map(|refusal| refusal.reason)
    };

    for host in [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.1.1",
        "100.64.0.1",
        "[::1]",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
    ] {
        assert_eq!(reason(host), None, "{host}");
    }
    for host in [
        "169.254.169.254",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "[::ffff:169.254.169.254]",
        "168.63.129.16",
    ] {
        assert_eq!(reason(host), Some(Reason::Metadata), "{host}");
    }
    for host in ["0.0.0.0", "169.254.1.1", "224.0.0.1", "[fe80::1]", "[::]"] {
        assert!(reason(host).is_some(), "{host}");
    }
}

#[test]
fn every_range_ends_where_the_registry_says() {
    let guard = Egress::new(EgressRules::default(), Arc::new(SystemLookup));
    let is_open = |address: IpAddr| guard.check_address("x", address).is_ok();
    // First and last forbidden address, and whether their neighbours outside are public.
    let ranges = [
        ("10.0.0.0", "10.255.255.255"),
        ("100.64.0.0", "100.127.255.255"),
        ("127.0.0.0", "127.255.255.255"),
        ("169.254.0.0", "169.254.255.255"),
        ("172.16.0.0", "172.31.255.255"),
        ("192.0.0.0", "192.0.0.255"),
        ("192.0.2.0", "192.0.2.255"),
        ("192.88.99.0", "192.88.99.255"),
        ("192.168.0.0", "192.168.255.255"),
        ("198.18.0.0", "198.19.255.255"),
        ("198.51.100.0", "198.51.100.255"),
        ("203.0.113.0", "203.0.113.255"),
    ];
    for (first, last) in ranges {
        let bits = |text: &str| u32::from(text.parse::<std::net::Ipv4Addr>().expect("an address"));
        let at = |bits: u32| is_open(IpAddr::V4(bits.into()));
        assert!(
            at(bits(first) - 1) && !at(bits(first)) && !at(bits(first) + 1),
            "{first}"
        );
        assert!(
            at(bits(last) + 1) && !at(bits(last)) && !at(bits(last) - 1),
            "{last}"
        );
    }
    let public = [
        "1.1.1.1",
        "8.8.8.8",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00::1",
        "64:ff9b::808:808",
        "2002:808:808::",
    ];
    assert!(
        public
            .iter()
            .all(|text| is_open(text.parse().expect("an address")))
    );
}

#[tokio::test]
async fn schemes_and_user_names_are_refused() {
    for (url, code) in [
        ("ftp://example.com/", "egress.scheme"),
        ("file:///etc/passwd", "egress.scheme"),
        ("gopher://127.0.0.1/", "egress.scheme"),
        ("http://user@example.com/", "egress.user_info"),
        ("http://example.com:80@127.0.0.1/", "egress.user_info"),
    ] {
        let failure = refusal(PerformerOptions::default(), url.to_owned()).await;
        let told = failure
            .fault
            .detail
            .as_ref()
            .and_then(|detail| detail.get("code"))
            .and_then(|code| code.as_str());
        assert_eq!(told, Some(code), "{url}");
    }
}

/// Gives one prepared answer after the other.
struct Script {
    answers: Mutex<Vec<Vec<&'static str>>>,
    asked: AtomicUsize,
}

impl Script {
    fn of(answers: &[&[&'static str]]) -> Arc<Self> {
        let answers = answers.iter().rev().map(|answer| answer.to_vec()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers),
            asked: AtomicUsize::new(0),
        })
    }
}

impl Lookup for Script {
    fn lookup(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self
            .answers
            .lock()
            .expect("no test panicked in it")
            .pop()
            .unwrap_or_default();
        let addresses = answer
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect();
        Box::pin(async move { Ok(addresses) })
    }
}

/// 127.0.0.2 plays the public internet.
fn scripted(lookup: Arc<Script>) -> PerformerOptions {
    let allow = vec!["127.0.0.2/32".parse::<Allowed>().expect("a network")];
    let egress = EgressRules {
        allow_private: false,
        allow,
    };
    PerformerOptions {
        egress,
        lookup,
        ..PerformerOptions::default()
    }
}

async fn closing_site() -> Site {
    Site::start(
        "127.0.0.2:0",
        Arc::new(|_| {
            let mut response = reply(200, "text/plain", "public");
            // The next request needs a new connection, so the name is asked again.
            response
                .headers_mut()
                .insert("connection", "close".parse().expect("text"));
            Box::pin(std::future::ready(response))
        }),
    )
    .await
}

#[tokio::test]
async fn a_name_is_resolved_once_and_a_rebound_one_is_refused() {
    let site = closing_site().await;
    let url = format!("http://rebinding.example:{}/", site.address.port());
    let script = Script::of(&[&["127.0.0.2"], &["127.0.0.1"]]);
    let performer = performer(scripted(script.clone()));

    let first = performer.perform(&call(get(url.clone())), &context()).await;
    let asked = script.asked.load(Ordering::SeqCst);
    let second = performer.perform(&call(get(url)), &context()).await;

    assert_eq!(
        (first.expect("allowed").as_str(), asked),
        (Some("public"), 1)
    );
    assert_eq!(second.expect_err("rebound").fault.code(), "authorization");
    assert_eq!(site.seen().len(), 1);
}

#[tokio::test]
async fn one_forbidden_address_among_several_is_enough() {
    let site = closing_site().await;
    let url = format!("http://mixed.example:{}/", site.address.port());

    let failure = refusal(
        scripted(Script::of(&[&["127.0.0.2", "10.0.0.1"]])),
        url.clone(),
    )
    .await;
    let unresolved = refusal(scripted(Script::of(&[&[]])), url).await;

    assert_eq!(failure.fault.code(), "authorization");
    assert_eq!(
        (unresolved.fault.code(), unresolved.fault.status),
        ("communication", 500)
    );
    assert!(site.seen().is_empty());
}

#[test]
fn rules_are_networks_or_host_names() {
    assert_eq!(
        "intra.example".parse::<Allowed>().expect("a host"),
        Allowed::Host("intra.example".to_owned())
    );
    assert!("10.0.0.0/8".parse::<Allowed>().is_ok() && "::1".parse::<Allowed>().is_ok());
    for text in [
        "",
        "10.0.0.0/33",
        "10.0.0/8",
        "a b",
        "http://x",
        "10",
        "::/129",
    ] {
        assert!(text.parse::<Allowed>().is_err(), "{text:?}");
    }
}
