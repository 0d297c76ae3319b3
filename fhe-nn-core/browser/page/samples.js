// A sample of each digit, for whoever does not draw: points [x, y] of a square of 20 units.

/** Returns a circle's arc as points: angles in degrees, clockwise from the right. */
function arc(x, y, width, height, from, to) {
  const steps = 24;
  return Array.from({ length: steps + 1 }, (_, step) => {
    const angle = ((from + ((to - from) * step) / steps) * Math.PI) / 180;
    return [x + width * Math.cos(angle), y + height * Math.sin(angle)];
  });
}

export const SAMPLES = [
  [arc(10, 10, 5, 7.5, -90, 270)],
  [[[11, 3], [9, 17]]],
  [[...arc(10, 6.5, 4.5, 4, 190, 400), [5, 17], [15.5, 16.5]]],
  [[...arc(9.5, 6.5, 4.5, 3.6, 200, 450), ...arc(9.5, 13.7, 5, 3.6, -90, 150)]],
  [[[6.5, 3], [5.5, 10.5], [14, 10]], [[13.5, 4.5], [12, 17.5]]],
  [[[15, 3], [7.5, 3.5], [6.5, 9], ...arc(9.5, 12.6, 5, 4.4, -110, 140)]],
  [[[13, 2.5], [8.5, 6], [6, 11], ...arc(9.8, 13.3, 3.8, 3.9, 180, -170)]],
  [[[4.5, 4], [15.5, 3.5], [10, 17.5]]],
  [[...arc(10, 6, 3.6, 3.6, -60, -270), ...arc(10, 13.4, 4.2, 3.8, -90, 270), ...arc(10, 6, 3.6, 3.6, 90, -60)]],
  [[...arc(9.8, 6.8, 4, 3.9, -20, -350), [13.3, 9], [11.5, 17.5]]],
];
