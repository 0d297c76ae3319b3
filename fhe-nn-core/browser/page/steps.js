// The steps of an inference, with the time of each.

const TEXTS = {
  keys: "Make keys",
  send: "Send the evaluation key",
  encrypt: "Encrypt the input",
  compute: "The server computes",
  receipt: "Check the receipt",
  decrypt: "Decrypt the answer",
};

export class Steps {
  #items;

  constructor(list) {
    this.#items = new Map(
      Object.entries(TEXTS).map(([name, text]) => {
        const item = document.createElement("li");
        const [label, note, time] = ["span", "small", "span"].map((tag) => document.createElement(tag));
        label.textContent = text;
        item.append(label, note, time);
        item.dataset.step = name;
        list.append(item);
        return [name, { item, note, time }];
      }),
    );
    this.reset();
  }

  reset() {
    for (const name of this.#items.keys()) this.#set(name, "waiting", "", "");
  }

  /** Runs a step, and shows its time. `note` says what is shown beside it, given what the step returned. */
  async run(name, work, note = () => "") {
    this.#set(name, "running", "", "");
    const start = performance.now();
    try {
      const result = await work();
      this.#set(name, "done", note(result), seconds(performance.now() - start));
      return result;
    } catch (error) {
      this.#set(name, "failed", "", "");
      throw error;
    }
  }

  /** Shows that a step was not needed. */
  skip(name, note) {
    this.#set(name, "skipped", note, "");
  }

  #set(name, state, note, time) {
    const shown = this.#items.get(name);
    shown.item.dataset.state = state;
    shown.note.textContent = note;
    shown.time.textContent = time;
  }
}

/** Returns milliseconds as a text. */
export function seconds(milliseconds) {
  if (milliseconds < 999.5) return `${milliseconds.toFixed(milliseconds < 9.95 ? 1 : 0)} ms`;
  return `${(milliseconds / 1000).toFixed(milliseconds < 9950 ? 2 : 1)} s`;
}

/** Returns a number of bytes as a text. */
export function size(bytes) {
  if (bytes < 10_000) return `${bytes.toLocaleString("en")} bytes`;
  if (bytes < 999_500) return `${(bytes / 1e3).toFixed(0)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
