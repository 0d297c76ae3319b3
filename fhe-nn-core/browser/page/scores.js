// The scores as bars.

// more rows are not read by anybody
const MOST = 20;

/** Fills a table with two or more outputs, as bars between the lowest and the greatest. */
export function show(table, reals, greatest, names) {
  const [low, high] = [Math.min(...reals), Math.max(...reals)];
  let places = Array.from(reals.keys());
  if (places.length > MOST) places = places.toSorted((one, other) => reals[other] - reals[one]).slice(0, MOST);
  const rows = places.map((place) => {
    const row = document.createElement("tr");
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = names[place];
    const [bar, score] = [document.createElement("td"), document.createElement("td")];
    const meter = document.createElement("div");
    meter.style.inlineSize = `${high > low ? (100 * (reals[place] - low)) / (high - low) : 0}%`;
    bar.append(meter);
    score.textContent = reals[place].toFixed(2);
    row.append(name, bar, score);
    if (place === greatest) row.className = "greatest";
    return row;
  });
  table.tBodies[0].replaceChildren(...rows);
  table.hidden = false;
}
