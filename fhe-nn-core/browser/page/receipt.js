// Receipts: what a server signs about an inference, checked by the Ed25519 key of its description.

import { hex, sha256, unhex } from "./hash.js";

const VERSION = 1;
const HASHES = ["model", "plan", "evaluation_key", "requests", "replies"];

/**
 * Checks that a receipt is signed with a key and is about these things: an object with `model`, `plan` and
 * `evaluation_key` as hexadecimal digits, and `requests` and `replies` as bytes. Throws an error if it is not. Returns
 * whether this browser can check signatures.
 */
export async function check(text, identity, { requests, replies, ...hashes }) {
  const receipt = parsed(text);
  if (receipt.version !== VERSION) throw new Error(`The receipt has version ${receipt.version}, this page reads ${VERSION}.`);
  const actual = { ...hashes, requests: await sha256(requests), replies: await sha256(replies) };
  for (const what of HASHES) {
    if (receipt[what] !== actual[what]) throw new Error(`The receipt has another hash of the ${what.replace("_", " ")}.`);
  }
  const key = await publicKey(identity);
  if (key === null) return false;
  const number = (await sha256(unhex(identity))).slice(0, 16);
  if (receipt.key !== number) throw new Error("The receipt is signed with another key than the description's.");
  const signed = await crypto.subtle.verify("Ed25519", key, unhex(receipt.signature), bytes(receipt));
  if (!signed) throw new Error("The signature of the receipt is not the server's.");
  return true;
}

function parsed(text) {
  let receipt = null;
  try {
    receipt = JSON.parse(text);
  } catch {
    // no JSON is no receipt
  }
  if (receipt === null || typeof receipt !== "object") throw new Error("The receipt of the server cannot be read.");
  const digits = { key: 16, signature: 128, ...Object.fromEntries(HASHES.map((what) => [what, 64])) };
  for (const [what, length] of Object.entries(digits)) {
    const value = receipt[what];
    if (typeof value !== "string" || value.length !== length || /[^0-9a-f]/.test(value)) {
      throw new Error(`The receipt has no ${what.replace("_", " ")}.`);
    }
  }
  if (Number.isNaN(Date.parse(receipt.time))) throw new Error("The receipt has no time.");
  return receipt;
}

/** Returns the public key, or null if this browser has no Ed25519. */
async function publicKey(identity) {
  try {
    return await crypto.subtle.importKey("raw", unhex(identity), "Ed25519", false, ["verify"]);
  } catch (error) {
    if (error.name === "NotSupportedError") return null;
    throw new Error("The server's public key is not one.");
  }
}

/** Returns the bytes that are signed. */
function bytes(receipt) {
  const seconds = BigInt(Math.floor(Date.parse(receipt.time) / 1000));
  const numbers = new DataView(new ArrayBuffer(18));
  numbers.setUint16(0, VERSION, true);
  numbers.setBigUint64(10, seconds, true);
  new Uint8Array(numbers.buffer).set(unhex(receipt.key), 2);
  const hashes = HASHES.map((what) => receipt[what]).join("");
  const tag = hex(new TextEncoder().encode("fhe-nn receipt"));
  return unhex(tag + hex(new Uint8Array(numbers.buffer)) + hashes);
}
