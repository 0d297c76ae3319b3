// The page: takes an input, has it encrypted, asks the server, and shows what comes of it.

import { image, SIDE } from "./digit.js";
import { Form } from "./form.js";
import { Keys } from "./keys.js";
import { Pad } from "./pad.js";
import { check } from "./receipt.js";
import * as results from "./results.js";
import { Service } from "./service.js";
import { seconds, size, Steps } from "./steps.js";

const at = (id) => document.getElementById(id);
const DIGITS = Array.from("0123456789");

const service = new Service();
const keys = new Keys();
const steps = new Steps(at("steps"));
const pad = new Pad(at("pad"), changed, say);
// the newest version of each model that is served, by its name
let versions = new Map();
// the model that is chosen: `{ name, facts, ranges, kept, names, drawable, form }`, and `unsent`, its evaluation key until
// the server has it
let model = null;
// ends what is being done
let stopper = null;

// what the page begins with

async function start() {
  if (!isSecureContext) {
    throw new Error("Browsers encrypt on secure pages only. Open this one by https, or as http://127.0.0.1 or http://localhost.");
  }
  // of the versions with one name, the newest comes first
  const served = (await service.models()).filter(({ retired }) => !retired);
  versions = new Map(served.reverse().map((version) => [version.name, version]));
  const names = [...versions.keys()].sort();
  if (names.length === 0) throw new Error("The server has no model. Start it as 'fhe-nn serve MODEL'.");
  at("model").replaceChildren(...names.map((name) => new Option(name, name)));
  at("model-choice").hidden = names.length === 1;
  await choose(names[0]);
  at("main").hidden = false;
}

/** Shows a model. */
async function choose(name) {
  const opened = await keys.open(await service.description(versions.get(name)));
  const { facts, ranges } = opened;
  const drawable = readsDigits(facts);
  const names = facts.classes.length > 0 ? facts.classes : Array.from({ length: facts.outputs }, (_, place) => `${place}`);
  const form = new Form(at("values"), facts.inputs, ranges, facts.vocabulary);
  model = { name, ...opened, names, drawable, form };
  at("title").textContent = drawable ? "Draw a digit. The server never sees it." : `Ask ${facts.name}. The server never sees the input.`;
  at("input-kind").hidden = !drawable;
  document.querySelector(`input[name=kind][value=${drawable ? "draw" : "type"}]`).checked = true;
  at("facts").textContent =
    `${facts.name} has ${count(facts.inputs, "input")} and ${count(facts.outputs, "output")}. ` +
    `An answer takes ${count(facts.bootstraps, "table look-up")} under encryption, ` +
    `and is wrong with a probability of at most 2^${Math.ceil(facts.log2_failure)}.`;
  showKind();
  showKeys();
  clearAnswer();
}

function count(number, thing) {
  return `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;
}

/** Whether a network reads MNIST's digits: by the names of its classes, or by its own where they have none. */
function readsDigits({ name, inputs, outputs, vocabulary, classes }) {
  const named = classes.length > 0 ? classes.join() === DIGITS.join() : /digit|mnist/i.test(name);
  return named && vocabulary === null && inputs === SIDE * SIDE && outputs === DIGITS.length;
}

function showKind() {
  const draw = drawn();
  at("draw").hidden = !draw;
  at("values").hidden = draw;
}

function drawn() {
  return document.querySelector("input[name=kind]:checked").value === "draw";
}

function showKeys() {
  const { facts, kept } = model;
  at("keys").textContent = kept
    ? `This browser has kept keys for ${facts.name} since ${kept.made.toLocaleString()}. ` +
      `Their evaluation key begins with ${kept.evaluation.slice(0, 8)}.`
    : `This browser has no keys for ${facts.name} yet. They are made when you ask for the first time: that takes some ` +
      `seconds, and the evaluation key for the server has ${size(facts.evaluation_key_bytes)}.`;
}

// an inference

/** Returns the values of the input that is on the page. */
function input() {
  if (!drawn()) return model.form.values();
  if (pad.strokes.length === 0) throw new Error("Draw a digit first.");
  const { ranges } = model;
  return image(pad.strokes).map((ink, place) => ranges[2 * place] + ink * (ranges[2 * place + 1] - ranges[2 * place]));
}

/** Encrypts the input, asks the server and decrypts the answer. Makes keys before if there are none. */
async function ask() {
  const start = performance.now();
  const values = input();
  clearAnswer();
  const { name, facts } = model;
  const evaluation = await haveKey();

  say("This browser encrypts the input.");
  const note = ({ request, clamped }) =>
    size(request.length) + (clamped > 0 ? `; ${count(clamped, "value")} beyond the network's range, cut to its ends` : "");
  const { request } = await steps.run("encrypt", () => keys.encrypt(values), note);
  results.showRequest(request);

  say("The server computes on encrypted values.");
  const { signal } = stopper;
  const { reply, receipt } = await steps.run(
    "compute",
    () => service.infer(name, evaluation, request, say, signal),
    ({ reply }) => `${size(reply.length)} came back, encrypted as well`,
  );
  results.showReply(request, reply);

  if (facts.server_identity === null) {
    steps.skip("receipt", "this server signs none");
  } else {
    const claims = { model: facts.model, plan: facts.fingerprint, evaluation_key: evaluation, requests: request, replies: reply };
    const checked = async () => {
      if (receipt === null) throw new Error("The server signs receipts, but sent none.");
      return check(receipt, facts.server_identity, claims);
    };
    await steps.run("receipt", checked, (signed) =>
      signed ? "signed by the server" : "its hashes are right; this browser cannot check signatures",
    );
    results.showProof(receipt, request, reply, facts.server_identity);
  }

  const { reals, greatest } = await steps.run("decrypt", () => keys.decrypt(reply));
  const answer = results.showAnswer(reals, greatest, model);
  say(`${answer} All of it took ${seconds(performance.now() - start)}.`);
}

