//! A network with its keys, made once.

use std::sync::OnceLock;

use crate::random::Random;
use fhe_nn_core::prelude::*;

#[fhe_network(input(shape = [4], bits = 2))]
pub(crate) struct Small {
    #[bits(weights = 2, accumulator = 3, overflow = wrap)]
    fc1: Dense<4, 3>,
    #[bits(output = 2, phases = 2)]
    wave1: Wave,
    #[bits(weights = 2, accumulator = 3, overflow = wrap)]
    fc2: Dense<6, 2>,
    #[bits(output = 2)]
    wave2: Wave,
    #[bits(weights = 2)]
    scores: Dense<2, 2>,
}

/// Number of bytes in a header: magic, kind, version, plan's fingerprint, key's id.
pub(crate) const HEADER: usize = 5 + 1 + 2 + 32 + 16;
pub(crate) const INPUT: [f32; 4] = [0.5, -0.25, 1.0, -1.0];

/// The keys that all tests share, because they take a second to make.
pub(crate) struct Shared {
    pub(crate) network: Small,
    pub(crate) plan: Plan,
    pub(crate) client: ClientKey,
    pub(crate) evaluation: EvaluationKey,
    pub(crate) server: ServerKey,
}

pub(crate) fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let network: Small = Random(1).network();
        let plan = network
            .plan(&PlanOptions::default())
            .expect("parameters exist");
        let client = ClientKey::generate(&plan).expect("the plan was just found");
        let evaluation = client.evaluation_key().expect("the system has randomness");
        let server = ServerKey::new(&evaluation);
        Shared {
            network,
            plan,
            client,
            evaluation,
            server,
        }
    })
}

impl Shared {
    pub(crate) fn request(&self) -> Request {
        self.client.encrypt(&INPUT).expect("finite")
    }

    pub(crate) fn reply(&self) -> Reply {
        self.exchange().1
    }

    /// Makes a request and the reply to it.
    pub(crate) fn exchange(&self) -> (Request, Reply) {
        let request = self.request();
        let reply = self.network.run_encrypted(&self.server, &request);
        let reply = reply.expect("key and request were made for the network");
        (request, reply)
    }
}
