# The targets people and CI use. Only `fix` changes a file of the checkout.

CARGO ?= cargo
# What the tests run with; the demo runs with the default features alone.
FEATURES ?= standfast/full
# `make soak`: how many seeds each random story tries in a loop, and for how many hours it goes on (0: one loop).
STANDFAST_SEEDS ?= 16
HOURS ?= 0

.PHONY: demo test soak verify fix

# The whole story on one machine: two nodes, a load, a kill, a takeover, a cold start, a verdict.
demo:
	$(CARGO) build --release --bin standfast
	target=$${CARGO_TARGET_DIR:-target}; "$$target/release/standfast" demo

# Every test of every crate. Installs what is missing first.
test:
	scripts/setup
	CARGO="$(CARGO)" scripts/test --features $(FEATURES)

# The same stories with many seeds.
soak:
	scripts/setup
	CARGO="$(CARGO)" STANDFAST_SEEDS="$(STANDFAST_SEEDS)" HOURS="$(HOURS)" scripts/soak --features $(FEATURES)

# Proves that a change may go in; changes nothing.
verify:
	$(CARGO) fmt --all --check
	. scripts/compiler; $(CARGO) clippy --workspace --all-targets --all-features -- -D warnings
	$(CARGO) clippy -- -D warnings
	$(CARGO) clippy --no-default-features -- -D warnings
	. scripts/compiler; RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --all-features
	. scripts/compiler; $(CARGO) test --test arrows --features $(FEATURES)
	scripts/deny

# Brings a change into form.
fix:
	$(CARGO) fmt --all
	. scripts/compiler; $(CARGO) clippy --workspace --all-targets --all-features --fix --allow-dirty --allow-staged