/** Sees to it that the server has an evaluation key of ours, and returns its hash. */
async function haveKey() {
  if (model.kept && (await service.hasKey(model.kept.evaluation))) {
    steps.skip("keys", "they were kept from before");
    steps.skip("send", "the server has it");
    return model.kept.evaluation;
  }
  if (model.unsent) steps.skip("keys", "they are made");
  else await makeKeys();
  const { evaluation } = model.kept;
  say("The evaluation key goes to the server.");
  const sent = (done, total) => showProgress("Sending", done, total);
  const send = () => service.sendKey(evaluation, model.unsent, sent, stopper.signal).finally(hideProgress);
  await steps.run("send", send, () => size(model.unsent.length));
  model.unsent = null;
  return evaluation;
}

/** Makes an evaluation key, and secret keys before if there are none. */
async function makeKeys() {
  const again = model.kept !== null;
  say(
    again
      ? "The server no longer has the evaluation key. This browser makes it again."
      : "This browser makes keys. That takes some seconds, once.",
  );
  const progress = (done, total) => showProgress("Making keys", done, total);
  const make = () => keys.make(progress).finally(hideProgress);
  const { kept, evaluation } = await steps.run("keys", make, () => (again ? "for the same secret keys" : ""));
  Object.assign(model, { kept, unsent: evaluation });
  showKeys();
}

/** Takes away what belongs to another input. */
function clearAnswer() {
  results.clear();
  steps.reset();
}

function changed() {
  if (!stopper) clearAnswer();
}

// what the page says

let told = 0;

function showProgress(what, done, total) {
  at("progress").hidden = false;
  at("progress").value = done / total;
  // a screen reader reads every text, so there are few
  const fifth = Math.floor((5 * done) / total);
  if (fifth !== told && fifth < 5) say(`${what}: ${20 * fifth}%.`);
  told = fifth;
}

function hideProgress() {
  at("progress").removeAttribute("value");
}

function say(text) {
  at("status").textContent = text;
}

const PROBLEMS = {
  "retired-plan": "The server has a new version of this model. Reload the page.",
  unauthorized: "The server answers to a token that it knows, and to nothing else.",
};

function complain(error) {
  at("problem").textContent = PROBLEMS[error.kind] ?? error.message;
  at("problem").hidden = false;
  at("token-form").hidden = error.status !== 401;
}

/** Does something that takes a while, and can be stopped. */
async function during(work) {
  if (stopper) return;
  at("problem").hidden = true;
  stopper = new AbortController();
  busy(true);
  try {
    await work();
  } catch (error) {
    await failed(error).catch(complain);
  } finally {
    stopper = null;
    busy(false);
    if (model) showKeys();
  }
}

async function failed(error) {
  if (!stopper.signal.aborted) {
    say("");
    return complain(error);
  }
  // the worker was ended with its keys in memory, and begins anew
  if (model) Object.assign(model, await keys.open(await service.description(versions.get(model.name))), { unsent: null });
  say("It was stopped.");
}

/** Whether something is being done. A button that has the focus keeps it, so it is not disabled. */
function busy(is) {
  for (const id of ["model-choice", "input-kind", "draw", "values"]) at(id).inert = is;
  for (const id of ["ask", "forget"]) at(id).setAttribute("aria-disabled", is);
  at("working").hidden = !is;
  at("opening").hidden ||= !is;
}

/** Ends what is being done, also by the worker. */
function stop() {
  stopper?.abort(new DOMException("It was stopped.", "AbortError"));
  keys.stop();
}

/** Forgets the keys of this browser, and has the server forget the evaluation keys. */
async function forget() {
  const hashes = await keys.forget();
  const answers = await Promise.allSettled(hashes.map((hash) => service.deleteKey(hash)));
  // what the worker has in memory goes with it
  keys.stop();
  await choose(model.name);
  const left = answers.filter(({ status, reason }) => status === "rejected" && reason.status !== 404).length;
  if (hashes.length === 0) say("This browser had no keys.");
  else if (left === 0) say("This browser has forgotten your keys, and the server has deleted the evaluation keys.");
  else say(`This browser has forgotten your keys. The server did not delete ${count(left, "evaluation key")}, which decrypt nothing.`);
}

for (const digit of DIGITS) at("sample").append(new Option(digit, digit));
at("sample").onchange = ({ target }) => {
  if (target.value !== "") pad.sample(Number(target.value));
  target.value = "";
};
at("undo").onclick = () => pad.undo();
at("clear").onclick = () => pad.clear();
at("ask").onclick = () => during(ask);
at("stop").onclick = stop;
at("forget").onclick = () => during(forget);
at("model").onchange = ({ target }) => during(() => choose(target.value));
at("values").oninput = changed;
at("values").onsubmit = (event) => {
  event.preventDefault();
  during(ask);
};
for (const radio of document.querySelectorAll("input[name=kind]")) {
  radio.onchange = () => {
    showKind();
    changed();
  };
}
at("token-form").onsubmit = (event) => {
  event.preventDefault();
  service.token = at("token").value.trim();
  at("token").value = "";
  at("token-form").hidden = at("problem").hidden = true;
  if (!model) during(start);
};
during(start);
