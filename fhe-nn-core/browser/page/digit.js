// Strokes as an image of a digit, in the way in which the images of MNIST were made.
//
// MNIST's digits were scaled into a box of 20 x 20 pixels with their shape kept, and moved so that the centre of mass of
// the ink lies at the middle of 28 x 28 pixels. A network that was trained on them is accurate on images made likewise
// only. Strokes are lines, so they are scaled before they get their width: a small drawing has no thicker lines.

export const SIDE = 28;
// half of the width of lines in MNIST, in pixels: twice the area over the perimeter of its digits is 2.4
const RADIUS = 1.25;
// the box of the ink is 20 pixels wide: half a line and half a pixel of its soft edge lie beyond the line's middle
const BOX = 20 - 2 * RADIUS - 1;
// the middle of MNIST's images is the middle of pixel 14, counted from 0: so is the mean of its centres of mass
const MIDDLE = 14.5;

/**
 * Returns the ink of each pixel, 0 to 1, in row-major order. A stroke is a list of points [x, y]; its unit does not
 * matter. A stroke of one point is a dot.
 */
export function image(strokes) {
  const points = strokes.flat();
  if (points.length === 0) return new Float32Array(SIDE * SIDE);
  const [left, right] = extremes(points.map(([x]) => x));
  const [top, bottom] = extremes(points.map(([, y]) => y));
  const size = Math.max(right - left, bottom - top);
  const scale = size > 0 ? BOX / size : 0;
  const scaled = strokes.map((stroke) =>
    stroke.map(([x, y]) => [(x - (left + right) / 2) * scale, (y - (top + bottom) / 2) * scale]),
  );
  const centred = ink(scaled, MIDDLE, MIDDLE);
  const [x, y] = centreOfMass(centred);
  return ink(scaled, 2 * MIDDLE - x, 2 * MIDDLE - y);
}

/** Returns the ink of strokes whose origin is at a place of the image. */
function ink(strokes, left, top) {
  const pixels = new Float32Array(SIDE * SIDE);
  for (const [from, to] of strokes.flatMap(segments)) {
    for (let index = 0; index < pixels.length; index++) {
      const x = (index % SIDE) + 0.5 - left;
      const y = Math.floor(index / SIDE) + 0.5 - top;
      // a pixel that the edge of a line goes through has half of the ink
      const share = RADIUS + 0.5 - distance(x, y, from, to);
      pixels[index] = Math.max(pixels[index], Math.min(1, Math.max(0, share)));
    }
  }
  return pixels;
}

/** Returns the lines between the points of a stroke. */
function segments(stroke) {
  if (stroke.length === 1) return [[stroke[0], stroke[0]]];
  return stroke.slice(1).map((point, index) => [stroke[index], point]);
}

/** Returns the distance of a point from a line between two points. */
function distance(x, y, [x0, y0], [x1, y1]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  const along = length > 0 ? ((x - x0) * dx + (y - y0) * dy) / length : 0;
  const at = Math.min(1, Math.max(0, along));
  return Math.hypot(x - x0 - at * dx, y - y0 - at * dy);
}

function centreOfMass(pixels) {
  let [mass, x, y] = [0, 0, 0];
  pixels.forEach((share, index) => {
    mass += share;
    x += share * ((index % SIDE) + 0.5);
    y += share * (Math.floor(index / SIDE) + 0.5);
  });
  return [x / mass, y / mass];
}

function extremes(values) {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}
