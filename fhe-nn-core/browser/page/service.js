// The calls of the service, as its OpenAPI document has them. All but `DELETE` may be repeated: nothing is done twice.

const URN = "urn:fhe-nn:problem:";
// how long one call waits for replies, in seconds
const WAIT = 20;
// how often a call is made again because there was no answer, or the server could not take it
const TRIES = 8;
const MOST_SECONDS = 60;

/** Why a call was not answered as it was meant: a problem of the server, or no answer. */
export class Problem extends Error {
  constructor(status, { type = "", title = "", detail = "" } = {}) {
    super(detail || title || (status ? `The server answered with status ${status}.` : "The server does not answer."));
    this.status = status;
    this.kind = type.startsWith(URN) ? type.slice(URN.length) : "";
  }
}

export class Service {
  #token = null;

  set token(token) {
    this.#token = token;
  }

  /** Returns the models that are served: `{ name, plan, model, retired }` each, of one name the newest first. */
  async models() {
    const answer = await this.#call("GET", "v1/models");
    return (await answer.json()).models;
  }

  /** Returns the bytes of the description of a model's version. */
  async description({ name, plan }) {
    const path = `v1/models/${encodeURIComponent(name)}?plan=${encodeURIComponent(plan)}`;
    const answer = await this.#call("GET", path, { cache: "no-cache" });
    return new Uint8Array(await answer.arrayBuffer());
  }

  /** Returns whether the server has an evaluation key. */
  async hasKey(hash) {
    try {
      await this.#call("HEAD", `v1/keys/${hash}`, { cache: "no-store" });
      return true;
    } catch (problem) {
      if (problem.status === 404) return false;
      throw problem;
    }
  }

  /** Sends an evaluation key, and calls `progress(done, total)` with numbers of bytes that are sent. */
  sendKey(hash, bytes, progress, signal) {
    // `fetch` says nothing of what is sent
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const request = new XMLHttpRequest();
      request.open("PUT", `v1/keys/${hash}`);
      for (const [name, value] of Object.entries(this.#headers("application/vnd.fhe-nn.evaluation-key"))) {
        request.setRequestHeader(name, value);
      }
      request.upload.onprogress = ({ loaded, total }) => progress(loaded, total);
      request.onload = () => {
        if (request.status >= 200 && request.status < 300) resolve();
        else reject(new Problem(request.status, parsed(request.responseText)));
      };
      request.onerror = () => reject(new Problem(0));
      request.onabort = () => reject(signal.reason);
      signal.addEventListener("abort", () => request.abort(), { once: true });
      request.send(bytes);
    });
  }

  /** Has the server forget an evaluation key. */
  async deleteKey(hash) {
    await this.#call("DELETE", `v1/keys/${hash}`);
  }

  /**
   * Asks for the inference of a request. Waits as long as the server works on it, and tells with `told(text)` what is
   * waited for. Returns `{ reply, receipt }`.
   */
  async infer(name, key, request, told, signal) {
    const prefer = { prefer: `wait=${WAIT}` };
    const ask = {
      headers: { ...this.#headers("application/vnd.fhe-nn.requests"), "fhe-nn-key": key, ...prefer },
      body: request,
    };
    const path = `v1/models/${encodeURIComponent(name)}/inferences`;
    let answer = await this.#persist("POST", path, ask, told, signal);
    while (answer.status === 202) {
      const { state } = await answer.json();
      told(state === "queued" ? "The request is in the server's queue." : "The server computes on encrypted values.");
      const place = new URL(answer.headers.get("location"), new URL(path, document.baseURI));
      if (place.origin !== location.origin) throw new Problem(0, { detail: "The server named another server." });
      if (!answer.headers.has("preference-applied")) await pause(1, signal);
      answer = await this.#persist("GET", place, { headers: prefer, cache: "no-store" }, told, signal);
    }
    return { reply: new Uint8Array(await answer.arrayBuffer()), receipt: answer.headers.get("fhe-nn-receipt") };
  }

  /** Makes a call again while the server has too much to do or does not answer. */
  async #persist(method, path, options, told, signal) {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#call(method, path, { ...options, signal });
      } catch (problem) {
        if (signal.aborted || tries === TRIES || ![0, 429, 503].includes(problem.status)) throw problem;
        // clients that were refused together do not come back together
        const seconds = (problem.retryAfter ?? Math.min(2 ** tries, 30)) * (1 + Math.random() / 4);
        const reason = problem.status === 429 ? "The server has enough to do." : "The server cannot take the request now.";
        told(`${reason} The request is sent again in ${Math.ceil(seconds)} s.`);
        await pause(seconds, signal);
      }
    }
  }

  /** Makes one call. Throws a problem for every answer that is not one of success. */
  async #call(method, path, { headers = this.#headers(), ...options } = {}) {
    const all = { ...this.#headers(), ...headers };
    const call = fetch(path, { method, headers: all, redirect: "error", credentials: "omit", ...options });
    const answer = await call.catch((error) => {
      if (error.name === "AbortError") throw error;
      throw new Problem(0);
    });
    if (answer.ok) return answer;
    const problem = new Problem(answer.status, parsed(await answer.text()));
    const after = Number.parseInt(answer.headers.get("retry-after"), 10);
    if (after >= 0) problem.retryAfter = Math.min(after, MOST_SECONDS);
    throw problem;
  }

  #headers(type = null) {
    const headers = {};
    if (type) headers["content-type"] = type;
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    return headers;
  }
}

/** Returns a problem document, or an empty one if it is none. */
function parsed(text) {
  try {
    const { type, title, detail } = JSON.parse(text);
    const strings = Object.entries({ type, title, detail }).filter(([, value]) => typeof value === "string");
    return Object.fromEntries(strings);
  } catch {
    return {};
  }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
