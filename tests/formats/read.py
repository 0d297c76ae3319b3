"""Reads a description, a client key, a request and a reply by the page `guide::formats` alone.

    python3 read.py DESCRIPTION CLIENT_KEY REQUEST REPLY

The client key is one without a passphrase. The script prints one JSON object: the encoded input that the request
encrypts and what it stands for, the integers of the scores that the reply encrypts, and the outputs in reals. It
needs nothing but Python.
"""

import hashlib
import json
import math
import struct
import sys

HEADER = 56
TURN = 1 << 64
KINDS = {"evaluation key": 0, "request": 1, "reply": 2, "description": 3, "client key": 4}
VERSIONS = {"evaluation key": 4, "request": 4, "reply": 4, "description": 1, "client key": 1}


def check_prefix(data, kind):
    assert data[:5] == b"FHENN", f"not a file of fhe-nn: {data[:5]}"
    assert data[5] == KINDS[kind], f"kind {data[5]} is not a {kind}"
    (version,) = struct.unpack("<H", data[6:8])
    assert version == VERSIONS[kind], f"version {version} of a {kind}"


def header(data, kind):
    check_prefix(data, kind)
    return data[8:40], data[40:HEADER]


# --- AES-128, which Python does not come with (FIPS 197)


def doubled(x):
    return (x << 1 ^ 0x1B) & 0xFF if x & 0x80 else x << 1


def sbox():
    """The substitution box: inverses in GF(2^8), and an affine map."""
    powers, x = [], 1
    for _ in range(255):
        powers.append(x)
        x ^= doubled(x)  # times 3
    logarithm = {value: power for power, value in enumerate(powers)}
    box = []
    for value in range(256):
        x = powers[-logarithm[value] % 255] if value else 0
        for shift in range(1, 5):
            x ^= (powers[-logarithm[value] % 255] if value else 0) << shift
        box.append((x & 0xFF) ^ (x >> 8) ^ 0x63)
    return box


SBOX = sbox()


def round_keys(key):
    words = [list(key[i : i + 4]) for i in range(0, 16, 4)]
    constant = 1
    while len(words) < 44:
        word = words[-1]
        if len(words) % 4 == 0:
            word = [SBOX[x] for x in word[1:] + word[:1]]
            word[0] ^= constant
            constant = doubled(constant)
        words.append([a ^ b for a, b in zip(words[-4], word)])
    return [sum(words[i : i + 4], []) for i in range(0, 44, 4)]


def encrypt_block(keys, block):
    state = [a ^ b for a, b in zip(block, keys[0])]
    for number in range(1, 11):
        state = [SBOX[state[(5 * i) % 16]] for i in range(16)]  # with the shift of rows
        if number < 10:
            mixed = []
            for column in range(0, 16, 4):
                a = state[column : column + 4]
                whole = a[0] ^ a[1] ^ a[2] ^ a[3]
                mixed += [a[i] ^ whole ^ doubled(a[i] ^ a[(i + 1) % 4]) for i in range(4)]
            state = mixed
        state = [a ^ b for a, b in zip(state, keys[number])]
    return bytes(state)


