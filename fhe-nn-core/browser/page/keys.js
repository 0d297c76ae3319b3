// What the page sees of the worker that holds the secret keys.

export class Keys {
  #worker;
  #waiting = new Map();
  #next = 0;

  constructor() {
    this.#start();
  }

  /** Reads a description. Returns `{ facts, ranges, kept }`. */
  open(description) {
    return this.#call("open", description);
  }

  /** Makes keys, and calls `progress(done, total)`. Returns `{ kept, evaluation }`. */
  make(progress) {
    return this.#call("make", null, progress);
  }

  /** Encrypts an input. Returns `{ request, clamped }`. */
  encrypt(input) {
    return this.#call("encrypt", input);
  }

  /** Decrypts the reply to what was encrypted last. Returns `{ reals, greatest }`. */
  decrypt(reply) {
    return this.#call("decrypt", reply);
  }

  /** Forgets all keys. Returns the hashes of their evaluation keys. */
  forget() {
    return this.#call("forget");
  }

  /** Ends what is being done, with an error for whoever waits for it. A description must be opened again. */
  stop() {
    this.#worker.terminate();
    this.#fail(new DOMException("It was stopped.", "AbortError"));
    this.#start();
  }

  #start() {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new Error(event.message ?? "The program that makes keys did not start."));
    };
  }

  #call(call, argument = null, progress = null) {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject, progress });
      this.#worker.postMessage({ id, call, argument });
    });
  }

  #hear({ id, done, total, result, error }) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    if (total !== undefined) return waiting.progress?.(done, total);
    this.#waiting.delete(id);
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(new Error(error));
  }

  #fail(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
