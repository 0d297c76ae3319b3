// Bytes as a picture: each is one square, and ciphertexts look like noise.

import { size } from "./steps.js";

/** Paints bytes on a canvas, as many in a row as make it a square. */
export function paint(canvas, bytes) {
  const side = Math.ceil(Math.sqrt(bytes.length));
  [canvas.width, canvas.height] = [side, Math.ceil(bytes.length / side)];
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  bytes.forEach((byte, index) => image.data.set([byte, byte, byte, 255], 4 * index));
  context.putImageData(image, 0, 0);
  canvas.setAttribute("aria-label", `${size(bytes.length)} that look like noise`);
}
