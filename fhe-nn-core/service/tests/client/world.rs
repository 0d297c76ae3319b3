//! A small network and a key for it, made once for all tests.

use std::sync::OnceLock;

use fhe_nn_core::ndarray::{self, Array2, ArrayView2};
use fhe_nn_core::prelude::*;
use fhe_nn_service::Upload;
use zeroize::Zeroizing;

include!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../src/guide/majority.rs"
));

/// A small network, a plan, and a key.
pub(crate) struct World {
    network: Majority,
    pub(crate) plan: Plan,
    key: Zeroizing<Vec<u8>>,
    pub(crate) upload: Upload,
    server: ServerKey,
}

impl World {
    pub(crate) fn get() -> &'static World {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(|| World::new().expect("the network can be planned"))
    }

    fn new() -> Result<Self, fhe_nn_core::Error> {
        let network = Majority::quantize(&floats()?, samples().view())?.network;
        let plan = network.plan(&PlanOptions::default())?;
        let key = ClientKey::generate(&plan)?;
        let evaluation = key.evaluation_key()?;
        Ok(World {
            network,
            key: key.to_unprotected_bytes(),
            upload: Upload::of(&evaluation),
            server: ServerKey::new(&evaluation),
            plan,
        })
    }

    pub(crate) fn key(&self) -> ClientKey {
        ClientKey::from_unprotected_bytes(&self.key).expect("it is a key")
    }

    /// All inputs of the network.
    pub(crate) fn rows() -> Array2<f32> {
        Array2::from_shape_fn((8, 3), |(row, bit)| f32::from(row >> bit & 1 == 1))
    }

    pub(crate) fn clear(&self, rows: ArrayView2<'_, f32>) -> Vec<Scores> {
        self.network.run_batch(rows).expect("they are inputs")
    }

    /// Answers requests as they travel, as a server does.
    pub(crate) fn replies(&self, mut requests: &[u8]) -> Vec<u8> {
        let mut replies = Vec::new();
        while let Some(request) =
            Request::read(&mut requests, &self.plan).expect("they are requests")
        {
            let reply = self.network.run_encrypted(&self.server, &request);
            replies.extend(reply.expect("it is under this key").to_bytes());
        }
        replies
    }
}
