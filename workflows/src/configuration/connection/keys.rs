//! The keys of connections.

use crate::configuration::spec::{Field, Spec, each, field, named, section};

const HEAD: [Field; 7] = [
    field("windlass"),
    field("kind"),
    field("name"),
    field("title"),
    field("description"),
    field("labels"),
    field("type"),
];

pub(in crate::configuration) const POSTGRES: Spec = Spec {
    fields: &{
        let [a, b, c, d, e, f, g] = HEAD;
        [
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            section("url", &SECRET),
            field("max_connections").or("2"),
            field("statement_timeout").or("\"5m\""),
        ]
    },
    later: &[],
};

pub(in crate::configuration) const HTTP: Spec = Spec {
    fields: &{
        let [a, b, c, d, e, f, g] = HEAD;
        [
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            section("base_url", &ENV),
            section("auth", &AUTH),
            field("timeout").or("\"30s\""),
            field("rate"),
        ]
    },
    later: &["limit"],
};

pub(in crate::configuration) const GENERATE: Spec = Spec {
    fields: &{
        let [a, b, c, d, e, f, g] = HEAD;
        [
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            each("providers", &PROVIDER),
            named("profiles", &PROFILE),
        ]
    },
    later: &[],
};

pub(in crate::configuration) const ANALYSE: Spec = Spec {
    fields: &{
        let [a, b, c, d, e, f, g] = HEAD;
        [
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            section("base_url", &ENV),
            section("auth", &AUTH),
            field("timeout").or("\"60s\""),
            named("profiles", &ANALYSIS),
        ]
    },
    later: &["limit"],
};

pub(in crate::configuration) const CHANNEL: Spec = Spec {
    fields: &{
        let [a, b, c, d, e, f, g] = HEAD;
        [
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            field("protocol"),
            section("url", &ADDRESS),
            field("handler"),
            section("auth", &AUTH),
            field("rate"),
            named("messages", &MESSAGE),
        ]
    },
    later: &["server", "signing_key", "from", "limit"],
};

const ADDRESS: Spec = Spec {
    fields: &[
        field("env"),
        field("default"),
        field("secret"),
        field("optional").or("false"),
    ],
    later: &[],
};

const MESSAGE: Spec = Spec {
    fields: &[field("subject"), field("text"), field("html")],
    later: &[],
};

const PROVIDER: Spec = Spec {
    fields: &[
        field("name"),
        field("protocol").or("\"openai\""),
        section("base_url", &ENV),
        section("api_key", &SECRET),
        section("model", &ENV),
        field("timeout").or("\"60s\""),
        section("price", &PRICE),
    ],
    later: &["limit"],
};

const PROFILE: Spec = Spec {
    fields: &[
        field("system"),
        field("max_tokens"),
        field("temperature"),
        field("providers"),
    ],
    later: &[],
};

const ANALYSIS: Spec = Spec {
    fields: &[field("path"), field("timeout")],
    later: &[],
};

const AUTH: Spec = Spec {
    fields: &[
        section("bearer", &SECRET),
        section("basic", &BASIC),
        section("header", &LINE),
    ],
    later: &[],
};

const BASIC: Spec = Spec {
    fields: &[section("username", &ENV), section("password", &SECRET)],
    later: &[],
};

const LINE: Spec = Spec {
    fields: &[field("name"), section("value", &SECRET)],
    later: &[],
};

const ENV: Spec = Spec {
    fields: &[field("env"), field("default")],
    later: &[],
};

const SECRET: Spec = Spec {
    fields: &[field("secret"), field("optional").or("false")],
    later: &[],
};

const PRICE: Spec = Spec {
    fields: &[
        field("input_per_million"),
        field("output_per_million"),
        field("currency"),
    ],
    later: &[],
};
