"""What is run in the page: what it shows and keeps, and calls that do not go as they should."""

KEPT = """
return new Promise((resolve, reject) => {
  const opening = indexedDB.open("fhe-nn");
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const read = opening.result.transaction(["keys", "seal"]);
    const [keys, seal] = ["keys", "seal"].map((name) => read.objectStore(name).getAll());
    read.oncomplete = () => {
      opening.result.close();
      resolve({
        evaluation: keys.result.map((entry) => entry.evaluation),
        sealed: keys.result.map((entry) => [entry.iv, entry.sealed].map((bytes) => bytes.byteLength)),
        extractable: seal.result.map((key) => key.extractable),
      });
    };
  };
});
"""
STATES = "return Object.fromEntries([...document.querySelectorAll('#steps li')].map((li) => [li.dataset.step, li.dataset.state]));"
ROWS = "return [...document.querySelectorAll('#scores tr')].map((tr) => [tr.className, ...[...tr.cells].map((cell) => cell.textContent)]);"
SEEN = """
const canvas = document.getElementById("seen");
const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
return Array.from({ length: pixels.length / 4 }, (_, index) => pixels[4 * index]);
"""
# a drawing in three sizes at three places, as the images that are encrypted
IMAGES = """
const [points] = arguments;
const { image } = await import("/page/digit.js");
const moved = ([scale, x, y]) => [points.map(([u, v]) => [scale * u + x, scale * v + y])];
return [[1, 0, 0], [0.2, 5, -3], [40, 1, 100]].map((move) => Array.from(image(moved(move))));
"""
# the page's calls go through a function of its own: one that refuses twice, and does not wait
REFUSING = """
const [call, refusals] = [window.fetch, [429, 503]];
window.asked = 0;
window.fetch = (path, options) => {
  if (options.method !== "POST") return call(path, options);
  window.asked += 1;
  const status = refusals.shift();
  if (status) return Promise.resolve(new Response("{}", { status, headers: { "retry-after": "0" } }));
  return call(path, { ...options, headers: { ...options.headers, prefer: "wait=0" } });
};
"""
# and one that changes a digit of a receipt
FORGING = """
const call = window.fetch;
const [what] = arguments;
window.fetch = async (path, options) => {
  const answer = await call(path, options);
  const headers = new Headers(answer.headers);
  const receipt = JSON.parse(headers.get("fhe-nn-receipt"));
  if (receipt) {
    receipt[what] = (receipt[what][0] === "0" ? "1" : "0") + receipt[what].slice(1);
    headers.set("fhe-nn-receipt", JSON.stringify(receipt));
  }
  return new Response(answer.status === 204 ? null : await answer.arrayBuffer(), { status: answer.status, headers });
};
"""
