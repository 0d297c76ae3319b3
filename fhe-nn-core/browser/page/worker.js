// The worker that holds the secret keys: it makes them, keeps them in the vault, encrypts and decrypts. Secrets never
// leave it. `keys.js` is what the page sees of it.

import init, { Network } from "./fhe_nn_browser.js";
import { sha256 } from "./hash.js";
import { Vault } from "./vault.js";

const ready = Promise.all([init(), Vault.open()]).then(([, vault]) => vault);
let network = null;
let key = null;
let asked = null;

const calls = {
  /** Reads a description, and opens the keys that are kept for it. Returns what it says and what is kept. */
  async open(vault, description) {
    for (const object of [asked, key, network]) object?.free();
    [network, key, asked] = [new Network(description), null, null];
    const facts = JSON.parse(network.facts());
    // keys that cannot be opened any more are made anew
    const kept = await opened(vault, facts.fingerprint).catch(() => null);
    return { facts, ranges: network.ranges(), kept };
  },

  /** Makes an evaluation key, and secret keys before if there are none, and keeps the secret. */
  async make(vault, _, progress) {
    key ??= network.generate();
    const evaluation = key.evaluation_key(progress);
    const facts = JSON.parse(network.facts());
    const entry = {
      plan: facts.fingerprint,
      network: facts.name,
      evaluation: await sha256(evaluation),
      made: new Date(),
    };
    const secret = key.to_bytes();
    await vault.keep(entry, secret);
    secret.fill(0);
    return { kept: entry, evaluation };
  },

  /** Encrypts an input. */
  async encrypt(_, input) {
    asked?.free();
    asked = key.encrypt(input);
    return { request: asked.bytes, clamped: asked.clamped };
  },

  /** Decrypts the reply to what was encrypted last. */
  async decrypt(_, reply) {
    const outputs = key.decrypt(asked, reply);
    const { reals, greatest } = outputs;
    outputs.free();
    return { reals, greatest };
  },

  /** Forgets all keys, and returns the hashes of their evaluation keys. */
  async forget(vault) {
    const entries = await vault.entries();
    await vault.forget();
    for (const object of [asked, key]) object?.free();
    [asked, key] = [null, null];
    return entries.map((entry) => entry.evaluation);
  },
};

/** Opens the keys that are kept for a plan, and returns what is said of them, or null. */
async function opened(vault, plan) {
  const found = await vault.find(plan);
  if (!found) return null;
  key = network.open(found.secret);
  found.secret.fill(0);
  const { network: name, evaluation, made } = found.entry;
  return { plan, network: name, evaluation, made };
}

// one call after the other, in the order in which they came
let last = Promise.resolve();
onmessage = ({ data: { id, call, argument } }) => {
  last = last.then(async () => {
    try {
      const vault = await ready;
      const result = await calls[call](vault, argument, (done, total) => postMessage({ id, done, total }));
      const moved = Object.values(result).filter((value) => ArrayBuffer.isView(value));
      postMessage({ id, result }, moved.map((view) => view.buffer));
    } catch (error) {
      postMessage({ id, error: error?.message ?? String(error) });
    }
  });
};
