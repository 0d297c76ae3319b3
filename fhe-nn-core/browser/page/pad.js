// The area that one draws on, by pointer or by keyboard. Its strokes are lines in units of a grid of 28 x 28.

import { SIDE } from "./digit.js";
import { SAMPLES } from "./samples.js";

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const WIDTH = 1.8;

export class Pad {
  #canvas;
  #changed;
  #say;
  #strokes = [];
  // the stroke that a pointer draws, by the pointer's number
  #drawn = new Map();
  // where the keyboard's pen is, and its stroke while it is down
  #pen = [SIDE / 2, SIDE / 2];
  #down = null;
  #keyboard = false;

  /** Calls `changed()` after every change, and `say(text)` with what a person who does not see the pad wants to know. */
  constructor(canvas, changed, say) {
    this.#canvas = canvas;
    this.#changed = changed;
    this.#say = say;
    canvas.addEventListener("pointerdown", (event) => this.#start(event));
    canvas.addEventListener("pointermove", (event) => this.#draw(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.#drawn.delete(event.pointerId));
    }
    canvas.addEventListener("keydown", (event) => this.#press(event));
    canvas.addEventListener("blur", () => this.#leave());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#paint());
    this.#paint();
  }

  get strokes() {
    return this.#strokes;
  }

  clear() {
    this.#replace([]);
  }

  undo() {
    this.#replace(this.#strokes.slice(0, -1));
  }

  /** Draws the sample of a digit. */
  sample(digit) {
    const scale = SIDE / 20;
    this.#replace(SAMPLES[digit].map((stroke) => stroke.map(([x, y]) => [x * scale, y * scale])));
  }

  #replace(strokes) {
    this.#strokes = strokes;
    this.#drawn.clear();
    this.#down = null;
    this.#update();
  }

  #update() {
    this.#paint();
    this.#changed();
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    // a pointer that is held goes on beyond the edge, where nobody sees the line
    const inside = (share) => SIDE * Math.min(1, Math.max(0, share));
    return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
  }

  #start(event) {
    if (event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#keyboard = false;
    this.#lift();
    const stroke = [this.#place(event)];
    this.#drawn.set(event.pointerId, stroke);
    this.#strokes.push(stroke);
    this.#update();
  }

  #draw(event) {
    const stroke = this.#drawn.get(event.pointerId);
    if (!stroke) return;
    // a fast pointer moves further than one event: the browser has the places between
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length > 0 ? moves : [event]) {
      const [place, last] = [this.#place(move), stroke.at(-1)];
      if (Math.hypot(place[0] - last[0], place[1] - last[1]) > 0.2) stroke.push(place);
    }
    this.#update();
  }

  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = MOVES[event.key];
    if (move) {
      const limit = (place) => Math.min(SIDE - 2, Math.max(2, place));
      this.#pen = [limit(this.#pen[0] + move[0]), limit(this.#pen[1] + move[1])];
      this.#down?.push(this.#pen);
    } else if (event.key === " ") {
      if (this.#down) {
        this.#lift();
      } else {
        this.#down = [this.#pen];
        this.#strokes.push(this.#down);
        this.#say(`The pen is down at column ${this.#pen[0]}, row ${this.#pen[1]}.`);
      }
    } else if (event.key === "Backspace") {
      this.undo();
    } else {
      return;
    }
    event.preventDefault();
    this.#keyboard = true;
    this.#update();
  }

  #lift() {
    if (!this.#down) return;
    this.#down = null;
    this.#say(`The pen is lifted at column ${this.#pen[0]}, row ${this.#pen[1]}.`);
    this.#paint();
  }

  #leave() {
    this.#lift();
    this.#keyboard = false;
    this.#paint();
  }

  #paint() {
    const context = this.#canvas.getContext("2d");
    const style = getComputedStyle(this.#canvas);
    const unit = this.#canvas.width / SIDE;
    context.setTransform(unit, 0, 0, unit, 0, 0);
    context.clearRect(0, 0, SIDE, SIDE);
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = 0.05;
    context.strokeStyle = style.borderTopColor;
    context.beginPath();
    for (let at = 7; at < SIDE; at += 7) {
      context.moveTo(at, 0);
      context.lineTo(at, SIDE);
      context.moveTo(0, at);
      context.lineTo(SIDE, at);
    }
    context.stroke();
    context.lineWidth = WIDTH;
    context.strokeStyle = style.color;
    for (const [first, ...rest] of this.#strokes) {
      context.beginPath();
      context.moveTo(...first);
      for (const point of rest.length > 0 ? rest : [first]) context.lineTo(...point);
      context.stroke();
    }
    if (this.#keyboard) {
      context.lineWidth = 0.3;
      context.strokeStyle = context.fillStyle = style.caretColor;
      context.beginPath();
      context.arc(...this.#pen, 1.3, 0, 2 * Math.PI);
      if (this.#down) context.fill();
      context.stroke();
    }
  }
}
