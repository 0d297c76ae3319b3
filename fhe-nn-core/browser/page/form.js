// A form for the values of an input, made from the description.

// more values than this have one field together
const FIELDS = 16;

export class Form {
  #read;

  /** Fills a form for `count` values, of which each lies in its range: pairs of numbers one after the other. */
  constructor(form, count, ranges, vocabulary) {
    const one = count > FIELDS || vocabulary !== null;
    form.replaceChildren(...(one ? this.#together(count, ranges, vocabulary) : this.#each(count, ranges)));
  }

  /** Returns the values, or throws an error that says what is wrong with them. */
  values() {
    return this.#read();
  }

  #each(count, ranges) {
    const fields = Array.from({ length: count }, (_, place) => {
      const label = document.createElement("label");
      const input = document.createElement("input");
      input.type = "number";
      input.step = "any";
      input.name = `value ${place + 1}`;
      label.append(`Value ${place + 1}, ${range(ranges, place)}`, input);
      return [label, input];
    });
    const inputs = fields.map(([, input]) => input);
    this.#read = () => finite(inputs.map((input) => input.value), count);
    return fields.map(([label]) => label);
  }

  #together(count, ranges, vocabulary) {
    const label = document.createElement("label");
    const input = document.createElement("textarea");
    input.rows = 8;
    input.spellcheck = false;
    input.name = "values";
    label.append(vocabulary === null ? `${count} numbers, ${allRanges(ranges)}` : `${count} tokens, ${range(ranges, 0)}`, input);
    const chosen = document.createElement("label");
    const file = document.createElement("input");
    file.type = "file";
    file.accept = ".csv,.txt,text/plain";
    file.onchange = async () => {
      if (file.files[0]) input.value = (await file.files[0].text()).trim();
    };
    chosen.append("Or take them from a text file", file);
    const help = document.createElement("small");
    help.textContent = "Numbers are separated by commas, spaces or new lines.";
    this.#read = () => finite(input.value.split(/[\s,;]+/).filter((text) => text !== ""), count);
    return [label, help, chosen];
  }
}

function finite(texts, count) {
  if (texts.length !== count) {
    throw new Error(`The network takes ${count} values, but ${texts.length} are there.`);
  }
  return Float32Array.from(texts, (text, place) => {
    const value = text.trim() === "" ? NaN : Number(text);
    if (!Number.isFinite(value)) throw new Error(`Value ${place + 1} is not a number.`);
    return value;
  });
}

function range(ranges, place) {
  return `${number(ranges[2 * place])} to ${number(ranges[2 * place + 1])}`;
}

function allRanges(ranges) {
  const same = ranges.every((value, index) => value === ranges[index % 2]);
  return same ? `${range(ranges, 0)} each` : "each in its own range";
}

function number(value) {
  return Number(value.toPrecision(4)).toString();
}