def stream(seed, words):
    """The first words of 64 bits of a seed's stream."""
    keys = round_keys(seed)
    blocks = (encrypt_block(keys, i.to_bytes(16, "little")) for i in range((words + 1) // 2))
    return struct.unpack(f"<{2 * ((words + 1) // 2)}Q", b"".join(blocks))[:words]


# --- the files


def description(data):
    check_prefix(data, "description")
    content, digest = data[8:-32], data[-32:]
    assert hashlib.sha256(data[:-32]).digest() == digest, "the description was changed"
    told = json.loads(content)
    plan = content[content.index(b'"plan":') + len(b'"plan":') : -1]
    assert hashlib.sha256(plan).hexdigest() == told["fingerprint"], "the fingerprint is not the plan's"
    assert told["plan"]["version"] in (1, 2, 3, 4), "a plan of another version"
    return told


def encoder_of(client):
    """The rule for ties, and the mean, standard deviation, scale and zero point of every input value."""
    encoder, inputs = client["encoder"], client["inputs"]
    ties = encoder.get("ties", "AwayFromZero")
    affines = encoder["affines"] if "affines" in encoder else [encoder]
    norms = encoder.get("norms", [{"mean": 0.0, "std": 1.0}])
    affines = [affine for affine in affines for _ in range(inputs // len(affines))]
    norms = [norm for norm in norms for _ in range(inputs // len(norms))]
    values = zip(norms, affines)
    return ties, [(n["mean"], n["std"], a["scale"], a["zero_point"]) for n, a in values]


def order_of(client):
    """For each value of the network's input its place in the client's row."""
    return client.get("interface", {}).get("order") or range(client["inputs"])


def encode(client, row):
    """The integers that a client encrypts for a row of numbers."""
    ties, values = encoder_of(client)
    integers = []
    for place, (mean, std, scale, zero_point) in zip(order_of(client), values):
        x = row[place]
        steps = (x - mean) / std / scale
        nearest = round(steps)
        if ties == "AwayFromZero" and abs(steps) % 1 == 0.5:
            nearest = math.ceil(steps) if steps > 0 else math.floor(steps)
        integers.append(max(0, min(nearest + zero_point, (1 << client["input_bits"]) - 1)))
    return integers


def sums_of(plan):
    return [stage["sums"] for stage in plan["stages"]] + [plan["output"]["sums"]]


def dimension_of(plan, source):
    if source == 0:
        return plan["input"]["dimension"]
    shape = plan["stages"][source - 1]["bootstrap"]["shape"]
    return shape["dimension"] * shape["polynomial_size"]


def small_key_of_inputs(plan):
    if plan["stages"]:
        first = plan["stages"][0]
        if not first["rounds"] and first["bootstrap"]["keyswitch"] is None:
            return first["bootstrap"]["small_dimension"]
    return None


def source_of(sums):
    return (sums["sources"] or [0])[0]


def client_key(data, plan):
    """The keys under which inputs and scores are encrypted."""
    header(data, "client key")
    assert data[HEADER] == 0, "the key has a passphrase"
    (length,) = struct.unpack("<I", data[HEADER + 1 : HEADER + 5])
    start = HEADER + 5 + length
    assert hashlib.sha256(data[:-32]).digest() == data[-32:], "the key was changed"
    packed = data[start:-32]

    inputs_small = small_key_of_inputs(plan)
    under = sums_of(plan)[(inputs_small is not None) :]
    large = sorted({dimension_of(plan, source_of(sums)) for sums in under})
    bootstraps = [b for stage in plan["stages"] for b in stage["rounds"] + [stage]]
    small = sorted({b["bootstrap"]["small_dimension"] for b in bootstraps})
    own = [plan["output"]["dimension"]] if plan["output"]["keyswitch"] is not None else []
    keys, place = [], 0
    for dimension in large + small + own:
        size = -(-dimension // 8)
        part = packed[place : place + size]
        keys.append([part[i // 8] >> (i % 8) & 1 for i in range(dimension)])
        place += size
    assert place == len(packed), f"{len(packed)} bytes of keys, {place} are expected"

    by_large = dict(zip(large, keys))
    by_small = dict(zip(small, keys[len(large) :]))
    inputs = by_small[inputs_small] if inputs_small is not None else by_large[plan["input"]["dimension"]]
    if own:
        return inputs, keys[-1]
    source = source_of(plan["output"]["sums"])
    return inputs, by_large[dimension_of(plan, source)] if source else inputs


def body_bytes(variance):
    fits = (b for b in range(1, 8) if 2.0 ** (-16 * b) <= 12 * variance / 16)
    return next(fits, 8)


def phase(mask, body, key):
    value = (body - sum(a for a, bit in zip(mask, key) if bit)) % TURN
    return value - TURN if value >= TURN // 2 else value


def request(data, plan, key):
    """The seed, and the encoded input."""
    header(data, "request")
    seed = data[HEADER : HEADER + 16]
    n = plan["input"]["dimension"]
    size = body_bytes(2.0 ** (4 - 128) + 2.0 ** (5.31469187675068 - 0.0497829131652661 * n))
    bodies = data[HEADER + 16 :]
    count = len(bodies) // size
    assert count * size == len(bodies), f"{len(bodies)} bytes, {size} a body"
    modulus = next(sums["modulus"] for sums in sums_of(plan) if 0 in sums["sources"])
    step = (TURN + modulus // 2) // modulus
    masks = stream(seed, n * count)
    values = []
    for i in range(count):
        body = int.from_bytes(bodies[size * i : size * (i + 1)], "big") << (64 - 8 * size)
        values.append(round(phase(masks[n * i : n * (i + 1)], body, key) / step))
    return seed, values


def reply(data, plan, key, seed):
    """The integers and the reals of the scores."""
    header(data, "reply")
    assert data[HEADER : HEADER + 16] == seed, "the reply answers another request"
    output, client = plan["output"], plan["client"]
    bits, n, sums = output["element_bits"], output["dimension"], output["sums"]
    count = sums["neurons"] * (n + 1)
    packed = data[HEADER + 16 :]
    assert len(packed) == -(-count * bits // 8), f"{len(packed)} bytes for {count} elements"
    text = int.from_bytes(packed, "big") >> (8 * len(packed) - count * bits)
    cut = (1 << bits) - 1
    elements = [(text >> bits * (count - 1 - i) & cut) << (64 - bits) for i in range(count)]
    integers, reals = [], []
    for i, (w, lattice, line) in enumerate(zip(client["widths"], client["lattices"], client["decoder"])):
        row = elements[i * (n + 1) : (i + 1) * (n + 1)]
        f = phase(row[:-1], row[-1], key)
        z, t, o = sums["step_width"] - w, lattice["step_bits"], lattice["offset"]
        nearest = (f * sums["modulus"] - (o << 64 + z) + (1 << 63 + z + t)) >> (64 + z + t)
        v, half = o + (nearest << t), 1 << (w - 1)
        if sums["rounding"] == "Exact":
            v = (v + half) % (2 * half) - half
        else:
            v = max(-half, min(half - 1, v))
        integers.append(v)
        reals.append(line["slope"] * v + line["offset"])
    return integers, outputs(client, reals)


def outputs(client, reals):
    """What the client makes of the scores."""
    own = client.get("interface", {}).get("outputs")
    if own is None:
        return reals
    made = [c["offset"] + sum(t["weight"] * reals[t["score"]] for t in c["terms"]) for c in own["combinations"]]
    grid = own.get("grid")
    if grid is None:
        return made
    scale, zero = grid["scale"], grid["zero_point"]
    levels = [max(grid["lo"], min(grid["hi"], round(x / scale) + zero)) for x in made]
    return levels if grid["form"] == "Level" else [scale * (q - zero) for q in levels]


def main():
    files = []
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            files.append(file.read())
    told, key, sent, received = files
    told = description(told)
    plan = told["plan"]
    fingerprint = bytes.fromhex(told["fingerprint"])
    owner = header(key, "client key")
    assert owner[0] == fingerprint, "the key was made for another plan"
    assert header(sent, "request") == owner == header(received, "reply"), "not of one key"
    inputs, scores = client_key(key, plan)
    seed, encoded = request(sent, plan, inputs)
    integers, reals = reply(received, plan, scores, seed)
    values = zip(order_of(plan["client"]), encoded, encoder_of(plan["client"])[1])
    reals_of = {place: scale * (q - zero) * std + mean for place, q, (mean, std, scale, zero) in values}
    inputs = [reals_of[place] for place in sorted(reals_of)]
    assert encode(plan["client"], inputs) == encoded, "the input is not on its grid"
    greatest = max(range(len(reals)), key=lambda i: reals[i])
    assert all(map(math.isfinite, reals))
    print(json.dumps({"name": told["name"], "encoded": encoded, "inputs": inputs, "integers": integers, "reals": reals, "greatest": greatest}))


main()
