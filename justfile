# Short names for what people do often; each is one plain command, so `just` itself is optional.

# Everything that a change must pass.
ci:
    .ci/run

# Refresh engine/.sqlx after a statement or a migration has changed.
prepare:
    .ci/prepare

# All tests; they start their own Postgres.
test *arguments:
    cargo test --workspace {{arguments}}

# Format, lint, and the conventions of the house.
tidy:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings
    cargo test -p windlass-engine --test tidy

# The lines of `workflows` that its tests run: 95 % at least.
coverage:
    .ci/coverage

# An empty engine to work with.
dev *arguments:
    cargo run --release -- dev {{arguments}}

# Three batches on real data, then a page to look at.
demo *arguments:
    cargo run --release -- demo {{arguments}}

# Kills, crashes and cuts for an hour, with a line in the ledger.
chaos *arguments:
    cargo run --release -- chaos --minutes 60 --ledger chaos/ledger.ndjson {{arguments}}
