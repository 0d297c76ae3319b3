"""Estimates how hard the LWE problems behind the keys are, with the lattice estimator.

    python estimate.py                       # every row of the guide's table
    python estimate.py 812,32 2048,64        # rows of your choice: dimension, bits of the modulus

Keys are uniform binary, noise is Gaussian with the standard deviation that the crate uses, and the
number of samples is not limited. README.md beside this file says what has to be installed.
"""

import argparse
import importlib
import math
import sys
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent

# Dimensions and moduli over the whole range that the search chooses from.
RANGE = [
    (500, 32), (512, 64), (650, 32), (800, 32), (1024, 64), (1030, 32), (1100, 32), (1300, 32),
    (1536, 64), (1600, 32), (2048, 64), (3072, 64), (4096, 64),
]
# Those of the plans of the models in examples/data.
SHIPPED = [
    (605, 64), (614, 32), (614, 64), (625, 32), (651, 64), (654, 64), (656, 64), (739, 32),
    (767, 32), (786, 32), (787, 32), (795, 32), (802, 32), (807, 32), (813, 32), (820, 32),
    (824, 32), (829, 32), (830, 32), (834, 32), (844, 32), (869, 32), (877, 32), (886, 32),
    (909, 32), (924, 32), (973, 32), (1008, 32), (1018, 32), (1023, 32), (1024, 64), (1027, 32),
    (1031, 32), (1052, 32), (1055, 32), (1056, 64), (1064, 32), (1079, 32), (1085, 32),
    (1127, 32), (1134, 32), (1536, 64), (2048, 64),
]


def sage_all():
    """Puts together the module `sage.all`, which passagemath distributes in parts."""
    merged = types.ModuleType("sage.all")
    for part in ["objects", "categories", "environment", "modules", "pari", "ntl", "flint", "gsl",
                 "schemes", "symbolics", "plot"]:
        names = vars(importlib.import_module(f"sage.all__sagemath_{part}"))
        merged.__dict__.update({k: v for k, v in names.items() if not k.startswith("__")})
    sys.modules["sage.all"] = merged


def secure_variance_of(dimension, modulus_bits):
    """`fhe_nn_proof::noise::secure_variance_of`, digit for digit: relative to the torus."""
    floor = 2.0 ** (4.0 - 2.0 * modulus_bits)
    return floor + 2.0 ** (5.31469187675068 - 0.0497829131652661 * dimension)


def estimate(dimension, modulus_bits):
    """Logarithms to base 2 of the operations of the four best attacks, and of the deviation."""
    from estimator import LWE, ND
    from sage.all import oo

    modulus = 2**modulus_bits
    deviation = math.sqrt(secure_variance_of(dimension, modulus_bits)) * modulus
    problem = LWE.Parameters(
        n=dimension, q=modulus, Xs=ND.Binary, Xe=ND.DiscreteGaussian(deviation), m=oo
    ).normalize()
    attacks = [
        LWE.primal_usvp,
        LWE.primal_bdd,
        lambda problem: LWE.primal_hybrid(problem, mitm=False, babai=False),
        LWE.dual_hybrid,
    ]
    return math.log2(deviation), [bits(attack(problem)["rop"]) for attack in attacks]


def bits(operations):
    """The logarithm to base 2; `None` if the estimator finds no attack."""
    from sage.all import RR, log, oo

    return None if operations == oo else float(log(RR(operations), 2))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="*", help="dimension,bits of the modulus")
    parser.add_argument(
        "--estimator", default=HERE / "lattice-estimator", help="a clone of malb/lattice-estimator"
    )
    arguments = parser.parse_args()
    sage_all()
    sys.path.insert(0, str(arguments.estimator))
    asked = [tuple(map(int, pair.split(","))) for pair in arguments.pairs]
    tables = {"asked for": asked} if asked else {"over the range": RANGE, "shipped": SHIPPED}
    for title, pairs in tables.items():
        print(f"| {title}: n, log q | log2 sigma | usvp | bdd | bdd_hybrid | dual_hybrid |")
        print("|---|---|---|---|---|---|", flush=True)
        least = min(row(*pair) for pair in pairs)
        print(f"\nleast: {least:.2f} bits\n")


def row(dimension, modulus_bits):
    """Prints a row, and returns the bits of its best attack."""
    deviation, attacks = estimate(dimension, modulus_bits)
    cells = " | ".join("-" if attack is None else f"{attack:.1f}" for attack in attacks)
    print(f"| {dimension}, {modulus_bits} | {deviation:.2f} | {cells} |", flush=True)
    return min(attack for attack in attacks if attack is not None)


if __name__ == "__main__":
    main()
