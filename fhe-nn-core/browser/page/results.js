// What comes of an input: the bytes that the server sees, and the answer that it does not see.

import { hex } from "./hash.js";
import { show } from "./scores.js";
import { size } from "./steps.js";

const NOISE = "The first 56 bytes name the network and your key. Without your secret keys, the rest is noise.";

const at = (id) => document.getElementById(id);

/** Takes away what belongs to another input. */
export function clear() {
  at("answer").replaceChildren(small("The answer will be here."));
  at("scores").hidden = true;
  at("seen").width = at("seen").height = 1;
  at("seen").setAttribute("aria-label", "Nothing yet");
  at("seen-text").replaceChildren(small("Nothing yet. The input stays here until it is encrypted."));
  at("seen-details").hidden = true;
  at("proof").hidden = true;
}

/** Shows the bytes that the server gets: each is a square of a picture, as many in a row as make it a square. */
export function showRequest(request) {
  const canvas = at("seen");
  canvas.width = Math.ceil(Math.sqrt(request.length));
  canvas.height = Math.ceil(request.length / canvas.width);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  request.forEach((byte, index) => image.data.set([byte, byte, byte, 255], 4 * index));
  context.putImageData(image, 0, 0);
  canvas.setAttribute("aria-label", `${size(request.length)} that look like noise`);
  at("seen-text").textContent = `${size(request.length)}, each a square. ${NOISE}`;
  at("seen-bytes").textContent = hex(request.subarray(0, 192));
  at("seen-details").hidden = false;
}

/** Shows how much the server got and sent. */
export function showReply(request, reply) {
  at("seen-text").textContent = `The server got ${size(request.length)} and sent ${size(reply.length)} back. ${NOISE}`;
}

/** Shows what was decrypted of a network, and returns the answer as a sentence. */
export function showAnswer(reals, greatest, { names, drawable }) {
  const answer = sentence(reals, names[greatest], drawable);
  at("answer").textContent = answer;
  if (reals.length > 1) show(at("scores"), reals, greatest, names);
  at("answer").closest("section").scrollIntoView({ block: "nearest" });
  return answer;
}

/** Offers a receipt as a file, with what it is about, and says how it is checked. */
export function showProof(receipt, request, reply, identity) {
  for (const [what, content] of Object.entries({ receipt, requests: request, replies: reply })) {
    const link = at(`proof-${what}`);
    if (link.href) URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
  }
  at("proof-command").textContent =
    `fhe-nn verify receipt.json --requests requests --replies replies --server-key ${identity}`;
  at("proof").hidden = false;
}

function sentence(reals, name, isDigit) {
  if (reals.length === 1) return `The output is ${reals[0].toFixed(3)}.`;
  if (!isDigit) return `The greatest output is ${name}.`;
  return `It is ${name === "8" ? "an" : "a"} ${name}.`;
}

function small(text) {
  const element = document.createElement("small");
  element.textContent = text;
  return element;
}
