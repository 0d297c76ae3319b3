//! Calls a service as clients do, and as nobody should.

#[path = "../../examples/soak/http.rs"]
mod http;

mod abuse;
mod calls;
mod crash;
mod fixture;
mod full;
mod overload;
mod tenants;
mod tls;
