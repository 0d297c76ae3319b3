#!/usr/bin/env bash
# async-nats 0.51 makes no key-value bucket on a NATS server of Debian 12.
#
# What one would guess: `create_key_value` sends one request that makes the stream behind the bucket, which servers have
#   known since 2.6, so it works on any server with JetStream.
# What is true: it first asks for the account's limits, and gives up because the answer of the server 2.9.10 does not
#   have the form of its type ("data did not match any variant"). Streams and object stores are made without the question
#   and work; so does a bucket whose stream was made by hand.
# Since when: 0.51.0 is the version that was looked at; the question serves limits that newer servers have.
# Why it matters: Debian 12 ships nats-server 2.9.10. A program that makes its buckets by the library fails on it at the
#   first start, and works as soon as any newer server, or `nats kv add`, has made them.
#
# Needs cargo and Debian's packages. The server runs from a temporary folder.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

apt-get download -qq nats-server=2.9.10-1+b3 2>/dev/null
dpkg -x nats-server_*.deb server
server/usr/sbin/nats-server --version
server/usr/sbin/nats-server -js -sd data -a 127.0.0.1 -p 42229 >server.log 2>&1 &
server=$!

cargo new --quiet --vcs none probe 2>/dev/null
cd probe
cargo add --quiet async-nats@=0.51.0 --no-default-features --features jetstream,kv,nkeys,nuid,object-store,ring 2>/dev/null
cargo add --quiet tokio@=1.54.1 --features macros,rt-multi-thread,time 2>/dev/null
cat >src/main.rs <<'RUST'
use async_nats::jetstream::{self, kv, object_store, stream};

fn told<T, E: std::error::Error>(what: &str, made: Result<T, E>) {
    match made {
        Ok(_) => println!("{what}: made"),
        Err(error) => {
            let mut last: &dyn std::error::Error = &error;
            while let Some(cause) = last.source() {
                last = cause;
            }
            println!("{what}: {last}");
        }
    }
}

#[tokio::main]
async fn main() {
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let client = async_nats::connect("127.0.0.1:42229").await.expect("the server runs");
    let context = jetstream::new(client);
    let stream = stream::Config { name: "stream".into(), subjects: vec!["s.>".into()], ..Default::default() };
    told("a stream", context.create_stream(stream).await);
    let objects = object_store::Config { bucket: "objects".into(), num_replicas: 1, ..Default::default() };
    told("an object store", context.create_object_store(objects).await);
    let bucket = kv::Config { bucket: "bucket".into(), ..Default::default() };
    told("a bucket", context.create_key_value(bucket).await);
    let by_hand = stream::Config {
        name: "KV_hand".into(),
        subjects: vec!["$KV.hand.>".into()],
        max_messages_per_subject: 1,
        allow_rollup: true,
        deny_delete: true,
        num_replicas: 1,
        ..Default::default()
    };
    told("a bucket's stream by hand", context.create_stream(by_hand).await);
    told("the bucket of it", context.get_key_value("hand").await);
}
RUST
out=$(cargo run --quiet 2>&1)
echo "$out"
for line in "a stream: made" "an object store: made" "a bucket's stream by hand: made" "the bucket of it: made"; do
    grep -qx "$line" <<<"$out" || { echo "this has changed: $line" >&2; exit 1; }
done
grep -q "^a bucket: .*data did not match any variant" <<<"$out" || { echo "this has changed: a bucket is refused" >&2; exit 1; }
