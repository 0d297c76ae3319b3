// Where a browser keeps a person's secret keys: in IndexedDB, encrypted by AES-GCM under a key of Web Crypto that cannot
// be exported. A program of another page cannot read them, and nobody reads them from the browser's files without that
// key. A program of this page can use them, which is what the content security policy is for.

const NAME = "fhe-nn";
const KEYS = "keys"; // by the plan that they were made for
const SEAL = "seal"; // the key that the others are encrypted under

/**
 * What is kept for a plan: `{ plan, network, evaluation, made, iv, sealed }`, where `evaluation` is the SHA-256 of the
 * evaluation key.
 */
export class Vault {
  #database;

  /** Opens the vault of this browser. */
  static async open() {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(KEYS, { keyPath: "plan" });
      request.result.createObjectStore(SEAL);
    };
    const vault = new Vault();
    vault.#database = await done(request);
    // another tab may forget the keys
    vault.#database.onversionchange = () => vault.#database.close();
    return vault;
  }

  /** Keeps the secret of a plan. */
  async keep(entry, secret) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const key = (await this.#seal()) ?? (await this.#newSeal());
    const sealed = await crypto.subtle.encrypt(cipher(iv, entry.plan), key, secret);
    await this.#change(KEYS, (store) => store.put({ ...entry, iv, sealed }));
  }

  /** Returns what is kept for a plan with its secret, or null. */
  async find(plan) {
    const entry = await done(this.#database.transaction(KEYS).objectStore(KEYS).get(plan));
    const key = await this.#seal();
    if (!entry || !key) return null;
    const secret = await crypto.subtle.decrypt(cipher(entry.iv, plan), key, entry.sealed);
    return { entry, secret: new Uint8Array(secret) };
  }

  /** Returns what is kept, without secrets. */
  entries() {
    return done(this.#database.transaction(KEYS).objectStore(KEYS).getAll());
  }

  /** Forgets everything, the key that it was encrypted under first. */
  async forget() {
    await this.#change(SEAL, (store) => store.clear());
    await this.#change(KEYS, (store) => store.clear());
  }

  #seal() {
    return done(this.#database.transaction(SEAL).objectStore(SEAL).get(SEAL));
  }

  async #newSeal() {
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    await this.#change(SEAL, (store) => store.put(key, SEAL));
    return key;
  }

  #change(name, change) {
    const transaction = this.#database.transaction(name, "readwrite", { durability: "strict" });
    change(transaction.objectStore(name));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
  }
}

/** A secret that is moved to another plan's entry does not decrypt. */
function cipher(iv, plan) {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(plan) };
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
